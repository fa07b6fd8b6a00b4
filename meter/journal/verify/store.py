"""The SQL of verifying: everything that a journal's digests cover, as it is stored, and what belongs to no batch."""

from __future__ import annotations

import asyncpg

from meter.journal.tables import MEASURED

NAME_TABLES = (("party", "uscc"), ("facility", "code"), ("chip", "code"))
_TIMES = ("started_at", "ended_at")


async def read_batches(
    connection: asyncpg.Connection, after: int, most_batches: int, most_records: int
) -> list[asyncpg.Record]:
    """Return the batches that follow the number `after`: at least one, as long as both limits allow."""
    rows = await connection.fetch(
        """select * from (
               select b.*, s.name as source_name, sum(b.accepted) over (order by b.batch) as so_far,
                      row_number() over (order by b.batch) as place
               from (select * from batch where batch > $1 order by batch limit $2) b
               left join source s on s.id = b.source
           ) numbered where so_far <= $3 or place = 1 order by batch""",
        after, most_batches, most_records,
    )  # fmt: skip
    return list(rows)


async def read_bodies(connection: asyncpg.Connection, after: int, last: int) -> dict[int, asyncpg.Record]:
    """Batch -> content type, codec and body, for the batches after `after` up to `last`."""
    rows = await connection.fetch(
        "select batch, content_type, codec, body from batch_body where batch > $1 and batch <= $2", after, last
    )
    return {row["batch"]: row for row in rows}


async def read_quarantined(connection: asyncpg.Connection, after: int, last: int) -> dict[int, list[asyncpg.Record]]:
    """Return batch -> what it put into quarantine, in order, for the batches after `after` up to `last`."""
    found: dict[int, list[asyncpg.Record]] = {}
    for row in await connection.fetch(
        "select id, batch, source, status, record, digest from quarantine where batch > $1 and batch <= $2 "
        "order by batch, id",
        after, last,
    ):  # fmt: skip
        found.setdefault(row["batch"], []).append(row)
    return found


async def read_reversals(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return all that was taken back: key, batch, ordinal and the measured columns, times in epoch seconds."""
    columns = ", ".join(f"extract(epoch from {c})::bigint as {c}" if c in _TIMES else c for c in MEASURED)
    return list(await connection.fetch(f"select key, batch, ordinal, {columns} from reversal"))


async def read_names(connection: asyncpg.Connection, table: str, column: str) -> list[asyncpg.Record]:
    """Return the numbers (id) and names of a dictionary table, by number."""
    return list(await connection.fetch(f"select id, {column} as name from {table} where id > 0 order by id"))


async def keys_twice(connection: asyncpg.Connection) -> list[tuple[int, int]]:
    """Return (first batch, a later batch) of every record that stands in the journal again; sorts the whole journal."""
    rows = await connection.fetch(
        "select array_agg(batch order by batch, ordinal) as batches from entry group by key having count(*) > 1"
    )
    return [(row["batches"][0], batch) for row in rows for batch in row["batches"][1:]]


async def strays(connection: asyncpg.Connection, head: int) -> list[tuple[str, int, int]]:
    """Return what lies before the first batch or beyond the last: (table, batch, rows)."""
    found = []
    for table in ("entry", "reversal"):
        rows = await connection.fetch(
            f"select batch, count(*) as records from {table} where batch > $1 or batch < 1 group by batch", head
        )
        found += [(table, row["batch"], row["records"]) for row in rows]
    return found
