"""Reconciliation: what each source says it sent for a local day of `started_at`, beside what counts of it here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import asyncpg

from meter.days import day_number, first_second
from meter.registry import queries

DAYS_MAX = 366


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


async def reconcile(
    connection: asyncpg.Connection, first: date, end: date, after: str, enough: int
) -> list[Reconciled]:
    """Return every source and local day in [first, end) with something declared or recorded, by day and source.

    Recorded are the records that count (R-CORR) and start on the day, as of now. At most DAYS_MAX days. On the first
    day only sources whose name comes after `after`; no more days are read once there are `enough`.
    """
    assert (end - first).days <= DAYS_MAX
    found: list[Reconciled] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        names = await queries.sources(connection)
        days = 1 + enough // max(len(names), 1)  # enough, where every source has something on each
        start = first
        while start < end and len(found) < enough:
            until = start + min(timedelta(days), end - start)
            rows = await _days(connection, start, until, names)
            found += [row for row in rows if row.day > first or row.source > after]
            start, days = until, 2 * days
    return found


async def _days(connection: asyncpg.Connection, first: date, end: date, names: dict[int, str]) -> list[Reconciled]:
    edges = [datetime.fromtimestamp(first_second(day_number(day)), UTC) for day in (first, end)]
    declared = {_key(row): _sums(row) for row in await queries.declared(connection, first, end)}
    recorded = {_key(row): _sums(row) for row in await queries.recorded(connection, *edges)}
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
