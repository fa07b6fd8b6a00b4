"""The job that looks for what a reviewer should look at: the sweeps over a settlement's records, kept beside its lines.

Findings are rows with the records that prove them; they change no money. The records that touch the round's window are
held in memory while they are swept, about 110 bytes each.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import asyncpg
import numpy as np
import polars as pl
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.archive.store import reversals, sealed_entries, windows
from meter.database.connect import driver
from meter.days import UTC_PLUS_8_SECONDS, day_number
from meter.findings import capacity, price, rings, twice
from meter.findings.capacity import CAPACITY_SCHEMA
from meter.findings.month import NEEDED, Columns, load_month
from meter.findings.sweeps import Month, sweep_months
from meter.in_force import periods_in_force
from meter.journal.store import read_entries
from meter.registry.queries import capacities_as_of, dictionary, facts_as_of
from meter.rollup.frames import USE_SCHEMA
from meter.rollup.store import use_as_of
from meter.vocabulary import FINDING_KINDS
from settlement.inputs.timeline import timeline
from settlement.rounds import load_rounds
from settlement.store.findings import count_findings, insert_findings
from settlement.store.lines import groups_of_all
from settlement.store.settlements import stored_settlement

Within = Callable[[asyncpg.Connection, dict[str, int]], Awaitable[None]]
FOR_EVER = 2**30  # a day that never comes, and far enough from the edge of 32 bits for sums of days


@dataclass(frozen=True)
class _Facts:
    """What the sweeps ask of the registry and of the settlement's lines."""

    capacities: pl.DataFrame
    owners: pl.DataFrame
    groups: pl.DataFrame
    ratings: pl.DataFrame
    use: pl.DataFrame
    names: Mapping[str, Mapping[int, str]]


async def find(engine: AsyncEngine, settlement: str, moment: datetime, within: Within | None = None) -> dict[str, int]:
    """Sweep the records of a settlement and keep what was found; how many findings of each kind it now has.

    The same findings are kept once, however often it is run. `within` is awaited in the transaction that keeps them,
    with those numbers. Raises SettlementRefused UNKNOWN_SETTLEMENT.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        row = await stored_settlement(connection, settlement)
        window = load_rounds()[row["round"]].window_seconds
        if window is None:  # a draft has no window, and pays nothing
            return dict.fromkeys(FINDING_KINDS, 0)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            months = await _months(connection, row["as_of"], *window)
            facts = await _facts(connection, settlement, row["as_of"], *window)
        found = await asyncio.to_thread(_sweep, months, facts)
        kept = [_kept(settlement, one, facts.names, moment) for one in found.iter_rows(named=True)]
        async with connection.transaction(isolation="read_committed"):
            await insert_findings(connection, kept)
            counts = dict.fromkeys(FINDING_KINDS, 0) | await count_findings(connection, settlement)
            if within is not None:
                await within(connection, counts)
    return counts


def _kept(
    settlement: str, one: Mapping[str, Any], names: Mapping[str, Mapping[int, str]], moment: datetime
) -> tuple[Any, ...]:
    facility = names["facilities"].get(one["facility"])
    chip = names["chips"].get(one["chip"])
    consumer = names["parties"].get(one["consumer"])
    parties = [names["parties"][party] for party in one["parties"]]
    records = json.dumps(one["records"] or [], sort_keys=True)
    content = [one["kind"], facility, chip, consumer, parties, one["started"], one["ended"], one["found"],
               one["expected"], records]  # fmt: skip
    instants = [None if at is None else datetime.fromtimestamp(at, UTC) for at in (one["started"], one["ended"])]
    digest = hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).digest()
    return (
        settlement, one["kind"], facility, chip, consumer, parties, *instants, one["found"], one["expected"], records,
        digest, moment,
    )  # fmt: skip


def _sweep(months: Sequence[Month], facts: _Facts) -> pl.DataFrame:
    """Return all findings, in one order whatever the order of the rows."""
    loads = [partial(load_month, month.chunks) for month in months]
    above, inside = sweep_months(months, facts.capacities)
    strays = [price.as_findings(price.price_strays(load())) for load in loads]
    around = rings.rings(rings.uses_among(facts.use, facts.owners, facts.groups, facts.ratings))
    found = [
        capacity.with_proof(above, loads),
        twice.as_findings(inside),
        rings.with_proof(around, facts.owners, loads),
        *strays,
    ]
    return pl.concat(found).sort("kind", "facility", "chip", "consumer", "started", "found", nulls_last=True)


async def _months(connection: asyncpg.Connection, as_of: int, start: int, end: int) -> list[Month]:
    """Return the rows up to a batch that touch [start, end) (epoch seconds), by local month of start."""
    by_month: dict[int, list[NDArray[Any]]] = defaultdict(list)

    def add(rows: NDArray[Any]) -> None:
        rows = rows[(rows["started"] < end) & ((rows["ended"] > start) | (rows["started"] >= start))]
        local = (rows["started"] + UTC_PLUS_8_SECONDS).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        for month in np.unique(local).tolist():
            by_month[month].append(rows[local == month])

    for first, last, _ in await windows(connection, 1, as_of):
        add(sealed_entries(await read_entries(connection, first, last)))
    add(await reversals(connection, 1, as_of))
    return [
        Month(
            int(np.datetime64(month, "M").astype("datetime64[D]").astype(np.int64)),
            sum(len(part) for part in parts),
            [partial(_columns, part) for part in parts],
        )
        for month, parts in sorted(by_month.items())
    ]


def _columns(rows: NDArray[Any]) -> Columns:
    return {name: rows[name] for name in NEEDED}


async def _facts(connection: asyncpg.Connection, settlement: str, as_of: int, start: int, end: int) -> _Facts:
    facts = await facts_as_of(connection, as_of)
    names = {}
    for name in ("parties", "facilities", "chips"):
        codes = await dictionary(connection, name)
        names[name] = dict(zip(codes["number"].to_list(), codes["code"].to_list(), strict=True))
    numbers = {code: number for number, code in names["parties"].items()}
    lines = await groups_of_all(connection, settlement)
    groups = [(numbers[uscc], numbers.get(head or "", -1)) for uscc, head in lines if uscc in numbers]
    in_force = _in_force(facts["facility_facts"], "facility")
    owners = facts["facility_owners"].join(in_force, on="seq")
    ratings = facts["chip_facts"].join(
        _in_force(facts["chip_facts"], "chip").select("seq", "day_from", "day_to"), on="seq"
    )
    first, last = map(day_number, (start, end))
    use = (await use_as_of(connection, as_of, (first, last))).filter((pl.col("day") >= first) & (pl.col("day") < last))
    return _Facts(
        capacities=await _capacities(connection, as_of, in_force, {code: n for n, code in names["chips"].items()}),
        owners=owners.select("facility", "party", "share_billionths", "day_from", "day_to"),
        groups=pl.DataFrame(groups, schema={"party": pl.Int32, "group": pl.Int32}, orient="row"),
        ratings=ratings.select("chip", "megaflops_fp16", "day_from", "day_to"),
        use=use.match_to_schema(USE_SCHEMA),
        names=names,
    )


def _in_force(facts: pl.DataFrame, subject: str) -> pl.DataFrame:
    """Return seq, subject, day_from and day_to (exclusive) of the days on which a fact is in force (R-FACTS)."""
    numbers = facts[subject].to_numpy().astype(np.int64)
    lines = timeline(facts, numbers, int(numbers.max(initial=-1)) + 1)
    days = {"day_from": lines.begin, "day_to": lines.end}
    return facts.select("seq", subject)[lines.fact].with_columns(
        pl.Series(name, np.clip(day, -FOR_EVER, FOR_EVER), pl.Int32) for name, day in days.items()
    )


async def _capacities(
    connection: asyncpg.Connection, as_of: int, in_force: pl.DataFrame, chips: Mapping[str, int]
) -> pl.DataFrame:
    """Return registered cards by facility, chip and days.

    Of two that overlap the one that begins later rules from then on.
    """
    rows = await capacities_as_of(connection, as_of)
    days = {seq: (facility, begin, end) for seq, facility, begin, end in in_force.iter_rows()}
    found: dict[tuple[int, int], list[tuple[int, int, int]]] = defaultdict(list)
    for seq, registered in rows:
        if seq not in days:
            continue
        facility, in_force_from, in_force_to = days[seq]
        for one in registered:
            chip = chips.get(one["chip"])
            begin = max(in_force_from, _day(one["from"]))
            end = min(in_force_to, _day(one["to"]) if one.get("to") else FOR_EVER)
            if chip is not None and begin < end:
                found[facility, chip].append((begin, end, _millicards(one["cards"])))
    table = []
    for (facility, chip), some in sorted(found.items()):
        for begin, end, cards in periods_in_force(sorted(some)):
            table.append((facility, chip, begin, end, cards))
    return pl.DataFrame(table, schema=CAPACITY_SCHEMA, orient="row")


def _day(text: str) -> int:
    return day_number(date.fromisoformat(text))


def _millicards(cards: object) -> int:
    whole, _, part = str(cards).partition(".")
    return int(whole) * 1000 + int((part + "000")[:3])
