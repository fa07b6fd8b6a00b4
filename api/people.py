"""People: creating them, logging them in and out; passwords are kept as argon2id hashes only."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import exists, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.tables import login, logout, person

ROLES = ("finance", "reviewer", "approver", "payer", "auditor", "operator", "admin")
SESSION_HOURS = 8
PASSWORD_CHARACTERS = (8, 256)
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash(secrets.token_urlsafe(16))  # verified for unknown names, so that both take the same time


@dataclass(frozen=True)
class Person:
    """Someone who is logged in."""

    name: str
    role: str
    city: str | None


async def create_person(
    engine: AsyncEngine, *, name: str, role: str, city: str | None, password: str, now: datetime
) -> None:
    """Create a person. Raises ValueError for an unknown role, a name in use or a password too short."""
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}; there are {', '.join(ROLES)}")
    if not PASSWORD_CHARACTERS[0] <= len(password) <= PASSWORD_CHARACTERS[1]:
        raise ValueError(f"a password has {PASSWORD_CHARACTERS[0]} to {PASSWORD_CHARACTERS[1]} characters")
    try:
        async with engine.begin() as connection:
            await connection.execute(
                insert(person).values(
                    name=name, role=role, city=city, password_hash=_HASHER.hash(password), created_at=now
                )
            )
    except IntegrityError:
        raise ValueError(f"there is a person called {name!r} already") from None


async def log_in(engine: AsyncEngine, name: str, password: str, now: datetime) -> str | None:
    """A session's token for the cookie, or None when name or password is wrong."""
    async with engine.connect() as connection:
        row = (await connection.execute(select(person).where(person.c.name == name))).mappings().first()
    try:
        _HASHER.verify(row["password_hash"] if row else _NOBODY, password[: PASSWORD_CHARACTERS[1]])
    except VerificationError:
        return None
    if row is None:
        return None
    token = secrets.token_urlsafe(32)
    async with engine.begin() as connection:
        await connection.execute(
            insert(login).values(
                token_digest=_digest(token), person=row["id"], created_at=now,
                expires_at=now + timedelta(hours=SESSION_HOURS),
            )
        )  # fmt: skip
    return token


async def whose(engine: AsyncEngine, token: str | None, now: datetime) -> Person | None:
    """Whose session a token opens, or None."""
    if not token:
        return None
    query = (
        select(person.c.name, person.c.role, person.c.city)
        .join(login, login.c.person == person.c.id)
        .where(login.c.token_digest == _digest(token), login.c.expires_at > now)
        .where(~exists().where(logout.c.token_digest == login.c.token_digest))
    )
    async with engine.connect() as connection:
        row = (await connection.execute(query)).first()
    return Person(*row) if row else None


async def log_out(engine: AsyncEngine, token: str, now: datetime) -> None:
    """End a session; ending it twice is no error."""
    async with engine.begin() as connection:
        known = await connection.execute(
            select(exists().where(login.c.token_digest == _digest(token))),
        )
        ended = await connection.execute(select(exists().where(logout.c.token_digest == _digest(token))))
        if known.scalar() and not ended.scalar():
            await connection.execute(insert(logout).values(token_digest=_digest(token), at=now))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
