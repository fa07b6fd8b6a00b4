"""People kept by an administrator in the console: made with a password and a second factor, changed, shut out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth.administration import store
from api.auth.passwords import Hashing, new_password
from api.auth.people import check_person, name_taken
from api.auth.second_factor import new_second_factor, sealed


class Secrets(NamedTuple):
    """What is shown once: a password, and the URI that an authenticator takes in. "" where there is none."""

    password: str = ""
    uri: str = ""


async def make_person(engine: AsyncEngine, wanted: Mapping[str, str], hashing: Hashing, now: datetime) -> Secrets:
    """Make a person of `name`, `role`, `city` and `uscc` ("" for none); the secrets. Raises ValueError."""
    name, role = wanted["name"], wanted["role"]
    city, uscc = wanted.get("city") or None, wanted.get("uscc") or None
    password = new_password(name) if name else ""
    check_person(name, role, city, uscc, password)
    secret, uri = new_second_factor(name)
    async with hashing.place(logged_in=True):
        made = await hashing.hashed(password)
    with name_taken(name):
        async with engine.begin() as connection:
            await store.add_person(connection, {
                "name": name, "role": role, "city": city, "uscc": uscc, "password_hash": made, "created_at": now,
                "totp_secret": sealed(secret, name, None),
            })  # fmt: skip
    return Secrets(password, uri)


async def give_password(engine: AsyncEngine, name: str, hashing: Hashing, now: datetime) -> Secrets | None:
    """Give somebody another password, which ends his sessions; None where there is nobody of this name."""
    password = new_password(name)
    async with hashing.place(logged_in=True):
        made = await hashing.hashed(password)
    async with engine.begin() as connection:
        return Secrets(password=password) if await store.give(connection, name, "password", made, now) else None


async def give_second_factor(engine: AsyncEngine, name: str, now: datetime) -> Secrets | None:
    """Give somebody another second factor, which ends his sessions; None where there is nobody of this name."""
    secret, uri = new_second_factor(name)
    async with engine.begin() as connection:
        given = await store.give(connection, name, "second_factor", sealed(secret, name, None), now)
    return Secrets(uri=uri) if given else None


async def note(engine: AsyncEngine, name: str, event: str, now: datetime) -> None:
    """Shut somebody out (`disable`), let him in again (`enable`) or let a locked out name try again (`unlock`)."""
    async with engine.begin() as connection:
        await store.note(connection, name, event, now)
