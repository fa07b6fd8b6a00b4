"""The quarantine by what is wrong and where: seventy records of one missing facility are one thing to do."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

import asyncpg

from meter.journal.keys.known_keys import KnownKeys
from meter.journal.queries import key_of

LOOKED_AT: Final = 50_000  # of what waits, the oldest: a group that is larger is not told more exactly
GROUPS: Final = 200
# the facility as the record names it; what is no plain code is none
_FACILITY: Final = r"""substring(encode(substring(q.record from 1 for 4000), 'escape')
    from '"facility"\s*:\s*"([A-Za-z0-9._:-]{1,64})"')"""
_WAITS: Final = """not exists (select from quarantine_release r where r.quarantine = q.id) and not exists (
    select from conflict_decision d where d.quarantine = q.id and d.decision <> 'source_asked')"""
"""What neither a replay recorded nor somebody has decided about."""


async def quarantine_groups(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return how many records wait for each status, code and facility, the most first, and since which one."""
    rows = await connection.fetch(
        f"""select status, code, facility, source, count(*) as records, min(id) as first from (
                select q.id, q.status, q.code, s.name as source, {_FACILITY} as facility
                from quarantine q join source s on s.id = q.source where {_WAITS} order by q.id limit {LOOKED_AT}) w
            group by status, code, facility, source order by records desc, first limit {GROUPS}"""
    )
    return [dict(row) for row in rows]


async def quarantined_alike(
    connection: asyncpg.Connection, code: str, facility: str | None, after: int, limit: int, longest_bytes: int
) -> list[dict[str, Any]]:
    """Return what waits for one reason, at one facility where one is named, oldest first; of long records the start."""
    rows = await connection.fetch(
        f"""select q.id as quarantine, q.batch, q.ordinal as index, q.record_id as id, q.status, q.code, q.detail,
            s.name as source, substring(q.record from 1 for $5) as record, octet_length(q.record) as record_bytes
            from quarantine q join source s on s.id = q.source
            where q.code = $1 and q.id > $3 and ($2::text is null or {_FACILITY} = $2) and {_WAITS}
            order by q.id limit $4""",
        code, facility, after, limit, longest_bytes,
    )  # fmt: skip
    return [{**dict(row), "record": row["record"].decode("utf-8", "replace")} for row in rows]


async def quarantined_one(connection: asyncpg.Connection, number: int, longest_bytes: int) -> dict[str, Any] | None:
    """Return one record in quarantine, released or not, or None."""
    row = await connection.fetchrow(
        """select q.id as quarantine, q.batch, q.ordinal as index, q.record_id as id, q.status, q.code, q.detail,
           s.name as source, substring(q.record from 1 for $2) as record, octet_length(q.record) as record_bytes,
           r.batch as released_in
           from quarantine q join source s on s.id = q.source left join quarantine_release r on r.quarantine = q.id
           where q.id = $1""",
        number, longest_bytes,
    )  # fmt: skip
    return None if row is None else {**dict(row), "record": row["record"].decode("utf-8", "replace")}


async def intake_health(connection: asyncpg.Connection) -> dict[str, Any]:
    """Return sums over all deliveries of usage, the newest batch, and since when each source has been silent."""
    sums = await connection.fetchrow(
        """select count(*) as batches, coalesce(sum(received), 0)::bigint as received,
           coalesce(sum(accepted), 0)::bigint as accepted, coalesce(sum(duplicate), 0)::bigint as duplicate,
           coalesce(sum(conflict), 0)::bigint as conflict, coalesce(sum(refused), 0)::bigint as refused
           from batch where source is not null"""
    )
    sources = await connection.fetch(
        """select s.name, l.batch, l.recorded_at, (select max(e.started_at) from entry e where e.batch = l.batch)
           as used_until from source s cross join lateral (select batch, recorded_at from batch b
           where b.source = s.id order by batch desc limit 1) l order by s.name"""
    )
    assert sums is not None
    return {**dict(sums), "sources": [dict(row) for row in sources]}


async def places_named(connection: asyncpg.Connection, keys: KnownKeys, record_id: str) -> list[dict[str, Any]]:
    """Return where a record of this id stands: source, batch and ordinal, for every source that sent one."""
    await keys.follow(connection)
    found = []
    for source in await connection.fetch("select id, name from source order by name limit 20"):
        key = key_of(source["id"], record_id)
        for first, last in keys.batches_of(key):
            row = await connection.fetchrow(
                "select batch, ordinal from entry where key = $1 and batch between $2 and $3",
                UUID(bytes=key), first, last,
            )  # fmt: skip
            if row is not None:
                found.append({"source": source["name"], "id": record_id, **dict(row)})
                break
    return found
