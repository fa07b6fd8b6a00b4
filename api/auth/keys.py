"""API keys: making, showing once, checking, revoking."""

from __future__ import annotations

import asyncio
import functools
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from fastapi import Request
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth import signing, store
from api.auth.administration import store as administration
from api.auth.roles import SCOPES
from api.http.problem import Problem
from meter.audit.store import note
from meter.database.scope import NOBODY, Scope, act_as, acting, known_by

NAME_CHARACTERS = 100
REMEMBER_SECONDS = 0.5  # a revoked key stops working within a second on every worker
NOTE_SECONDS, NOTED_MAX, UNKNOWN_MAX = (
    3600.0,
    10_000,
    1_000,
)  # a use of a key is in the audit log once an hour: batches name their key
MARK, PREFIX_BYTES = "suanbu", 6


@dataclass(frozen=True)
class Caller:
    """Who is asking: the key's name (never its secret), its scopes, the source and the city it is bound to."""

    key_id: int
    name: str
    scopes: frozenset[str]
    source: tuple[int, str] | None
    city: str | None
    era: int
    """Of the database that says so: another one may know another key, and the source under another number."""

    @property
    def actor(self) -> str:
        """The holder, as decisions name him: two keys of one name are one hand, so rotation makes no second person."""
        return f"key:{self.name}"


class NewKey(NamedTuple):
    """A key to be made: its holder and scopes, the source and the city it is bound to, and how long it is good."""

    name: str
    scopes: list[str]
    source: str | None = None
    city: str | None = None
    expires_at: datetime | None = None
    signed: bool = False


async def create_key(engine: AsyncEngine, new: NewKey, *, now: datetime, live_max: int | None = None) -> str:
    """Make a key and return it; it can never be shown again.

    Raises ValueError for an unknown scope or city, a name that is none, or when the holder has `live_max` live keys
    already: two, and a third only after one was revoked, is how keys are rotated.
    """
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_urlsafe(32)
    name, scopes, source, city, expires_at, signed = checked(new)
    async with engine.begin() as connection:
        number = await store.source_number(connection, source) if source else None
        if live_max is not None and await store.count_live_keys(connection, name, now) >= live_max:
            raise ValueError(f"{name!r} has {live_max} live keys: revoke one first")
        made = {
            "prefix": prefix, "secret_digest": _digest(secret), "name": name, "scopes": scopes, "source": number,
            "city": city, "created_at": now, "expires_at": expires_at, "signed": signed,
        }  # fmt: skip
        await store.add_key(connection, made)
    return f"{MARK}_{prefix}_{secret}"


async def create_key_as_administrator(engine: AsyncEngine, new: NewKey, now: datetime) -> str:
    """Make a key for who is logged in as administrator and return it; a holder has two live keys at most.

    Raises ValueError like `create_key`; the database refuses whoever is none.
    """
    prefix, secret = secrets.token_hex(PREFIX_BYTES), secrets.token_urlsafe(32)
    async with engine.begin() as connection:
        await administration.add_key(connection, prefix, _digest(secret), checked(new)._asdict(), now)
    return f"{MARK}_{prefix}_{secret}"


async def revoke_key_as_administrator(engine: AsyncEngine, prefix: str, now: datetime) -> bool:
    """Revoke a key for who is logged in as administrator; False when there is none with this prefix."""
    async with engine.begin() as connection:
        return await administration.revoke_key(connection, prefix, now)


def checked(new: NewKey) -> NewKey:
    """Return a key that can be made: one that sends usage has a source. Raises ValueError for what it cannot have."""
    name, scopes, source, city, _, _ = new
    if city is not None and not (len(city) == 6 and city.isascii() and city.isdigit() and city.endswith("00")):
        raise ValueError("a city is a six-digit code that ends in 00")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ValueError(f"unknown scope {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    if not _is_name(name):
        raise ValueError(f"a name has 1 to {NAME_CHARACTERS} printable characters and no blank at either end")
    if source is None and "usage:write" in scopes:
        source = name
    if source is not None and (not _is_name(source) or "/" in source or source in (".", "..")):
        raise ValueError(f"{source!r} cannot name a source: a source is a part of the paths of its records")
    return new._replace(source=source)


async def list_keys(engine: AsyncEngine) -> list[dict[str, object]]:
    """Return all keys without their secrets, oldest first."""
    async with engine.connect() as connection:
        return await store.all_keys(connection)


async def revoke_key(engine: AsyncEngine, prefix: str, now: datetime) -> bool:
    """Revoke a key for ever; False when there is none with this prefix."""
    async with engine.begin() as connection:
        return await store.revoke(connection, prefix, now)


class _Known(NamedTuple):
    """What is remembered of a key, and since when (monotonic seconds)."""

    asked: float
    check_digest: bytes
    caller: Caller
    expires_at: datetime | None
    signed: bool


class KeyRing:
    """Checks the keys of requests, remembering each answer for half a second."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._database = known_by(engine)
        self._clock = clock
        self._noted: dict[tuple[str, str], float] = {}
        self._remembered: dict[str, _Known] = {}
        self._asked: dict[tuple[str, int], asyncio.Task[_Known | None]] = {}

    async def caller(self, authorization: str | None, request: Request) -> Caller:
        """Return who sends this Authorization header, with this request. Raises Problem 401.

        From here on the task acts on the caller's behalf.
        """
        scheme, _, token = (authorization or "").partition(" ")
        mark, _, rest = token.strip().partition("_")
        prefix, _, secret = rest.partition("_")
        if scheme.lower() != "bearer" or mark != MARK or not (secret or _is_prefix(prefix)):
            raise Problem(401, "no_key", "an API key is needed: Authorization: Bearer <key>")
        found = self._remembered.get(prefix)
        if found is not None and found.caller.era != self._database.era:
            found = None
        age = REMEMBER_SECONDS if found is None else time.monotonic() - found.asked
        if age >= REMEMBER_SECONDS:
            found = await asyncio.shield(self._asking(prefix))
        elif age >= REMEMBER_SECONDS / 2:
            self._asking(prefix)  # so that nobody has to wait for the answer when this one is too old
        named_only = found is not None and found.signed and not secret  # the signature proves who it is
        shown = _digest(secret)
        if found is None or not (named_only or hmac.compare_digest(found.check_digest, hashlib.sha256(shown).digest())):
            await self._note("key:unknown", prefix, "refused", "unknown_key")
            raise Problem(401, "unknown_key", "the API key is unknown or revoked")
        caller = found.caller
        if found.expires_at is not None and found.expires_at <= self._clock():
            await self._note(caller.actor, prefix, "refused", "expired_key")
            raise Problem(401, "expired_key", "the API key has expired")
        if found.signed and not named_only:
            await self._note(caller.actor, prefix, "refused", "secret_sent")
            raise Problem(
                401, "secret_sent", f"signed requests name the key as {MARK}_{prefix} and never carry its secret"
            )
        proof = await self._signed(request, found, prefix) if found.signed else f"key:{prefix}:{shown.hex()}"
        act_as(Scope(caller.city or "*", caller.actor, caller.era, proof))
        await self._note(caller.actor, prefix, "done", "")
        return caller

    async def _signed(self, request: Request, found: _Known, prefix: str) -> str:
        """The proof of a signed request: checked once for a request, however often it is asked who sends it."""
        key_id, proof = getattr(request.state, "signed_by", (None, ""))
        if key_id == found.caller.key_id:
            return str(proof)
        try:
            proof = await signing.check(self._engine, request, found.caller.key_id, prefix, self._clock())
        except Problem as problem:
            await self._note(found.caller.actor, prefix, "refused", problem.code)
            raise
        request.state.signed_by = (found.caller.key_id, proof)
        return proof

    async def _note(self, actor: str, prefix: str, result: str, code: str) -> None:
        """Put a use of a key into the audit log: the first in this process, then one an hour for each outcome."""
        about = prefix if _is_prefix(prefix) else "(no prefix of ours)"
        if code == "unknown_key" and len(self._noted) > UNKNOWN_MAX:
            about = "(many prefixes)"  # guessing must not fill the log
        last = self._noted.get((about, code))
        if last is not None and time.monotonic() - last < NOTE_SECONDS:
            return
        if len(self._noted) > NOTED_MAX:
            self._noted.clear()
        self._noted[about, code] = time.monotonic()
        await note(self._engine, actor, "key.use", about, result, {"code": code} if code else None)

    def _asking(self, prefix: str) -> asyncio.Task[_Known | None]:
        """Return the question about a key that is under way: many requests at once ask it once."""
        about = prefix, self._database.era
        asking = self._asked.get(about)
        if asking is None:
            asking = self._asked[about] = asyncio.create_task(self._look_up(*about))
            asking.add_done_callback(functools.partial(self._answered, about))
        return asking

    def _answered(self, about: tuple[str, int], asking: asyncio.Task[_Known | None]) -> None:
        del self._asked[about]
        if not asking.cancelled():
            asking.exception()  # whoever waits for it gets it; nobody may be waiting

    async def _look_up(self, prefix: str, era: int) -> _Known | None:
        asked = time.monotonic()
        with acting(NOBODY):
            async with self._engine.connect() as connection:
                row = await store.live_key(connection, prefix)
        if len(self._remembered) > 10_000:
            self._remembered.clear()
        if row is None:
            self._remembered.pop(prefix, None)
            return None
        source = (row["source"], row["source_name"]) if row["source"] is not None else None
        caller = Caller(row["id"], row["name"], frozenset(row["scopes"]), source, row["city"], era)
        self._remembered[prefix] = _Known(asked, row["check_digest"], caller, row["expires_at"], row["signed"])
        return self._remembered[prefix]


def proof_of_key(row: Mapping[str, Any], prefix: str, secret: str, now: datetime) -> str | None:
    """Return what the database is shown of a key; None where the secret is another's, or it has expired, or signs."""
    shown = _digest(secret)
    right = hmac.compare_digest(row["check_digest"], hashlib.sha256(shown).digest())
    live = row["expires_at"] is None or row["expires_at"] > now
    return f"key:{prefix}:{shown.hex()}" if right and live and not row["signed"] else None


def _is_prefix(text: str) -> bool:
    return len(text) == 2 * PREFIX_BYTES and text.isascii() and text.isalnum()


def _is_name(text: str) -> bool:
    return 0 < len(text) <= NAME_CHARACTERS and text == text.strip() and text.isprintable()


def require(caller: Caller, scope: str, *, of_a_city: bool = False) -> None:
    """Raise Problem 403 unless the caller's key carries the scope.

    Who is bound to a city is let in only where a route says that it can answer for one city (`of_a_city`).
    """
    if scope not in caller.scopes:
        raise Problem(403, "scope_missing", f"this needs a key with scope {scope}")
    if caller.city is not None and not of_a_city:
        raise Problem(403, "city_limited", "this is not open to who is bound to one city")


def _digest(secret: str) -> bytes:
    # the secret has 256 random bits: a slow hash would add nothing but latency
    return hashlib.sha256(secret.encode()).digest()
