"""API keys: making, showing once, checking, revoking."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import exists, insert, select, text
from sqlalchemy.ext.asyncio import AsyncEngine

from api.problem import Problem
from api.tables import api_key, api_key_revocation
from meter.database.scope import NOBODY, Scope, act_as, acting
from meter.journal.tables import source as source_table

SCOPES = (
    "usage:write", "usage:read", "registry:write", "registry:read", "settlement:run", "settlement:review",
    "settlement:approve", "report:read", "payout:read", "payout:run", "audit:read",
)  # fmt: skip
REMEMBER_SECONDS = 0.5  # a revoked key stops working within a second on every worker
MARK = "suanbu"


@dataclass(frozen=True)
class Caller:
    """Who is asking: the key's name (never its secret), its scopes, the source and the city it is bound to."""

    key_id: int
    name: str
    scopes: frozenset[str]
    source: tuple[int, str] | None
    city: str | None

    @property
    def actor(self) -> str:
        """The holder, as decisions name him: two keys of one name are one hand, so rotation makes no second person."""
        return f"key:{self.name}"


async def create_key(
    engine: AsyncEngine,
    *,
    name: str,
    scopes: list[str],
    source: str | None,
    city: str | None,
    expires_at: datetime | None,
    now: datetime,
) -> str:
    """Make a key and return it; it can never be shown again. Raises ValueError for an unknown scope."""
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown or not scopes:
        raise ValueError(f"unknown scope {', '.join(unknown)}; there are {', '.join(SCOPES)}")
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    if source is None and "usage:write" in scopes:
        source = name
    async with engine.begin() as connection:
        number = await _source_number(connection, source) if source else None
        await connection.execute(
            insert(api_key).values(
                prefix=prefix, secret_digest=_digest(secret), name=name, scopes=scopes, source=number, city=city,
                created_at=now, expires_at=expires_at,
            )
        )  # fmt: skip
    return f"{MARK}_{prefix}_{secret}"


async def list_keys(engine: AsyncEngine) -> list[dict[str, object]]:
    """All keys without their secrets, oldest first."""
    query = (
        select(
            api_key.c.prefix, api_key.c.name, api_key.c.scopes, source_table.c.name.label("source"), api_key.c.city,
            api_key.c.created_at, api_key.c.expires_at, api_key_revocation.c.revoked_at,
        )
        .outerjoin(source_table, source_table.c.id == api_key.c.source)
        .outerjoin(api_key_revocation, api_key_revocation.c.api_key == api_key.c.id)
        .order_by(api_key.c.id)
    )  # fmt: skip
    async with engine.connect() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def revoke_key(engine: AsyncEngine, prefix: str, now: datetime) -> bool:
    """Revoke a key for ever; False when there is none with this prefix."""
    async with engine.begin() as connection:
        found = (await connection.execute(select(api_key.c.id).where(api_key.c.prefix == prefix))).scalar()
        if found is None:
            return False
        already = await connection.execute(select(exists().where(api_key_revocation.c.api_key == found)))
        if not already.scalar():
            await connection.execute(insert(api_key_revocation).values(api_key=found, revoked_at=now))
    return True


class KeyRing:
    """Checks the keys of requests, remembering each answer for half a second."""

    def __init__(self, engine: AsyncEngine, clock: Callable[[], datetime]) -> None:
        self._engine = engine
        self._clock = clock
        self._remembered: dict[str, tuple[float, bytes, Caller, datetime | None]] = {}

    async def caller(self, authorization: str | None) -> Caller:
        """Who sends this Authorization header. Raises Problem 401."""
        scheme, _, token = (authorization or "").partition(" ")
        parts = token.strip().split("_", 2)
        if scheme.lower() != "bearer" or len(parts) != 3 or parts[0] != MARK:
            raise Problem(401, "no_key", "an API key is needed: Authorization: Bearer <key>")
        prefix, secret = parts[1], parts[2]
        found = self._remembered.get(prefix)
        if found is None or time.monotonic() - found[0] > REMEMBER_SECONDS:
            found = await self._look_up(prefix)
        if found is None or not hmac.compare_digest(found[1], _digest(secret)):
            raise Problem(401, "unknown_key", "the API key is unknown or revoked")
        if found[3] is not None and found[3] <= self._clock():
            raise Problem(401, "expired_key", "the API key has expired")
        act_as(Scope(found[2].city or "*", found[2].actor))
        return found[2]

    async def _look_up(self, prefix: str) -> tuple[float, bytes, Caller, datetime | None] | None:
        asked = time.monotonic()
        query = (
            select(api_key, source_table.c.name.label("source_name"))
            .outerjoin(source_table, source_table.c.id == api_key.c.source)
            .where(api_key.c.prefix == prefix)
            .where(~exists().where(api_key_revocation.c.api_key == api_key.c.id))
        )
        with acting(NOBODY):
            async with self._engine.connect() as connection:
                row = (await connection.execute(query)).mappings().first()
        if len(self._remembered) > 10_000:
            self._remembered.clear()
        if row is None:
            self._remembered.pop(prefix, None)
            return None
        source = (row["source"], row["source_name"]) if row["source"] is not None else None
        caller = Caller(row["id"], row["name"], frozenset(row["scopes"]), source, row["city"])
        self._remembered[prefix] = (asked, row["secret_digest"], caller, row["expires_at"])
        return self._remembered[prefix]


def require(caller: Caller, scope: str, *, of_a_city: bool = False) -> None:
    """Raise Problem 403 unless the caller's key carries the scope.

    Who is bound to a city is let in only where a route says that it can answer for one city (`of_a_city`).
    """
    if scope not in caller.scopes:
        raise Problem(403, "scope_missing", f"this needs a key with scope {scope}")
    if caller.city is not None and not of_a_city:
        raise Problem(403, "city_limited", "this is not open to who is bound to one city")


async def _source_number(connection: object, name: str) -> int:
    """The number of a source, made when it is new; one at a time, so that two keys of one source agree."""
    from sqlalchemy.ext.asyncio import AsyncConnection

    assert isinstance(connection, AsyncConnection)
    await connection.execute(text("select pg_advisory_xact_lock(23218)"))  # 0x5AB2: whoever numbers sources
    found = (await connection.execute(select(source_table.c.id).where(source_table.c.name == name))).scalar()
    if found is not None:
        return int(found)
    number = int((await connection.execute(text("select coalesce(max(id), 0) + 1 from source"))).scalar_one())
    await connection.execute(insert(source_table).values(id=number, name=name))
    return number


def _digest(secret: str) -> bytes:
    # the secret has 256 random bits: a slow hash would add nothing but latency
    return hashlib.sha256(secret.encode()).digest()
