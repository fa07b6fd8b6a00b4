"""The jobs that ask what if: settlements compared, and the interval of awards over all readings."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.journal.digest_chain import SM3
from settlement.compute.compare import Comparison, compare, compare_orders
from settlement.compute.interval import interval
from settlement.compute.settle import settle
from settlement.compute.settlement import Settlement
from settlement.errors import SettlementRefused
from settlement.jobs.settle import Request, compute, load_inputs, round_called, stored_request
from settlement.store.companies import keep_interval
from settlement.store.settlements import last_locked

COMPARISONS_MAX = 16


async def compared(engine: AsyncEngine, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Answer what-if: settlements `a` and `b`, or a `round` under `orders` and `readings` (each order under each
    readings).

    Nothing is stored. Each item is a settlement with its difference from the first. Raises SettlementRefused.
    """
    if "a" in wanted or "b" in wanted:
        if set(wanted) != {"a", "b"}:
            raise SettlementRefused("BAD_COMPARISON", "two settlements are named as a and b, and nothing beside them")
        runs = await _two(engine, wanted["a"], wanted["b"])
    elif "round" in wanted:
        runs = await _many(engine, wanted)
    else:
        raise SettlementRefused(
            "BAD_COMPARISON", "name two settlements as a and b, or a round with orders and readings"
        )
    return {"items": [_item(result, difference) for result, difference in runs], "next": None}


async def _two(engine: AsyncEngine, first: str, second: str) -> list[tuple[Settlement, Comparison]]:
    """Return two stored settlements, computed again."""
    both = []
    for name in (first, second):
        request, row = await stored_request(engine, name)
        both.append((await compute(engine, request, algorithm=SM3, adjusts=row["adjusts"])).settlement)
    return [(result, compare(both[0], result)) for result in both]


async def _many(engine: AsyncEngine, wanted: Mapping[str, Any]) -> list[tuple[Settlement, Comparison]]:
    """Return a round under each order and each readings, as it would be settled now: a lock stands here as it does
    there.
    """
    of_round = round_called(wanted["round"])
    async with engine.connect() as held:
        adjusts = await last_locked(await driver(held), of_round.id)
    inputs = (await load_inputs(engine, Request(of_round.id, as_of=wanted.get("as_of")), adjusts)).inputs
    orders, readings = wanted.get("orders") or [{}], wanted.get("readings") or [{}]
    if len(orders) * len(readings) > COMPARISONS_MAX or not all(isinstance(x, dict) for x in [*orders, *readings]):
        raise SettlementRefused(
            "BAD_COMPARISON", f"orders and readings are objects, at most {COMPARISONS_MAX} combinations"
        )
    return await asyncio.to_thread(compare_orders, inputs, of_round, orders, readings)


async def compared_cases(
    engine: AsyncEngine, round_id: str, cases: Sequence[Mapping[str, Any]], most: int
) -> list[dict[str, Any]]:
    """Settle a round under each case (order, readings) as it would be settled now, each beside the first.

    Of the entities that differ, `most` that gain and as many that lose the most are told. Raises SettlementRefused.
    """
    of_round = round_called(round_id)
    async with engine.connect() as held:
        adjusts = await last_locked(await driver(held), of_round.id)
    inputs = (await load_inputs(engine, Request(of_round.id), adjusts)).inputs

    def settle_all() -> list[dict[str, Any]]:
        settled = [settle(inputs, of_round, case["order"], case["readings"]) for case in cases]
        return [_item(one, compare(settled[0], one), most) for one in settled]

    return await asyncio.to_thread(settle_all)


def _item(result: Settlement, difference: Comparison, most: int | None = None) -> dict[str, Any]:
    entities = difference.entities
    if most is not None:
        moved = entities.sort("award_fen_difference", "uscc", descending=[True, False])
        gain, loss = pl.col("award_fen_difference") > 0, pl.col("award_fen_difference") < 0
        entities = pl.concat([moved.filter(gain).head(most), moved.filter(loss).tail(most)])
    return {
        "round": result.round.id,
        "order": result.order.as_dict(),
        "readings": result.readings.as_dict(),
        "totals": result.totals,
        "digest": result.digest,
        "difference": {
            "totals": difference.totals,
            "cities": difference.cities.to_dicts(),
            "entities": entities.to_dicts(),
        },
    }


async def interval_of(engine: AsyncEngine, settlement: str, most: int | None = None) -> dict[str, Any]:
    """Return the strictest, default and most generous award of every line, and the switches that move it by
    themselves; the bounds are kept, for each entity to see its own. With `most` only those lines that move most, and
    how many lines each switch moves.
    """
    request, row = await stored_request(engine, settlement)
    inputs = (await load_inputs(engine, request, row["adjusts"])).inputs
    found = await asyncio.to_thread(interval, inputs, round_called(request.round), request.order, request.readings)
    async with engine.connect() as held:
        await keep_interval(await driver(held), settlement, found.lines)
    if most is None:
        return {"totals": found.totals, "lines": found.lines.to_dicts()}
    moved = found.lines.filter(pl.col("moved_by").list.len() > 0)
    switches = moved["moved_by"].explode().value_counts().sort(["count", "moved_by"], descending=[True, False])
    widest = moved.sort(pl.col("generous_fen") - pl.col("strictest_fen"), descending=True, maintain_order=True)
    return {
        "totals": found.totals,
        "lines": widest.head(most).to_dicts(),
        "moved": [list(row) for row in switches.rows()],
    }
