"""People of the console: made with a second factor, and logged in with its code."""

from __future__ import annotations

from datetime import UTC, datetime

import pyotp

from api.auth.people import create_person
from api.auth.second_factor import TOTP_SECONDS, new_second_factor
from api.auth.sessions import log_in
from meter.database.connect import owner_engine
from tests.support.api_client import ApiClient

PASSWORD = "long enough to be taken"


async def person_of(
    door: ApiClient, name: str, role: str, city: str | None = None, password: str = PASSWORD, uscc: str | None = None
) -> str:
    """Make a person with a second factor, behind the door: no administrator is asked; its secret."""
    secret, _ = new_second_factor(name)
    await create_person(
        owner_engine(door.url),
        name=name,
        role=role,
        city=city,
        password=password,
        now=datetime.now(UTC),
        totp_secret=secret,
        uscc=uscc,
    )
    return secret


def code_of(secret: str, moment: datetime | None = None) -> str:
    """The code that an authenticator shows (now)."""
    return pyotp.TOTP(secret, interval=TOTP_SECONDS).at(moment or datetime.now(UTC))


async def session_of(door: ApiClient, name: str, role: str, city: str | None = None, uscc: str | None = None) -> str:
    """Make a person with a second factor, and log in; the session's token."""
    secret = await person_of(door, name, role, city, uscc=uscc)
    session = await log_in(door.engine, name, PASSWORD, datetime.now(UTC), code_of(secret))
    assert session
    return session
