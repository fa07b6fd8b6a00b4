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
from api.auth.administration import store as administration
from api.auth.passwords import Hashing, unfit
from api.auth.people import Person
from api.auth.second_factor import step_of
from api.auth.store import SESSION_HOURS as SESSION_HOURS
from api.http import metrics
from api.settings import NEEDED
from meter.database.scope import NOBODY, Scope, act_as, known_by
from meter.database.seal import CannotUnseal, Seal

IDLE_MINUTES = 30
SEEN_EVERY_SECONDS = 60
FAILURES_MAX, LOCKOUT_MINUTES = 5, 15  # of one client for one name
SLOW_FAILURES, SLOW_SECONDS = 50, 5  # of all clients for one name; then one attempt in so many seconds from new places
KNOWN_DAYS = 30  # for which a place where somebody logged in is not slowed down


async def log_in(
    engine: AsyncEngine,
    name: str,
    password: str,
    now: datetime,
    code: str | None = None,
    *,
    client: str = "",
    hashing: Hashing | None = None,
    needed: frozenset[str] = NEEDED,
) -> str | None:
    """Return a session's token for the cookie, or None: name, password or code is wrong, or it is not to be tried now.

    A person with a second factor needs its current code; a code is taken once. A person of a role in `needed` without
    one stays out. Five failures of one client within a quarter of an hour lock it out for this name for the rest of
    it; after 50 of all clients, one attempt in five seconds is judged from where the name has not logged in lately.
    Every outcome is in the audit log. Raises Problem 429 when too many passwords are being checked.
    """
    act_as(NOBODY)
    name = name[:64].replace("\0", "?") or "(no name)"
    hashing = hashing or Hashing()
    async with hashing.place():  # for all that it asks of the database too: who has no place costs an answer only
        async with engine.connect() as connection:
            salt = await store.salt_of(connection, name)
            reason = await _barred(connection, name, client, now)
        shown = "" if reason else await hashing.shown(salt, password)
        return await _log_in(engine, name, shown, reason, now, code, client, needed)


async def _log_in(
    engine: AsyncEngine,
    name: str,
    shown: str,
    reason: str,
    now: datetime,
    code: str | None,
    client: str,
    needed: frozenset[str],
) -> str | None:
    """Judge a login with the hash that was shown, one guess at a name after another; the session's token or None."""
    async with engine.begin() as connection:
        await store.one_at_a_time(connection, name)
        row = await store.person_called(connection, name)
        known = await store.shows(connection, name, shown)  # as it is now: it may have been changed meanwhile
        step = None
        reason = reason or await _barred(connection, name, client, now)  # others may have failed meanwhile
        if not reason:
            reason, step = await _judged(connection, row if known else None, code, now, needed)
        if reason or row is None:
            await store.refuse_session(connection, name, "login", reason, now, client)
            metrics.LOGINS_REFUSED.labels(reason).inc()
            return None
        token = secrets.token_urlsafe(32)
        await store.add_session(connection, _digest(token), name, shown, now, step, client)
    return token


async def whose(engine: AsyncEngine, token: str | None, now: datetime) -> Person | None:
    """Return whose session a token opens, or None: unknown, ended, expired, or idle for too long."""
    if not token:
        return None
    act_as(NOBODY)
    era = known_by(engine).era
    async with engine.connect() as connection:
        row = await store.open_session(connection, _digest(token), now, timedelta(minutes=IDLE_MINUTES))
    if row is None:
        return None
    if now - row["seen_at"] > timedelta(seconds=SEEN_EVERY_SECONDS):
        async with engine.begin() as connection:
            await store.mark_seen(connection, _digest(token), now)
    found = Person(row["name"], row["role"], row["city"], row["proven_at"], row["totp_step"] is not None, row["uscc"])
    company = found.uscc is not None
    act_as(Scope("" if company else found.city or "*", found.actor, era, proof_of_session(token), company))
    return found


def proof_of_session(token: str) -> str:
    """Return what the database is shown of a session."""
    return f"session:{_digest(token).hex()}"


async def prove_again(
    engine: AsyncEngine,
    token: str,
    password: str,
    code: str | None,
    now: datetime,
    *,
    hashing: Hashing | None = None,
    seal: Seal | None = None,
) -> bool:
    """Show password and code again, as a decision about money asks.

    Five failures within a quarter of an hour lock this session out of it; failures of logins do not count.
    """
    act_as(NOBODY)
    here = f"session {_digest(token).hex()[:16]}"
    async with engine.connect() as connection:
        seen = await store.person_of(connection, _digest(token))
        locked = seen is not None and await _locked_out(connection, seen["name"], "reauthenticate", here, now)
        salt = None if seen is None else await store.salt_of(connection, seen["name"])
    if seen is None:
        return False
    async with (hashing := hashing or Hashing()).place(logged_in=True):
        shown = "" if locked else await hashing.shown(salt, password)
    async with engine.begin() as connection:
        await store.one_at_a_time(connection, seen["name"])
        row = await store.person_of(connection, _digest(token))
        assert row is not None, "nobody deletes a session"
        locked = locked or await _locked_out(connection, row["name"], "reauthenticate", here, now)
        used = await store.last_step(connection, row["id"])
        right = not locked and await store.shows(connection, row["name"], shown)
        step = step_of(row, code, now, used, seal) if right else None
        if not right or (row["totp_secret"] and step is None):
            reason = "locked_out" if locked else "wrong_password_or_code"
            await store.refuse_session(connection, row["name"], "reauthenticate", reason, now, here)
            metrics.LOGINS_REFUSED.labels(reason).inc()
            return False
        await store.mark_proven(connection, _digest(token), shown, now, step)
    return True


async def change_password(
    engine: AsyncEngine,
    token: str,
    given: Mapping[str, str],
    now: datetime,
    *,
    hashing: Hashing | None = None,
    seal: Seal | None = None,
) -> str:
    """Change one's own password: `password` and `code` are shown as for a decision, `new` is to be the next.

    "" when it is changed, and then all sessions of the person have ended; otherwise a word: one of `unfit`, `same`,
    or `wrong` for password and code.
    """
    act_as(NOBODY)
    hashing = hashing or Hashing()
    async with engine.connect() as connection:
        person = await store.person_of(connection, _digest(token))
    if person is None:
        return "wrong"
    old, new = given.get("password", ""), given.get("new", "")
    if word := "same" if old == new else unfit(new, person["name"]):
        return word
    if not await prove_again(engine, token, old, given.get("code") or None, now, hashing=hashing, seal=seal):
        return "wrong"
    async with hashing.place(logged_in=True):
        made = await hashing.hashed(new)
    async with engine.begin() as connection:
        await store.change_password(connection, _digest(token), made, now)
    return ""


async def change_second_factor(
    engine: AsyncEngine, token: str, kept: str, code: str, now: datetime, seal: Seal | None = None
) -> bool:
    """Change one's own second factor for the one that is kept in `kept`, sealed, if this is its code.

    Password and code of the old one were shown within minutes, or the database refuses. All sessions end.
    """
    act_as(NOBODY)
    async with engine.begin() as connection:
        person = await store.person_of(connection, _digest(token))
        try:
            if person is None or step_of({**person, "totp_secret": kept}, code, now, None, seal) is None:
                return False
        except CannotUnseal:
            return False
        await administration.change_second_factor(connection, _digest(token), kept, now)
    return True


async def log_out(engine: AsyncEngine, token: str, now: datetime) -> None:
    """End a session; ending it twice is no error."""
    act_as(NOBODY)
    async with engine.begin() as connection:
        await store.end_session(connection, _digest(token), now)


async def _locked_out(connection: AsyncConnection, name: str, event: str, client: str, now: datetime) -> bool:
    since = now - timedelta(minutes=LOCKOUT_MINUTES)
    count, _ = await store.failures_of(connection, name, event, since, client)
    return count >= FAILURES_MAX


async def _barred(connection: AsyncConnection, name: str, client: str, now: datetime) -> str:
    """Return why a login is not even tried now, or ""."""
    if await _locked_out(connection, name, "login", client, now):
        return "locked_out"
    count, last = await store.failures_of(connection, name, "login", now - timedelta(minutes=LOCKOUT_MINUTES))
    if count < SLOW_FAILURES or last is None or now - last >= timedelta(seconds=SLOW_SECONDS):
        return ""
    known = await store.was_here(connection, name, client, now - timedelta(days=KNOWN_DAYS))
    return "" if known else "slowed_down"


async def _judged(
    connection: AsyncConnection,
    row: Mapping[str, Any] | None,
    code: str | None,
    now: datetime,
    needed: frozenset[str],
) -> tuple[str, int | None]:
    """Return why a login is refused ("" when it is not), and the time step of its code.

    `row` only where the password fits.
    """
    if row is None:
        return "wrong_name_or_password", None
    if row["disabled"]:
        return "disabled", None
    if row["role"] in needed and not row["totp_secret"]:
        return "second_factor_missing", None
    step = step_of(row, code, now, await store.last_step(connection, row["id"]), None)
    return ("wrong_code", None) if row["totp_secret"] and step is None else ("", step)


def _digest(token: str) -> bytes:
    """What the database is shown of a token; it keeps the digest of that."""
    return hashlib.sha256(token.encode()).digest()
