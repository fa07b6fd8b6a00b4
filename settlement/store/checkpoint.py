"""What a checkpoint states of the database: digests along its chains, and decisions that the audit log lacks."""

from __future__ import annotations

from typing import Any

import asyncpg

_UNLOGGED = """
with said as (
    select seq, actor, action, object, before, after, (detail::jsonb ->> 'event')::bigint as event from audit
    where action like 'settlement.%' or action like 'payout.%'
), done as (
    select 'settlement.' || event as action, settlement as object, id, actor, before, after from settlement_event
    union all
    select 'payout.' || after, instruction::text, id, actor, before, after from payout_event
)
select d.action, d.object, d.id, s.seq from done d full join (select * from said where event is not null) s
on s.action = d.action and s.object = d.object and s.event = d.id and s.actor = d.actor and s.before = d.before
and s.after = d.after
where d.id is null or s.seq is null
"""


async def journal_marks(connection: asyncpg.Connection, most: int) -> dict[str, Any]:
    """Return the last batch, and the digests of at most `most` evenly spread ones."""
    return await _marks(connection, "batch", "batch", "algorithm || ':' || encode(digest, 'hex')", most)


async def audit_marks(connection: asyncpg.Connection, most: int) -> dict[str, Any]:
    """Return the last row of the audit log, and the digests of at most `most` evenly spread ones."""
    return await _marks(connection, "audit", "seq", "digest", most)


async def unlogged(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return decisions without their row of the audit log (seq is null), and rows of the log without their decision."""
    rows: list[asyncpg.Record] = await connection.fetch(_UNLOGGED)
    return rows


async def _marks(connection: asyncpg.Connection, table: str, number: str, digest: str, most: int) -> dict[str, Any]:
    last = int(await connection.fetchval(f"select coalesce(max({number}), 0) from {table}"))
    every = max(1, -(-last // most))
    rows = await connection.fetch(
        f"select {number} as number, {digest} as digest from {table} where {number} % {every} = 0 or {number} = {last} "
        f"order by {number}"
    )
    return {"last": last, "marks": [[row["number"], row["digest"]] for row in rows]}
