"""People: creating them, logging them in and out; argon2id for passwords, TOTP (RFC 6238) for the second factor."""

from __future__ import annotations

import asyncio
import base64
import functools
import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from sqlalchemy import exists, func, insert, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.auth.tables import ROLES as ROLES
from api.auth.tables import login, logout, person, person_event
from meter.database.scope import NOBODY, Scope, act_as
from meter.database.seal import Seal, seal_from_environment

SESSION_HOURS = 8
IDLE_MINUTES = 30
PROOF_MINUTES = 5  # how long a password and code stand for a decision about money
SEEN_EVERY_SECONDS = 60
FAILURES_MAX, LOCKOUT_MINUTES = 5, 15
PASSWORD_CHARACTERS = (8, 256)
TOTP_SECONDS = 30
_HASHER = PasswordHasher()  # argon2id, the library's defaults (RFC 9106, low memory)


@functools.cache
def _hash_of_nobody() -> str:
    """A hash that no password has and that takes as long to verify as any: for names that nobody has."""
    salt, digest = (
        base64.b64encode(secrets.token_bytes(size)).decode().rstrip("=")
        for size in (_HASHER.salt_len, _HASHER.hash_len)
    )
    costs = f"m={_HASHER.memory_cost},t={_HASHER.time_cost},p={_HASHER.parallelism}"
    return f"$argon2id$v=19${costs}${salt}${digest}"


# least privilege: what a role may ask of the API, and nobody more than he needs; who administers reads no money,
# and who audits decides nothing
SCOPES_OF: dict[str, frozenset[str]] = {
    "finance": frozenset({"settlement:run", "report:read", "usage:read", "registry:read", "payout:read"}),
    "reviewer": frozenset({"settlement:review", "report:read"}),
    "approver": frozenset({"settlement:approve", "report:read", "payout:read"}),
    "payer": frozenset({"payout:run", "payout:read"}),
    "auditor": frozenset({"audit:read", "report:read", "usage:read", "registry:read", "payout:read"}),
    "operator": frozenset({"usage:read", "registry:read"}),
    "admin": frozenset(),
}
assert set(SCOPES_OF) == set(ROLES)


@dataclass(frozen=True)
class Person:
    """Someone who is logged in."""

    name: str
    role: str
    city: str | None
    proven_at: datetime | None = None
    second_factor: bool = False

    @property
    def actor(self) -> str:
        """The person, as decisions name him."""
        return f"person:{self.name}"

    @property
    def scopes(self) -> frozenset[str]:
        """What the person's role may ask of the API."""
        return SCOPES_OF[self.role]

    def may_decide(self, now: datetime) -> bool:
        """Whether password and second factor were shown just now, as a decision about money asks."""
        fresh = self.proven_at is not None and now - self.proven_at <= timedelta(minutes=PROOF_MINUTES)
        return fresh and self.second_factor


async def create_person(
    engine: AsyncEngine,
    *,
    name: str,
    role: str,
    city: str | None,
    password: str,
    now: datetime,
    totp_secret: str | None = None,
    seal: Seal | None = None,
) -> None:
    """Create a person. Raises ValueError for an unknown role or city, a name in use or a password too short."""
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}; there are {', '.join(ROLES)}")
    if not 1 <= len(name) <= 64 or not name.isprintable():
        raise ValueError("a name has 1 to 64 printable characters")
    if city is not None and not (len(city) == 6 and city.isascii() and city.isdigit() and city.endswith("00")):
        raise ValueError("a city is a six-digit code that ends in 00")
    if not PASSWORD_CHARACTERS[0] <= len(password) <= PASSWORD_CHARACTERS[1]:
        raise ValueError(f"a password has {PASSWORD_CHARACTERS[0]} to {PASSWORD_CHARACTERS[1]} characters")
    try:
        async with engine.begin() as connection:
            await connection.execute(
                insert(person).values(
                    name=name, role=role, city=city, password_hash=_HASHER.hash(password), created_at=now,
                    totp_secret=_sealed(totp_secret, name, seal) if totp_secret else None,
                )
            )  # fmt: skip
    except IntegrityError:
        raise ValueError(f"there is a person called {name!r} already") from None


def new_second_factor(name: str) -> tuple[str, str]:
    """A fresh TOTP secret, and the URI by which an authenticator takes it in."""
    secret = pyotp.random_base32()
    return secret, pyotp.TOTP(secret, interval=TOTP_SECONDS).provisioning_uri(name=name, issuer_name="suanbu")


async def log_in(
    engine: AsyncEngine, name: str, password: str, now: datetime, code: str | None = None, *, seal: Seal | None = None
) -> str | None:
    """A session's token for the cookie, or None when name, password or code is wrong, or the name is locked out.

    Who has a second factor needs its current code; a code is taken once. Five failures within a quarter of an hour lock
    a name out for the rest of it, whoever tries and from wherever. Every outcome is in the audit log.
    """
    act_as(NOBODY)
    name = name[:64].replace("\0", "?") or "(no name)"
    async with engine.begin() as connection:
        await _one_at_a_time(connection, name)
        of_this_name = select(person, _shut_out().label("disabled")).where(person.c.name == name)
        row = (await connection.execute(of_this_name)).mappings().first()
        failures = await _failures(connection, name, now)
        used = (await connection.execute(_last_step(row["id"]))).scalar() if row else None
        known = await _verified(row["password_hash"] if row else _hash_of_nobody(), password)
        reason, step = "locked_out", None
        if failures < FAILURES_MAX:
            reason = "disabled" if known and row is not None and row["disabled"] else "wrong_name_or_password"
            if known and row is not None and not row["disabled"]:
                step = _step_of(row, code, now, used, seal)
                reason = "wrong_code" if row["totp_secret"] and step is None else ""
        if reason or row is None:
            await _note(connection, name, "login", "refused", now, {"reason": reason})
            return None
        token = secrets.token_urlsafe(32)
        await connection.execute(
            insert(login).values(
                token_digest=_digest(token), person=row["id"], created_at=now, seen_at=now, proven_at=now,
                expires_at=now + timedelta(hours=SESSION_HOURS), totp_step=step,
            )
        )  # fmt: skip
        await _note(connection, name, "login", "done", now, {"second_factor": step is not None})
    return token


async def whose(engine: AsyncEngine, token: str | None, now: datetime) -> Person | None:
    """Whose session a token opens, or None: unknown, ended, expired, or idle for too long."""
    if not token:
        return None
    act_as(NOBODY)
    query = (
        select(
            person.c.name, person.c.role, person.c.city, login.c.proven_at, login.c.totp_step, login.c.seen_at,
        )
        .join(login, login.c.person == person.c.id)
        .where(login.c.token_digest == _digest(token), login.c.expires_at > now)
        .where(login.c.seen_at > now - timedelta(minutes=IDLE_MINUTES))
        .where(~exists().where(logout.c.token_digest == login.c.token_digest))
        .where(~_shut_out())
    )  # fmt: skip
    async with engine.connect() as connection:
        row = (await connection.execute(query)).first()
    if row is None:
        return None
    if now - row.seen_at > timedelta(seconds=SEEN_EVERY_SECONDS):
        async with engine.begin() as connection:
            await connection.execute(update(login).where(login.c.token_digest == _digest(token)).values(seen_at=now))
    found = Person(row.name, row.role, row.city, row.proven_at, row.totp_step is not None)
    act_as(Scope(found.city or "*", found.actor))
    return found


async def prove_again(
    engine: AsyncEngine, token: str, password: str, code: str | None, now: datetime, *, seal: Seal | None = None
) -> bool:
    """Show password and code again, as a decision about money asks; counts towards lockout when it fails."""
    act_as(NOBODY)
    query = select(person).join(login, login.c.person == person.c.id).where(login.c.token_digest == _digest(token))
    async with engine.begin() as connection:
        row = (await connection.execute(query)).mappings().first()
        if row is None:
            return False
        await _one_at_a_time(connection, row["name"])
        failures = await _failures(connection, row["name"], now)
        used = (await connection.execute(_last_step(row["id"]))).scalar()
        right = await _verified(row["password_hash"], password) and failures < FAILURES_MAX
        step = _step_of(row, code, now, used, seal) if right else None
        if not right or (row["totp_secret"] and step is None):
            reason = "locked_out" if failures >= FAILURES_MAX else "wrong_password_or_code"
            await _note(connection, row["name"], "reauthenticate", "refused", now, {"reason": reason})
            return False
        await connection.execute(
            update(login).where(login.c.token_digest == _digest(token)).values(proven_at=now, totp_step=step)
        )
        await _note(connection, row["name"], "reauthenticate", "done", now, {})
    return True


async def log_out(engine: AsyncEngine, token: str, now: datetime) -> None:
    """End a session; ending it twice is no error."""
    act_as(NOBODY)
    async with engine.begin() as connection:
        known = await connection.execute(
            select(person.c.name).join(login, login.c.person == person.c.id).where(
                login.c.token_digest == _digest(token)
            )
        )  # fmt: skip
        name = known.scalar()
        ended = await connection.execute(select(exists().where(logout.c.token_digest == _digest(token))))
        if name is not None and not ended.scalar():
            await connection.execute(insert(logout).values(token_digest=_digest(token), at=now))
            await _note(connection, name, "logout", "done", now, {})


async def list_people(engine: AsyncEngine) -> list[dict[str, object]]:
    """All people without their passwords, by name; who is disabled, and who has a second factor."""
    query = select(
        person.c.name, person.c.role, person.c.city, person.c.created_at,
        person.c.totp_secret.is_not(None).label("second_factor"), _shut_out().label("disabled"),
    ).order_by(person.c.name)  # fmt: skip
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def shut_out(engine: AsyncEngine, name: str, now: datetime, *, out: bool) -> bool:
    """Shut a person out (open sessions included), or let him in again; False when there is nobody of this name."""
    async with engine.begin() as connection:
        if (await connection.execute(select(person.c.id).where(person.c.name == name))).first() is None:
            return False
        await _note(connection, name, "disable" if out else "enable", "done", now, {})
    return True


def _shut_out() -> Any:
    """Whether the last word about a person was to shut him out."""
    last = (
        select(person_event.c.event)
        .where(person_event.c.name == person.c.name, person_event.c.event.in_(("disable", "enable")))
        .order_by(person_event.c.id.desc())
        .limit(1)
    )
    return func.coalesce(last.scalar_subquery(), "enable") == "disable"


async def unlock(engine: AsyncEngine, name: str, now: datetime) -> None:
    """Let a locked out name try again at once; for the administrator, and on record."""
    async with engine.begin() as connection:
        await _note(connection, name, "unlock", "done", now, {})


async def _one_at_a_time(connection: AsyncConnection, name: str) -> None:
    """Guesses at one name follow one another, over all workers: none slips in before the last one is counted."""
    await connection.execute(text("select pg_advisory_xact_lock(23225, hashtext(:name))"), {"name": name})


async def _verified(kept: str, password: str) -> bool:
    def verify() -> bool:
        try:
            return _HASHER.verify(kept, password[: PASSWORD_CHARACTERS[1]])
        except VerificationError:
            return False

    return await asyncio.to_thread(verify)  # it is meant to take long


def _step_of(row: Any, code: str | None, now: datetime, used: int | None, seal: Seal | None) -> int | None:
    """The time step whose code this is (this one or a neighbour), when it is later than the last one used."""
    if not row["totp_secret"] or not code or not code.isascii() or not code.isdigit():
        return None
    totp = pyotp.TOTP(_unsealed(row["totp_secret"], row["name"], seal), interval=TOTP_SECONDS)
    this = int(now.timestamp()) // TOTP_SECONDS
    for step in (this - 1, this, this + 1):
        if step > (used or 0) and secrets.compare_digest(totp.generate_otp(step), code):
            return step
    return None


def _last_step(number: int) -> Any:
    return select(func.max(login.c.totp_step)).where(login.c.person == number)


async def _failures(connection: AsyncConnection, name: str, now: datetime) -> int:
    """Failures of a name in the last quarter of an hour, since it last succeeded or was unlocked."""
    cleared = select(func.coalesce(func.max(person_event.c.id), 0)).where(
        person_event.c.name == name, person_event.c.result == "done",
        person_event.c.event.in_(("login", "reauthenticate", "unlock")),
    )  # fmt: skip
    counted = select(func.count()).where(
        person_event.c.name == name,
        person_event.c.result == "refused",
        person_event.c.detail["reason"].astext != "locked_out",  # or an attacker could keep somebody out for ever
        person_event.c.at > now - timedelta(minutes=LOCKOUT_MINUTES),
        person_event.c.id > cleared.scalar_subquery(),
    )
    return int((await connection.execute(counted)).scalar_one())


async def _note(
    connection: AsyncConnection, name: str, event: str, result: str, now: datetime, detail: dict[str, Any]
) -> None:
    """Put it on record, as done by the person; a login that was refused was somebody's whom nobody knows."""
    known = event in ("login", "reauthenticate", "logout") and not (event == "login" and result == "refused")
    who = f"person:{name}" if known else "nobody" if event == "login" else None  # None: whoever runs the command
    await connection.execute(
        insert(person_event).values(name=name, event=event, result=result, actor=who, at=now, detail=detail)
    )


def _sealed(secret: str, name: str, seal: Seal | None) -> str:
    seal = seal or seal_from_environment()
    if seal is None:
        raise ValueError("a second factor needs the sealing key, which lies in the data directory")
    return seal.seal(secret, f"totp {name}")


def _unsealed(sealed: str, name: str, seal: Seal | None) -> str:
    seal = seal or seal_from_environment()
    if seal is None:
        raise ValueError("a second factor needs the sealing key, which lies in the data directory")
    return seal.unseal(sealed, f"totp {name}")


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
