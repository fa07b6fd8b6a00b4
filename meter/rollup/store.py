"""Keeping the rollup up with the journal, and asking it what had been used as of any batch.

Blocks of consecutive batches are added up once each. Batches are numbered in the order of their commits, so "all
batches up to N" is complete the moment N is visible; a block can neither miss a batch nor, being unique, add one twice.
"""

from __future__ import annotations

import asyncio
from io import BytesIO
from typing import Any

import asyncpg
import numpy as np
import polars as pl
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.copy import binary_portions, binary_rows
from meter.database.locks import AdvisoryLock
from meter.rollup.columns import MEASURED_DTYPE, measured
from meter.rollup.daily import roll_up
from meter.rollup.frames import USE_SCHEMA
from meter.rollup.merge import merge
from meter.rollup.recent import Piece, Recent
from meter.rollup.table import GroupTable

BLOCK_RECORDS = 500_000

_COUNTED = """
select consumer, facility, chip, millicards, started_at, ended_at, charge_fen, purpose, via_platform, {sign}::int2
from {table} where batch between {first} and {last}"""
_WIRE = {
    "consumer": ">i4", "facility": ">i4", "chip": ">i4", "millicards": ">i8", "started": ">i8", "ended": ">i8",
    "charge_fen": ">i8", "purpose": ">i2", "via_platform": "?", "sign": ">i2",
}  # fmt: skip
_KEPT = {
    "day": ">i4", "consumer": ">i4", "facility": ">i4", "chip": ">i4", "purpose": ">i2", "via_platform": "?",
    "millicard_seconds": ">i8", "charge_fen": ">i8", "pieces": ">i8", "starts": ">i8",
}  # fmt: skip
_EPOCH_SECONDS = 946_684_800  # timestamptz counts microseconds from 2000 on


async def measured_rows(connection: asyncpg.Connection, first: int, last: int) -> Any:
    """Return what the batches first..last add and take back, as an array of MEASURED_DTYPE."""
    query = (
        _COUNTED.format(sign="1", table="entry", first=int(first), last=int(last))
        + " and action <> 2 union all "
        + _COUNTED.format(sign="-1", table="reversal", first=int(first), last=int(last))
    )
    wire = await binary_rows(connection, query, _WIRE)
    rows = np.empty(len(wire), MEASURED_DTYPE)
    for name in _WIRE:
        rows[name] = wire[name]
    for name in ("started", "ended"):
        rows[name] = rows[name] // 1_000_000 + _EPOCH_SECONDS
    return rows


async def advance(engine: AsyncEngine, recent: Recent | None = None) -> int:
    """Add up the next block of batches; the number of the last batch added up (0 when none is).

    When another process is at it already, leaves it to that one. What is `recent` is not read from the database; that
    it is the journal's own is seen from the chain's digest, which covers every row.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction(isolation="read_committed"):
            if not await connection.fetchval(f"select pg_try_advisory_xact_lock({AdvisoryLock.ROLLING_UP})"):
                return await rolled_up_to(connection)
            done = await rolled_up_to(connection)
            found = await _from_memory(connection, recent, done) if recent else None
            found = found or await _from_database(connection, done)
            if found is None:
                return done
            last, use = found
            await connection.execute(
                "insert into rollup_block (first_batch, last_batch) values ($1, $2)", done + 1, last
            )
            await _append(connection, last, use)
            return int(last)


async def _from_memory(connection: asyncpg.Connection, recent: Recent, done: int) -> tuple[int, pl.DataFrame] | None:
    """Return the next block up to the last batch that is recent, None when that cannot be told from memory."""
    pieces = recent.after(done)
    if not pieces or not await _holds(connection, pieces[-1]):
        return None
    return pieces[-1].last, await asyncio.to_thread(lambda: roll_up(recent.entries(pieces)))


async def _from_database(connection: asyncpg.Connection, done: int) -> tuple[int, pl.DataFrame] | None:
    """Return the next block as the journal has it, None when there is none."""
    last = await _block_after(connection, done)
    if last is None:
        return None
    # in a thread: requests are answered meanwhile
    return last, await asyncio.to_thread(roll_up, await measured_rows(connection, done + 1, last))


async def _block_after(connection: asyncpg.Connection, done: int, most: int | None = None) -> int | None:
    """Return the last batch of the next block (BLOCK_RECORDS records, or one batch), up to `most`; None at the end."""
    last: int | None = await connection.fetchval(
        """select max(batch) from (select batch, sum(accepted) over (order by batch) as records from batch
           where batch > $1 and ($3::bigint is null or batch <= $3) order by batch limit 100000) waiting
           where records <= $2 or batch = $1 + 1""",
        done, BLOCK_RECORDS, most,
    )  # fmt: skip
    return last


async def use_from_records(connection: asyncpg.Connection, batch: int) -> pl.DataFrame:
    """Return the `use` frame of all batches up to and including `batch`, added up from the records: no rollup is
    believed.

    Reads block by block; memory holds groups.
    """
    table, done = GroupTable(), 0
    while (last := await _block_after(connection, done, batch)) is not None:
        rows = await measured_rows(connection, done + 1, last)
        await asyncio.to_thread(table.add_entries, measured(rows))
        done = last
    return await asyncio.to_thread(table.frame)


async def _holds(connection: asyncpg.Connection, piece: Piece) -> bool:
    """Return whether the journal has these very batches."""
    digest = await connection.fetchval("select digest from batch where batch = $1", piece.last)
    return bool(digest == piece.digest)


async def _append(connection: asyncpg.Connection, last: int, use: pl.DataFrame) -> None:
    if use.height:
        stream = BytesIO()
        use.select(pl.lit(last).alias("last_batch"), pl.all()).write_csv(stream, include_header=False)
        stream.seek(0)
        await connection.copy_to_table("rollup", source=stream, columns=["last_batch", *USE_SCHEMA], format="csv")


async def rolled_up_to(connection: asyncpg.Connection) -> int:
    """Return the last batch that the rollup covers, 0 when it covers none."""
    return int(await connection.fetchval("select coalesce(max(last_batch), 0) from rollup_block"))


async def use_as_of(connection: asyncpg.Connection, batch: int, days: tuple[int, int] | None = None) -> pl.DataFrame:
    """Return the `use` frame of all batches up to and including `batch`, whether or not the rollup has come that
    far; of the rollup only the days from the first of `days` to before the second, where these are given."""
    covered = int(
        await connection.fetchval("select coalesce(max(last_batch), 0) from rollup_block where last_batch <= $1", batch)
    )
    tail = await measured_rows(connection, covered + 1, batch)
    parts = [await asyncio.to_thread(roll_up, tail)]

    async def take(rows: np.ndarray[Any, Any]) -> None:
        parts.append(await asyncio.to_thread(_kept, rows))

    await binary_portions(connection, _blocks(covered, days), _KEPT, take)
    return await asyncio.to_thread(merge, parts)


def _blocks(covered: int, days: tuple[int, int] | None) -> str:
    """Return the query for the rows of the blocks up to a batch: to add them up here takes half as long as there."""
    between = f" and day >= {int(days[0])} and day < {int(days[1])}" if days else ""
    return f"select {', '.join(_KEPT)} from rollup where last_batch <= {covered}{between}"


def _kept(rows: np.ndarray[Any, Any]) -> pl.DataFrame:
    """Return rows of the rollup as a `use` frame; a group may have several, one a block."""
    native = {name: rows[name].astype(np.dtype(kind).newbyteorder("=")) for name, kind in _KEPT.items()}
    return pl.DataFrame({name: pl.Series(native[name]).cast(kind) for name, kind in USE_SCHEMA.items()})


async def use_by_day_and_city(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return sums over the rollup by day and city of the consumer's newest seat (None: none on record).

    The database adds up, a second for a province, because a process that answers requests has other things to do.
    """
    return list(
        await connection.fetch(
            """with seat as (select distinct on (party) party, left(region, 4) || '00' as city
                            from entity_fact order by party, batch desc, ordinal desc)
               select r.day, s.city, sum(r.millicard_seconds) as millicard_seconds, sum(r.charge_fen) as charge_fen,
               sum(r.starts) as starts from rollup r left join seat s on s.party = r.consumer group by 1, 2"""
        )
    )


async def balance_by_month_and_city(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return sums over the rollup's use through the platform by month and city: what the city's consumers used, what
    its investors' facilities supplied to anyone but themselves (both in millicard-seconds times TFLOPS), charges, and
    those of use without a stated purpose. Seats are the newest; ratings and investors those of the day.
    """
    return list(
        await connection.fetch(
            f"""with seat as materialized (
                select distinct on (party) party, left(region, 4) || '00' as city
                from entity_fact order by party, batch desc, ordinal desc
            ), rating as ({_in_force("chip")}), owned as (
                select f.facility, o.party, o.share, f.start, f.until
                from ({_in_force("facility")}) f join facility_owner o using (batch, ordinal)
            ), used as materialized (
                select r.day, s.city, r.facility, r.chip, sum(r.millicard_seconds) as use,
                sum(r.charge_fen) as spend_fen, sum(r.charge_fen) filter (where r.purpose = 0) as unstated_fen
                from rollup r left join seat s on s.party = r.consumer where r.via_platform group by 1, 2, 3, 4
            ), of_investors as (
                select r.day, r.facility, r.consumer as party, r.chip, sum(r.millicard_seconds) as use from rollup r
                where r.via_platform and r.consumer in (select party from facility_owner) group by 1, 2, 3, 4
            ), part as (
                select u.day, u.city, u.use * c.tflops_fp16 as consumed, 0 as supplied, u.spend_fen, u.unstated_fen
                from used u join rating c on c.chip = u.chip and u.day >= c.start and u.day < c.until
                union all
                select u.day, s.city, 0, u.use * c.tflops_fp16 * o.share, 0, 0
                from (select day, facility, chip, sum(use) as use from used group by 1, 2, 3) u
                join rating c on c.chip = u.chip and u.day >= c.start and u.day < c.until
                join owned o on o.facility = u.facility and u.day >= o.start and u.day < o.until
                left join seat s on s.party = o.party
                union all
                select u.day, s.city, 0, -u.use * c.tflops_fp16 * o.share, 0, 0 from of_investors u
                join rating c on c.chip = u.chip and u.day >= c.start and u.day < c.until
                join owned o on o.facility = u.facility and o.party = u.party and u.day >= o.start and u.day < o.until
                left join seat s on s.party = o.party
            )
            select to_char(date '1970-01-01' + day, 'YYYY-MM') as month, city, sum(consumed) as consumed,
            sum(supplied) as supplied, coalesce(sum(spend_fen), 0) as spend_fen,
            coalesce(sum(unstated_fen), 0) as unstated_fen
            from part group by 1, 2 order by 1, 2 nulls first"""
        )
    )


def _in_force(subject: str) -> str:
    """Return the query for facts of chips or facilities with the days on which each is the newest that has begun; of
    two that begin on one day the one recorded later counts.
    """
    return f"""
        select dated.*, coalesce(lead(start) over (partition by {subject} order by start), 2147483647) as until
        from (select distinct on ({subject}, start) f.*
              from (select *, coalesce(valid_from - date '1970-01-01', -2147483648) as start from {subject}_fact) f
              order by {subject}, start, batch desc, ordinal desc) dated"""


async def last_number(connection: asyncpg.Connection) -> int:
    """Return the number of the journal's last batch, 0 before the first."""
    return int(await connection.fetchval("select coalesce(max(batch), 0) from batch"))


async def names_of(connection: asyncpg.Connection, column: str) -> dict[int, str]:
    """Return number -> code, of what a column of the rollup names: consumer, facility or chip."""
    table, code = {"consumer": ("party", "uscc"), "facility": ("facility", "code"), "chip": ("chip", "code")}[column]
    return {row["id"]: row["name"] for row in await connection.fetch(f"select id, {code} as name from {table}")}
