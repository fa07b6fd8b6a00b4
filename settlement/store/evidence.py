"""What an evidence bundle holds beside the lines and decisions: names, batches, reversals and rows of the audit log."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg

_PAGE = 2000
_MOMENT = "to_char({0} at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US')"
_NAMES = (("party", "uscc"), ("facility", "code"), ("chip", "code"), ("source", "name"))


async def audit_of(connection: asyncpg.Connection, settlement: str) -> list[dict[str, Any]]:
    """Return the rows of the audit log about a settlement, each with the digest of the row before it."""
    rows = await connection.fetch(
        f"""select seq, {_MOMENT.format("at")} || 'Z' as at, actor, action, object, result, before, after, detail,
            digest, (select digest from audit p where p.seq = a.seq - 1) as previous
            from audit a where object = $1 order by seq""",
        settlement,
    )
    return [dict(row) for row in rows]


async def names(connection: asyncpg.Connection) -> AsyncIterator[dict[str, Any]]:
    """Yield what the numbers in the records stand for: table, number and name."""
    for table, column in _NAMES:
        for row in await connection.fetch(f"select id, {column} as name from {table} order by id"):
            yield {"table": table, "number": row["id"], "name": row["name"]}


async def batches_to(connection: asyncpg.Connection, last: int) -> AsyncIterator[list[dict[str, Any]]]:
    """Yield the batches up to one, as their digests cover them, portions at a time."""
    after = 0
    while rows := await connection.fetch(
        f"""select b.batch, b.kind, s.name as source, {_MOMENT.format("b.recorded_at")} || '+00:00' as recorded_at,
            b.received, b.accepted, b.duplicate, b.conflict, b.refused, b.registry_batch, b.key_name, b.contents,
            b.algorithm, encode(b.digest, 'hex') as digest from batch b left join source s on s.id = b.source
            where b.batch > $1 and b.batch <= $2 order by b.batch limit {_PAGE}""",
        after, last,
    ):  # fmt: skip
        yield [dict(row) for row in rows]
        after = rows[-1]["batch"]


async def reversals_to(connection: asyncpg.Connection, last: int) -> list[dict[str, Any]]:
    """Return the reversals up to a batch, their keys as hexadecimal text."""
    rows = await connection.fetch(
        """select key, batch, ordinal, consumer, charge_fen, via_platform,
           extract(epoch from started_at)::bigint as started, extract(epoch from ended_at)::bigint as ended
           from reversal where batch <= $1 order by batch, ordinal""",
        last,
    )
    return [{**dict(row), "key": row["key"].hex} for row in rows]
