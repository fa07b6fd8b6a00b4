"""The registry of a world: its items as the registry would keep them, and as the frames of facts."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import polars as pl

from meter.days import EVER, date_of, day_number, end_day, start_day
from meter.registry.facts import held_above_one
from meter.registry.fields import Unfit
from meter.registry.shapes import READERS
from settlement.errors import SettlementRefused
from settlement.inputs.frames import COLUMNS, empty
from settlement.jobs.worlds.read import World
from settlement.vocabulary import RULE_BEHIND

Registry = Mapping[str, list[dict[str, Any]]]
Rows = list[tuple[Any, ...]]


def items_of(world: World, name: str) -> list[dict[str, Any]]:
    """Read registry items in the shape the registry keeps; one that it would refuse refuses the world. Of an
    expenditure the first version of an id stands, as everywhere."""
    found = []
    for index, item in enumerate(world.get(name) or []):
        try:
            found.append(READERS[name](item))
        except Unfit as unfit:
            raise SettlementRefused(unfit.code, f"{name}[{index}]: {unfit.under(RULE_BEHIND, name)}") from unfit
    if name == "holdings":
        _check_held(found)
    if name == "expenditures":
        found = list({item["id"]: item for item in reversed(found)}.values())[::-1]
    return found


def _check_held(holdings: list[dict[str, Any]]) -> None:
    """Check that nobody is held above 100 % on any day: refused as the registry refuses it."""
    by_held: dict[str, list[tuple[Any, int, int, Decimal]]] = {}
    for item in holdings:
        period = start_day(item["from"]), end_day(item["to"])
        by_held.setdefault(item["held"], []).append((item["holder"], *period, item["share"]))
    for held, facts in sorted(by_held.items()):
        day = held_above_one(facts)
        if day is not None:
            when = "since ever" if day == EVER else f"on {date_of(day)}"
            raise SettlementRefused("holdings_above_one", f"R-RELATED: {held} would be held above 100 % {when}")


@dataclass(frozen=True)
class Ranks:
    """Code -> place in the sorted list of codes, for parties, facilities and chips."""

    parties: Mapping[str, int]
    facilities: Mapping[str, int]
    chips: Mapping[str, int]


def facts_of(registry: Registry, ranks: Ranks) -> dict[str, pl.DataFrame]:
    """Return the frames of facts of all registry items; `seq` is the place of the item in its list."""
    return {
        "entity_facts": rows_of("entity_facts", _entities(registry, ranks)),
        "facility_facts": rows_of("facility_facts", _facilities(registry, ranks)),
        "facility_owners": rows_of("facility_owners", _owners(registry, ranks)),
        "chip_facts": rows_of("chip_facts", _chips(registry, ranks)),
        "holding_facts": rows_of("holding_facts", _holdings(registry, ranks)),
        "expenditure_facts": rows_of("expenditure_facts", _expenditures(registry, ranks)),
    }


def _entities(registry: Registry, ranks: Ranks) -> Rows:
    names = ("name", "kind", "independent_legal_person", "region", "ai_enterprise", "state_body")
    return [
        (seq, ranks.parties[item["uscc"]], *(item[name] for name in names), *_period(item))
        for seq, item in enumerate(registry["entities"])
    ]


def _facilities(registry: Registry, ranks: Ranks) -> Rows:
    return [
        (
            seq,
            ranks.facilities[item["id"]],
            *(item[name] for name in ("name", "region", "intelligent")),
            None if item["operator"] is None else ranks.parties[item["operator"]],
            *_period(item),
        )
        for seq, item in enumerate(registry["facilities"])
    ]


def _owners(registry: Registry, ranks: Ranks) -> Rows:
    return [
        (seq, ranks.parties[owner["uscc"]], _billionths(owner["share"]))
        for seq, item in enumerate(registry["facilities"])
        for owner in item["owners"]
    ]


def _chips(registry: Registry, ranks: Ranks) -> Rows:
    return [
        (seq, ranks.chips[item["chip"]], int(item["tflops_fp16"] * 10**6), *_period(item))
        for seq, item in enumerate(registry["chips"])
    ]


def _holdings(registry: Registry, ranks: Ranks) -> Rows:
    return [
        (
            seq,
            ranks.parties[item["holder"]],
            ranks.parties[item["held"]],
            _billionths(item["share"]),
            day_number_of(item["from"]),
            day_number_of(item["to"]),
        )
        for seq, item in enumerate(registry["holdings"])
    ]


def _expenditures(registry: Registry, ranks: Ranks) -> Rows:
    return [
        (
            seq,
            item["id"],
            ranks.parties[item["consumer"]],
            item["kind"],
            day_number_of(item["served_from"]),
            day_number_of(item["served_to"]),
            item["amount_fen"],
        )
        for seq, item in enumerate(registry["expenditures"])
    ]


def _period(item: Mapping[str, Any]) -> tuple[int | None, int | None]:
    return day_number_of(item["valid_from"]), day_number_of(item["valid_to"])


def day_number_of(date: datetime.date | None) -> int | None:
    """Return days since 1970-01-01, None for no date."""
    return None if date is None else day_number(date)


def _billionths(share: Decimal) -> int:
    return int(share * 10**9)


def frame_of(name: str, *columns: Any) -> pl.DataFrame:
    """Return a frame of the inputs from its columns, in order."""
    kinds = COLUMNS[name].items()
    return pl.DataFrame(
        {column: pl.Series(list(values), dtype=kind) for (column, kind), values in zip(kinds, columns, strict=True)}
    )


def rows_of(name: str, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    """Return a frame of the inputs from its rows."""
    return frame_of(name, *zip(*rows, strict=True)) if rows else empty(name)
