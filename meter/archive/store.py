"""The archive's SQL: which batches may be sealed, their rows, and the manifest in the database."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np
from numpy.typing import NDArray

from meter.archive.manifest import Sealing, check_chain, sealing_as_json, sealing_from_json
from meter.archive.rows import ROW_DTYPE
from meter.database.locks import AdvisoryLock

WINDOW_RECORDS = 200_000
VOID = 2  # an entry that only takes another one back: it counts nothing itself
_SAME = (
    "batch", "ordinal", "source", "consumer", "facility", "chip", "millicards", "charge_fen", "purpose",
    "via_platform", "order_digest", "evidence_digest",
)  # fmt: skip


async def try_lock(connection: asyncpg.Connection) -> bool:
    """Take the lock under which the archive is sealed, if nobody holds it."""
    return bool(await connection.fetchval(f"select pg_try_advisory_lock({AdvisoryLock.SEALING})"))


async def unlock(connection: asyncpg.Connection) -> None:
    """Give the lock back."""
    await connection.execute(f"select pg_advisory_unlock({AdvisoryLock.SEALING})")


async def sealings_known(connection: asyncpg.Connection) -> tuple[Sealing, ...]:
    """Return the manifest as the database has it, its chain checked. Raises BrokenManifest."""
    rows = await connection.fetch("select line from archive_sealing order by serial")
    sealings = tuple(sealing_from_json(row["line"]) for row in rows)
    check_chain(sealings)
    return sealings


async def keep_sealing(connection: asyncpg.Connection, sealing: Sealing, moment: datetime) -> None:
    """Write a sealing down."""
    await connection.execute(
        """insert into archive_sealing (serial, first_batch, last_batch, line, digest, sealed_at)
           values ($1, $2, $3, $4, $5, $6)""",
        sealing.serial, sealing.first_batch, sealing.last_batch, sealing_as_json(sealing), sealing.digest, moment,
    )  # fmt: skip


async def closed_up_to(connection: asyncpg.Connection, after: int, month_began: datetime) -> int:
    """Return the last batch of closed months: before the first use of the month that runs, or recorded before that
    month.

    Whoever dates a record into the future does not hold the archive up for more than a month.
    """
    found = await connection.fetchval(
        """select greatest(
               (select coalesce(min(batch) - 1, (select coalesce(max(batch), 0) from batch)) from entry
                where batch > $1 and started_at >= $2),
               (select coalesce(max(batch), 0) from batch where batch > $1 and recorded_at < $2))""",
        after, month_began,
    )  # fmt: skip
    return int(found)


async def sums_of(connection: asyncpg.Connection, first: int, last: int) -> tuple[int, int]:
    """Return how many rows the archive of the batches first..last has, and the fen they come to."""
    row = await connection.fetchrow(
        f"""select count(*) as rows, coalesce(sum(charge_fen), 0)::text as fen from (
                select charge_fen from entry where batch between $1 and $2 and action <> {VOID}
                union all select -charge_fen from reversal where batch between $1 and $2) sealed""",
        first, last,
    )  # fmt: skip
    return int(row["rows"]), int(row["fen"])


async def windows(connection: asyncpg.Connection, first: int, last: int) -> list[tuple[int, int, int]]:
    """Return the batches first..last in windows of about WINDOW_RECORDS records: (first, last, records) each."""
    rows = await connection.fetch(
        """select min(batch) as first, max(batch) as last, sum(entries)::bigint as records from (
               select batch, entries, sum(entries) over (order by batch) / $3 as place from (
                   select batch, case when kind in ('usage', 'replay') then accepted else 0 end as entries from batch
                   where batch between $1 and $2) counted) numbered
           group by place order by 1""",
        first, last, WINDOW_RECORDS,
    )  # fmt: skip
    return [(row["first"], row["last"], row["records"]) for row in rows]


def sealed_entries(entries: NDArray[np.void]) -> NDArray[np.void]:
    """Return entries of the journal (ENTRY) as rows of the archive; those that only take back are left out."""
    entries = entries[entries["action"] != VOID]
    rows = np.zeros(len(entries), ROW_DTYPE)
    for name in (*_SAME, "key"):
        rows[name] = entries[name]
    rows["started"], rows["ended"], rows["sign"] = entries["started_at"], entries["ended_at"], 1
    return rows


async def reversals(connection: asyncpg.Connection, first: int, last: int) -> NDArray[np.void]:
    """Return what the batches first..last take back, as rows of the archive.

    Where the originals stand is looked up in one pass over the journal: no index knows a key.
    """
    taken = await connection.fetch(
        """select key, batch, ordinal, consumer, facility, chip, millicards, extract(epoch from started_at)::bigint
           as started, extract(epoch from ended_at)::bigint as ended, charge_fen, purpose, via_platform
           from reversal where batch between $1 and $2 order by batch, ordinal""",
        first, last,
    )  # fmt: skip
    rows = np.zeros(len(taken), ROW_DTYPE)
    if not taken:
        return rows
    originals: dict[UUID, Any] = {
        row["key"]: row
        for row in await connection.fetch(
            "select key, batch, ordinal, source, order_digest, evidence_digest from entry "
            "where batch <= $1 and key = any($2::uuid[])",
            last, [row["key"] for row in taken],
        )
    }  # fmt: skip
    for place, row in enumerate(taken):
        original, mine = originals[row["key"]], rows[place]
        for name in (
            "batch", "ordinal", "consumer", "facility", "chip", "millicards", "started", "ended", "charge_fen",
            "purpose", "via_platform",
        ):  # fmt: skip
            mine[name] = row[name]
        for name in ("source", "order_digest", "evidence_digest"):
            mine[name] = original[name]
        mine["key"], mine["sign"] = np.void(row["key"].bytes), -1
        mine["corrected_batch"], mine["corrected_ordinal"] = original["batch"], original["ordinal"]
    return rows
