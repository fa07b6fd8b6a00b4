"""Sessions of people: logging in and out, whose a session is, and proof of who decides.

Password hashes are checked outside every transaction: a guess holds no connection while it is hashed. Whether it counts
is decided afterwards, one guess at a name after another.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from api.auth import store
from api.auth.passwords import fits
from api.auth.people import Person
from api.auth.second_factor import step_of
from meter.database.scope import NOBODY, Scope, act_as
from meter.database.seal import Seal

SESSION_HOURS = 8
IDLE_MINUTES = 30
SEEN_EVERY_SECONDS = 60
FAILURES_MAX, LOCKOUT_MINUTES = 5, 15


async def log_in(
    engine: AsyncEngine, name: str, password: str, now: datetime, code: str | None = None, *, seal: Seal | None = None
) -> str | None:
    """Return a session's token for the cookie, or None: name, password or code is wrong, or the name is locked out.

    A person with a second factor needs its current code; a code is taken once. Five failures within a quarter of an
    hour lock a name out for the rest of it, whoever tries and from wherever. Every outcome is in the audit log.
    """
    act_as(NOBODY)
    name = name[:64].replace("\0", "?") or "(no name)"
    async with engine.connect() as connection:
        seen = await store.person_called(connection, name)
    known = await fits(seen["password_hash"] if seen else None, password)
    async with engine.begin() as connection:
        await store.one_at_a_time(connection, name)
        row = await store.person_called(connection, name)
        known = known and row is not None and seen is not None and row["password_hash"] == seen["password_hash"]
        reason, step = "locked_out", None
        if not await _locked_out(connection, name, now):
            reason, step = await _judged(connection, row if known else None, code, now, seal)
        if reason or row is None:
            await store.refuse_session(connection, name, "login", reason, now)
            return None
        token = secrets.token_urlsafe(32)
        expires_at = now + timedelta(hours=SESSION_HOURS)
        await store.add_session(connection, _digest(token), name, now, expires_at, step)
    return token


async def whose(engine: AsyncEngine, token: str | None, now: datetime) -> Person | None:
    """Return whose session a token opens, or None: unknown, ended, expired, or idle for too long."""
    if not token:
        return None
    act_as(NOBODY)
    async with engine.connect() as connection:
        row = await store.open_session(connection, _digest(token), now, timedelta(minutes=IDLE_MINUTES))
    if row is None:
        return None
    if now - row["seen_at"] > timedelta(seconds=SEEN_EVERY_SECONDS):
        async with engine.begin() as connection:
            await store.mark_seen(connection, _digest(token), now)
    found = Person(row["name"], row["role"], row["city"], row["proven_at"], row["totp_step"] is not None)
    act_as(Scope(found.city or "*", found.actor))
    return found


async def prove_again(
    engine: AsyncEngine, token: str, password: str, code: str | None, now: datetime, *, seal: Seal | None = None
) -> bool:
    """Show password and code again, as a decision about money asks; counts towards lockout when it fails."""
    act_as(NOBODY)
    async with engine.connect() as connection:
        seen = await store.person_of(connection, _digest(token))
    if seen is None:
        return False
    right = await fits(seen["password_hash"], password)
    async with engine.begin() as connection:
        await store.one_at_a_time(connection, seen["name"])
        row = await store.person_of(connection, _digest(token))
        assert row is not None, "nobody deletes a session"
        locked = await _locked_out(connection, row["name"], now)
        used = await store.last_step(connection, row["id"])
        right = right and not locked and row["password_hash"] == seen["password_hash"]
        step = step_of(row, code, now, used, seal) if right else None
        if not right or (row["totp_secret"] and step is None):
            reason = "locked_out" if locked else "wrong_password_or_code"
            await store.refuse_session(connection, row["name"], "reauthenticate", reason, now)
            return False
        await store.mark_proven(connection, _digest(token), now, step)
    return True


async def log_out(engine: AsyncEngine, token: str, now: datetime) -> None:
    """End a session; ending it twice is no error."""
    act_as(NOBODY)
    async with engine.begin() as connection:
        await store.end_session(connection, _digest(token), now)


async def _locked_out(connection: AsyncConnection, name: str, now: datetime) -> bool:
    return await store.failures_of(connection, name, now - timedelta(minutes=LOCKOUT_MINUTES)) >= FAILURES_MAX


async def _judged(
    connection: AsyncConnection, row: Mapping[str, Any] | None, code: str | None, now: datetime, seal: Seal | None
) -> tuple[str, int | None]:
    """Why a login is refused ("" when it is not), and the time step of its code; `row` only where the password fits."""
    if row is None:
        return "wrong_name_or_password", None
    if row["disabled"]:
        return "disabled", None
    step = step_of(row, code, now, await store.last_step(connection, row["id"]), seal)
    return ("wrong_code", None) if row["totp_secret"] and step is None else ("", step)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
