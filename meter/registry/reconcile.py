"""Reconciliation: what each source says it sent for a local day of `started_at`, beside what counts of it here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone

import asyncpg

SHANGHAI = timezone(timedelta(hours=8))
DAYS_MAX = 366
NOTHING_BEFORE = date(1900, 1, 1)  # and midnight of the first day of all, here, is in no year of UTC

_LOCAL_DAY = "(started_at at time zone 'UTC' + interval '8 hours')::date"
# a correction takes the corrected record back on the corrected record's own day
_RECORDED = f"""
select source, day, sum(records) as records, sum(charge_fen) as charge_fen from (
    select source, {_LOCAL_DAY} as day, count(*) as records, sum(charge_fen) as charge_fen
    from entry where started_at >= $1 and started_at < $2 and action <> 2 group by 1, 2
    union all
    select e.source, {_LOCAL_DAY.replace("started_at", "r.started_at")}, -count(*), -sum(r.charge_fen)
    from reversal r join entry e on e.key = r.key where r.started_at >= $1 and r.started_at < $2 group by 1, 2
) parts group by source, day"""
_DECLARED = """
select distinct on (source, day) source, day, records, charge_fen from control_total
where day >= $1 and day < $2 order by source, day, batch desc, ordinal desc"""


@dataclass(frozen=True)
class Sums:
    """Records and what they charge, in fen."""

    records: int
    charge_fen: int


@dataclass(frozen=True)
class Reconciled:
    """One source's local day; `declared` is None where the source has not said anything about it."""

    day: date
    source: str
    declared: Sums | None
    recorded: Sums

    @property
    def gap(self) -> Sums | None:
        """Declared less recorded: above zero, something never came or was not accepted."""
        if self.declared is None:
            return None
        return Sums(self.declared.records - self.recorded.records, self.declared.charge_fen - self.recorded.charge_fen)


async def reconcile(connection: asyncpg.Connection, first: date, end: date) -> list[Reconciled]:
    """Every source and local day in [first, end) with something declared or recorded, by day and source.

    Recorded are the records that count (R-CORR) and start on the day, as of now. At most DAYS_MAX days.
    """
    assert (end - first).days <= DAYS_MAX
    edges = [datetime.combine(max(day, NOTHING_BEFORE), time(), SHANGHAI) for day in (first, end)]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        declared = {_key(row): _sums(row) for row in await connection.fetch(_DECLARED, first, end)}
        recorded = {_key(row): _sums(row) for row in await connection.fetch(_RECORDED, *edges)}
        names = {row["id"]: row["name"] for row in await connection.fetch("select id, name from source")}
    nothing = Sums(0, 0)
    return [
        Reconciled(day, name, declared.get((day, source)), recorded.get((day, source), nothing))
        for day, name, source in sorted((day, names[source], source) for day, source in declared.keys() | recorded)
        if (day, source) in declared or recorded[day, source] != nothing
    ]


def _key(row: asyncpg.Record) -> tuple[date, int]:
    return row["day"], row["source"]


def _sums(row: asyncpg.Record) -> Sums:
    return Sums(int(row["records"]), int(row["charge_fen"]))  # sums are exact numbers, and may pass 64 bits
