"""People: who they are, what each role may ask, creating them and shutting them out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import store
from api.auth.passwords import Hashing, unfit, why_unfit
from api.auth.roles import COMPANY, ROLES, SCOPES_OF
from api.auth.second_factor import new_second_factor, sealed
from meter.database.seal import Seal
from meter.uscc import is_uscc

PROOF_MINUTES = 5  # how long a password and code stand for a decision about money


@dataclass(frozen=True)
class Person:
    """Someone who is logged in."""

    name: str
    role: str
    city: str | None
    proven_at: datetime | None = None
    second_factor: bool = False
    uscc: str | None = None
    """The entity for which he acts, of the role entity: he sees nothing of anybody else."""

    @property
    def actor(self) -> str:
        """The person, as decisions name him."""
        return f"person:{self.name}"

    @property
    def scopes(self) -> frozenset[str]:
        """What the person's role may ask of the API."""
        return SCOPES_OF[self.role]

    def may_decide(self, now: datetime) -> bool:
        """Return whether password and second factor were shown just now, as a decision about money asks."""
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
    uscc: str | None = None,
) -> None:
    """Create a person; who has the role entity acts for one, by its code `uscc`.

    Raises ValueError for an unknown role or city, a code that is none, a name in use or an unfit password.
    """
    check_person(name, role, city, uscc, password)
    made = {
        "name": name, "role": role, "city": city, "uscc": uscc, "password_hash": await Hashing().hashed(password),
        "created_at": now, "totp_secret": sealed(totp_secret, name, None) if totp_secret else None,
    }  # fmt: skip
    with name_taken(name):
        async with engine.begin() as connection:
            await store.add_person(connection, made)


@contextlib.contextmanager
def name_taken(name: str) -> Iterator[None]:
    """Say it as a ValueError when the database knows a person of this name already."""
    try:
        yield
    except IntegrityError as error:
        if "person_name_key" not in str(error.orig):  # the database may have another reason to refuse
            raise
        raise ValueError(f"there is a person called {name!r} already") from None


def check_person(name: str, role: str, city: str | None, uscc: str | None, password: str) -> None:
    """Raise ValueError for a person that cannot be made: role, name, city, code or password."""
    if role not in ROLES:
        raise ValueError(f"unknown role {role!r}; there are {', '.join(ROLES)}")
    if not 1 <= len(name) <= 64 or not name.isprintable():
        raise ValueError("a name has 1 to 64 printable characters")
    if city is not None and not (len(city) == 6 and city.isascii() and city.isdigit() and city.endswith("00")):
        raise ValueError("a city is a six-digit code that ends in 00")
    if (role == COMPANY) != (uscc is not None):
        raise ValueError(f"the role {COMPANY} acts for one entity, by its code (uscc), and no other role does")
    if uscc is not None:
        if city is not None:
            raise ValueError(f"the role {COMPANY} is bound to its entity and to no city")
        if not is_uscc(uscc):
            raise ValueError(f"{uscc!r} is no unified social credit code (GB 32100)")
    _check_password(password, name)


def _check_password(password: str, name: str) -> None:
    if word := unfit(password, name):
        raise ValueError(why_unfit(word))


async def give_password(engine: AsyncEngine, name: str, password: str, now: datetime) -> bool:
    """Give a person another password, which ends open sessions; False when there is nobody of this name.

    Raises ValueError for an unfit password.
    """
    _check_password(password, name)
    made = await Hashing().hashed(password)
    async with engine.begin() as connection:
        return await store.give_person(connection, name, "password", made, now)


async def give_second_factor(engine: AsyncEngine, name: str, now: datetime, seal: Seal | None = None) -> str | None:
    """Give a person another second factor, which ends open sessions; its URI, or None when there is nobody."""
    secret, uri = new_second_factor(name)
    async with engine.begin() as connection:
        given = await store.give_person(connection, name, "second_factor", sealed(secret, name, seal), now)
    return uri if given else None


async def list_people(engine: AsyncEngine) -> list[dict[str, object]]:
    """Return all people without their passwords, by name; who is disabled, and who has a second factor."""
    async with engine.connect() as connection:
        return await store.all_people(connection)


async def shut_out(engine: AsyncEngine, name: str, now: datetime, *, out: bool) -> bool:
    """Shut a person out (open sessions included), or let him in again; False when there is nobody of this name."""
    async with engine.begin() as connection:
        if await store.person_called(connection, name) is None:
            return False
        await store.note_person(connection, name, "disable" if out else "enable", now)
    return True


async def unlock(engine: AsyncEngine, name: str, now: datetime) -> None:
    """Let a locked out name try again at once; for the administrator, and on record."""
    async with engine.begin() as connection:
        await store.note_person(connection, name, "unlock", now)
