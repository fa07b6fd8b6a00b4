"""The job that runs a settlement: reads inputs as of one batch, computes, writes the result in one transaction."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import polars as pl
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.snapshot import one_snapshot
from meter.journal.digest_chain import digest_of
from settlement.compute.settle import settle
from settlement.compute.settlement import Settlement
from settlement.compute.shapes import line_texts
from settlement.compute.version import code_version
from settlement.errors import SettlementRefused
from settlement.explain.stored import check_kinds, working_texts
from settlement.inputs.frames import COLUMNS, Inputs
from settlement.jobs.progress import Tell, untold
from settlement.numbers.exact import objects
from settlement.rounds import Round, load_rounds
from settlement.rounds.readings import read_order, read_readings
from settlement.store.decisions import insert_decision
from settlement.store.inputs import head_at, inputs_as_of
from settlement.store.lines import STORED, count_lines, insert_lines, laid_out, payable_of_all
from settlement.store.settlements import (
    NewSettlement,
    hold_numbering,
    insert_settlement,
    last_locked,
    settlement_with,
    stored_settlement,
)

ROWS_AT_ONCE = 200_000
MONEY = ("award_fen", "held_fen", "payable_fen")
MONEY_TERMS = ("rate", "budget_fen", "uplift")  # of an order, what an award follows from
Within = Callable[[asyncpg.Connection, str], Awaitable[None]]
"""What else belongs into the transaction that stores a settlement, given its number."""


@dataclass(frozen=True)
class Request:
    """What is to be settled: a round, an order, readings, and as of which batch (None: everything recorded)."""

    round: str
    order: Mapping[str, Any] = field(default_factory=dict)
    readings: Mapping[str, Any] = field(default_factory=dict)
    as_of: int | None = None
    matches: list[dict[str, Any]] = field(default_factory=list)
    applications: list[dict[str, Any]] = field(default_factory=list)
    other_terms: bool = False
    """Whether another order or reading than that of the round's locked settlement is meant."""


def round_called(name: str) -> Round:
    """Return a known round. Raises SettlementRefused UNKNOWN_ROUND."""
    found = load_rounds().get(name)
    if found is None:
        raise SettlementRefused(
            "UNKNOWN_ROUND", f"there is no round {name!r}; there are {', '.join(sorted(load_rounds()))}"
        )
    return found


def check(request: Request) -> Round:
    """Check what can be checked without any record; the round. Raises SettlementRefused."""
    of_round = round_called(request.round)
    order = read_order(request.order, of_round)
    read_readings(request.readings, order, of_round)
    objects(request.applications, "APPLICATION_INVALID", "an application")
    objects(request.matches, "MATCH_INVALID", "R-DC")
    return of_round


class Computed(NamedTuple):
    """A settlement, its receipt, the batch it is as of, and whether the rollup is what the records add up to."""

    settlement: Settlement
    receipt: dict[str, Any]
    as_of: int
    rollup_equal: bool


async def compute(
    engine: AsyncEngine, request: Request, *, algorithm: str, adjusts: str | None, from_records: bool = False
) -> Computed:
    """Compute a settlement out of one snapshot; writes nothing.

    Use is read from the rollup, or added up from the records themselves. Raises SettlementRefused.
    """
    of_round = check(request)  # refused before anything is loaded
    loaded = await load_inputs(engine, request, adjusts, from_records=from_records)
    inputs, as_of = loaded.inputs, loaded.as_of
    result, digests = await asyncio.gather(
        asyncio.to_thread(settle, inputs, of_round, request.order, request.readings, algorithm=algorithm),
        asyncio.to_thread(input_digests, inputs, algorithm),
    )
    receipt = {
        "as_of": as_of,
        "journal_digest": loaded.journal_digest,
        "inputs": digests,
        "round_sha256": of_round.sha256,
        "code": code_version(),
        "adjusts": adjusts,
        "output": result.digest,
    }
    return Computed(result, receipt, as_of, loaded.rollup_equal)


class Loaded(NamedTuple):
    """Inputs out of one snapshot, the batch they are as of, its digest, and whether rollup and records agree."""

    inputs: Inputs
    as_of: int
    journal_digest: str | None
    rollup_equal: bool


async def load_inputs(
    engine: AsyncEngine, request: Request, adjusts: str | None, *, from_records: bool = False
) -> Loaded:
    """Load the inputs of a request out of one snapshot. Raises SettlementRefused UNKNOWN_BATCH."""
    if request.as_of is not None and not 0 <= request.as_of < 2**63:
        raise SettlementRefused("UNKNOWN_BATCH", f"there is no batch {request.as_of}")
    async with one_snapshot(engine) as (connection, beside):
        as_of, journal_digest = await head_at(connection, request.as_of)
        if request.as_of is not None and request.as_of != as_of:
            raise SettlementRefused("UNKNOWN_BATCH", f"there is no batch {request.as_of} yet; the last is {as_of}")
        settled = await payable_of_all(connection, adjusts) if adjusts else None
        inputs, agrees = await inputs_as_of(
            connection, beside, as_of, from_records=from_records, settled=settled, applications=request.applications,
            matches=request.matches,
        )  # fmt: skip
    return Loaded(inputs, as_of, journal_digest, agrees)


def input_digests(inputs: Inputs, algorithm: str) -> dict[str, str]:
    """Return a digest of each input, over its rows as CSV."""
    found = {}
    for name in COLUMNS:
        found[name] = digest_of(algorithm, *_csv(getattr(inputs, name)))
    for name in ("applications", "matches"):
        text = json.dumps(getattr(inputs, name), sort_keys=True, ensure_ascii=False, default=str)
        found[name] = digest_of(algorithm, text.encode())
    return found


def _csv(table: pl.DataFrame) -> Iterator[bytes]:
    """Yield a table as CSV, its rows portion by portion."""
    yield table.clear().write_csv().encode()
    for some in table.iter_slices(ROWS_AT_ONCE):
        yield some.write_csv(include_header=False).encode()


async def run(
    engine: AsyncEngine,
    request: Request,
    *,
    actor: str,
    algorithm: str,
    moment: datetime,
    tell: Tell = untold,
    within: Within | None = None,
) -> tuple[str, bool]:
    """Compute and store a settlement; its id, and whether it is new.

    The same request over the same facts by the same code is one settlement, however often it is run. `within` is
    awaited in the transaction that stores it, or finds it stored already; what it raises undoes the storing.
    """
    round_called(request.round)
    async with engine.connect() as held:
        adjusts = await last_locked(await driver(held), request.round)
    if adjusts is not None and not request.other_terms:
        check_terms(request, (await stored_request(engine, adjusts))[0], adjusts)
    tell(0, None, "compute")
    result, receipt, as_of, _ = await compute(engine, request, algorithm=algorithm, adjusts=adjusts)
    tell(0, None, "lines")
    await asyncio.to_thread(check_kinds, result)
    tell(0, result.lines.height, "store")
    new = NewSettlement(
        round=request.round,
        as_of=as_of,
        order=result.order.as_dict(),
        readings=result.readings.as_dict(),
        matches=request.matches,
        applications=request.applications,
        match_lines=[match.as_dict() for match in result.matches],
        totals=result.totals,
        receipt=receipt,
        digest=result.digest,
        fingerprint=_fingerprint(request, result, receipt),
        adjusts=adjusts,
        run_by=actor,
        created_at=moment,
    )
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction(isolation="read_committed"):
            kept = await _keep(connection, new, result, tell)
            if within is not None:
                await within(connection, kept[0])
        if kept[1]:
            await count_lines(connection)
        return kept


def check_terms(asked: Request, locked: Request, number: str) -> None:
    """Raise SettlementRefused OTHER_TERMS where the round is locked, and what is asked for pays by other rules.

    It would not settle what came later but change what was decided, and take back or pay out the difference. Readings
    that were not written down with the lock are not compared, and without any the terms of that lock are not known.
    """
    if not locked.readings:
        return
    of_round = round_called(asked.round)
    order, before = read_order(asked.order, of_round), read_order(locked.order, of_round)
    terms = read_readings(asked.readings, order, of_round).as_dict()
    unlike = [f"order.{name}" for name in MONEY_TERMS if getattr(order, name) != getattr(before, name)]
    unlike += [f"readings.{name}" for name, value in terms.items() if locked.readings.get(name, value) != value]
    if unlike:
        raise SettlementRefused(
            "OTHER_TERMS",
            f"the round is locked by {number}, and this differs from it in {', '.join(unlike)}: "
            "say other_terms where that is meant",
        )


async def _keep(connection: asyncpg.Connection, new: NewSettlement, result: Settlement, tell: Tell) -> tuple[str, bool]:
    """Store a settlement with its lines and its first event, unless the same one stands already."""
    await hold_numbering(connection)
    known = await settlement_with(connection, new.fingerprint)
    if known is not None:
        return known, False
    number = await insert_settlement(connection, new)
    done = 0
    async for portions in _made_ahead(result):
        for portion in portions:
            await insert_lines(connection, number, portion)
            done += portion[0]
        tell(done, result.lines.height, "store")
    await insert_decision(
        connection, number, "run", actor=new.run_by, moment=new.created_at, detail={"digest": new.digest}
    )
    return number, True


async def _made_ahead(result: Settlement) -> AsyncIterator[list[tuple[int, list[str], list[str]]]]:
    """Yield the lines as they are stored, some thousand at a time: the next are made while some are written."""
    portions = result.portions()

    def made() -> list[tuple[int, list[str], list[str]]] | None:
        portion = next(portions, None)
        return None if portion is None else list(laid_out(stored_lines(portion)))

    ahead = asyncio.create_task(asyncio.to_thread(made))
    try:
        while (laid := await ahead) is not None:
            ahead = asyncio.create_task(asyncio.to_thread(made))
            yield laid
    finally:
        ahead.cancel()


def _fingerprint(request: Request, result: Settlement, receipt: Mapping[str, Any]) -> bytes:
    """Return what stands for everything that a settlement follows from."""
    follows_from = [receipt, result.order.as_dict(), result.readings.as_dict(), request.matches, request.applications]
    return hashlib.sha256(json.dumps(follows_from, sort_keys=True, default=str).encode()).digest()


def stored_lines(result: Settlement) -> pl.DataFrame:
    """Return the lines of a portion as they are stored (STORED of settlement/store/lines.py), all at once."""
    kept = result.lines.select("uscc", pl.col("name").fill_null(""), "region", *MONEY, "adjustment_fen")
    paid, waits = pl.col("payable_fen") > 0, pl.col("held_fen") > 0
    outcome = pl.when(paid).then(pl.lit("payable")).when(waits).then(pl.lit("held")).otherwise(pl.lit("nothing"))
    texts = {"line": line_texts(result), "working": working_texts(result)}
    return kept.with_columns(outcome=outcome, **texts).select(list(STORED))


async def stored_request(engine: AsyncEngine, settlement: str) -> tuple[Request, Mapping[str, Any]]:
    """Return what a stored settlement was asked for, and its row. Raises SettlementRefused UNKNOWN_SETTLEMENT."""
    async with engine.connect() as held:
        row = await stored_settlement(await driver(held), settlement)
    request = Request(
        row["round"], row["payment_order"], row["readings"], row["as_of"], row["matches"], row["applications"]
    )
    return request, row
