"""Worlds: cases as files (contract, section 6), run through the same intake, journal, rollup and settlement as the
service."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from decimal import Decimal
from fractions import Fraction
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from meter.intake.limits import BATCH_RECORDS
from meter.intake.receive import receive_records
from meter.intake.registry_view.catalogue import DatedCode
from meter.intake.registry_view.registered import Registered
from meter.journal.memory import MemoryJournal
from meter.registry.facts import EVER, NEVER, day_number, held_above_one
from meter.registry.shapes import READERS, Unfit, is_uscc
from meter.rollup.daily import roll_up
from settlement.compute.settle import settle
from settlement.compute.settlement import Settlement
from settlement.compute.shapes import line_dict
from settlement.errors import SettlementRefused
from settlement.inputs.frames import COLUMNS, Inputs, empty
from settlement.numbers.exact import objects, whole_number
from settlement.rounds import Round, load_rounds
from settlement.rounds.readings import read_order, read_readings
from settlement.rounds.round import date_of, day_of

World = Mapping[str, Any]
FIELDS = {
    "id", "title", "why", "rules", "round", "order", "readings", "entities", "facilities", "chips", "holdings",
    "expenditures", "usage", "applications", "matches", "settled", "expected",
}  # fmt: skip
EXPECTED = {"lines", "totals", "ingest", "matches", "refused"}
REGISTRY = ("entities", "facilities", "chips", "holdings", "expenditures")
QUANTITY_SUFFIX = "_pflops_hours"
ORDINAL_BITS = 20


def load_worlds(path: Path) -> list[dict[str, Any]]:
    """The worlds of a file. Raises ValueError where it is no list of worlds."""
    try:
        loaded = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506 (a safe loader, only faster)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name} is no YAML: {error}") from error
    if not isinstance(loaded, list) or not all(isinstance(world, dict) and "id" in world for world in loaded):
        raise ValueError(f"{path.name} is no list of worlds (contract, section 6)")
    return loaded


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """YAML as written: dates stay texts, so that a record is what a client would send, and so does `off`, which is a
    reading and not the boolean that YAML 1.1 takes it for."""


_Loader.yaml_implicit_resolvers = {
    first: [
        (tag, pattern)
        for tag, pattern in resolvers
        if tag != "tag:yaml.org,2002:timestamp" and (tag != "tag:yaml.org,2002:bool" or first in "tTfF")
    ]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def run_world(
    world: World,
    *,
    readings: Mapping[str, Any] | None = None,
    rounds: Mapping[str, Round] | None = None,
) -> dict[str, Any]:
    """Settles one world: {id, ok, got, differences}; `readings` are put over those of the world.

    `got` is {ingest, lines, totals, digest} (and matches), or {refused} with `detail` beside it; `ok` says whether
    `expected` holds.
    """
    got: dict[str, Any]
    try:
        if readings:
            _check_shape(world)
            world = {**world, "readings": {**(world.get("readings") or {}), **readings}}
        settlement, ingest = settle_world(world, rounds)
        got = {
            "ingest": ingest,
            "lines": {row["uscc"]: line_dict(settlement, row) for row in settlement.lines.iter_rows(named=True)},
            "totals": settlement.totals,
            "digest": settlement.digest,
        }
        if settlement.matches:
            got["matches"] = {
                match.id: {"award_fen": match.award_fen, "reasons": list(match.reasons)} for match in settlement.matches
            }
        detail = {}
    except SettlementRefused as refused:
        got = {"refused": refused.code}
        detail = {"detail": refused.detail}
    differences = compare_expected(world.get("expected") or {}, got)
    return {"id": world["id"], "ok": not differences, "got": got, "differences": differences, **detail}


def settle_world(world: World, rounds: Mapping[str, Round] | None = None) -> tuple[Settlement, dict[str, int]]:
    """The settlement of a world and its ingest counts. Raises SettlementRefused."""
    _check_shape(world)
    known = rounds or _known_rounds()
    if world.get("round") not in known:
        raise SettlementRefused(
            "UNKNOWN_ROUND", f"there is no round '{world.get('round')}'; there are {', '.join(known)}"
        )
    of_round = known[world["round"]]
    order = read_order(world.get("order"), of_round)  # order of evaluation: the rate is checked first
    read_readings(world.get("readings"), order, of_round)
    inputs, ingest = inputs_of(world)
    return settle(inputs, of_round, world.get("order"), world.get("readings")), ingest


def _check_shape(world: World) -> None:
    """SettlementRefused WORLD_INVALID where a world is not of the shape of the contract, section 6."""

    def require(holds: bool, detail: str) -> None:
        if not holds:
            raise SettlementRefused("WORLD_INVALID", f"{detail} (contract, section 6)")

    unknown = sorted(str(name) for name in world if name not in FIELDS)
    require(not unknown, f"a world has no field {', '.join(unknown)}")
    require(isinstance(world.get("round"), str), "a world names its round")
    for name in ("order", "readings", "settled"):
        require(world.get(name) is None or isinstance(world[name], Mapping), f"'{name}' is an object")
    for name in (*REGISTRY, "usage", "applications", "matches"):
        require(world.get(name) is None or isinstance(world[name], list), f"'{name}' is a list")
    settled = world.get("settled")
    if settled is not None:
        lines = settled.get("lines")
        require(set(settled) <= {"lines"}, "'settled' has 'lines' and nothing else")
        require(lines is None or isinstance(lines, Mapping), "'settled.lines' is an object")
        for code, line in (lines or {}).items():
            place = f"settled.lines.{code}"
            require(isinstance(code, str) and is_uscc(code), f"{place}: no unified social credit code")
            require(isinstance(line, Mapping), f"{place} is an object")
            require(whole_number(line.get("payable_fen")) is not None, f"{place}.payable_fen is whole fen, not below 0")


_ROUNDS: dict[str, Round] = {}


def _known_rounds() -> Mapping[str, Round]:
    if not _ROUNDS:
        _ROUNDS.update(load_rounds())
    return _ROUNDS


def compare_expected(expected: Mapping[str, Any], got: Mapping[str, Any]) -> list[str]:
    """Where `got` differs from what a world expects; fields that are not expected are not compared."""
    wrong = _wrong_expectation(expected)
    if wrong:
        return [wrong]
    if "refused" in expected or "refused" in got:
        wanted, found = expected.get("refused"), got.get("refused")
        return [] if wanted == found else [f"refused: expected {wanted}, got {found}"]
    differences = []
    for name in ("ingest", "totals"):
        for field, value in (expected.get(name) or {}).items():
            found = (got.get(name) or {}).get(field)
            if found != value:
                differences.append(f"{name}.{field}: expected {value}, got {found}")
    for identity, wanted in (expected.get("matches") or {}).items():
        match = (got.get("matches") or {}).get(identity) or {}
        for field, value in (wanted or {}).items():
            if not _same(field, value, match.get(field)):
                differences.append(f"matches.{identity}.{field}: expected {value}, got {match.get(field)}")
    for uscc, fields in (expected.get("lines") or {}).items():
        line = got["lines"].get(uscc)
        if (line is None) != (fields is None):
            differences.append(f"lines.{uscc}: expected {'no line' if fields is None else 'a line'}")
            continue
        for field, value in (fields or {}).items():
            if not _same(field, value, line.get(field)):
                differences.append(f"lines.{uscc}.{field}: expected {value}, got {line.get(field)}")
    return differences


def _wrong_expectation(expected: Any) -> str | None:
    """Why an expectation is none: one that says nothing would hold of any outcome."""
    if not isinstance(expected, Mapping):
        return "expected: no object"
    for name, value in expected.items():
        if name not in EXPECTED:
            return f"expected.{name}: there is no such field"
        if name == "refused":
            continue
        if value is not None and not isinstance(value, Mapping):
            return f"expected.{name}: no object"
        if name in ("lines", "matches"):
            for subject, fields in (value or {}).items():
                if fields is not None and not isinstance(fields, Mapping):
                    return f"expected.{name}.{subject}: neither an object nor null"
    return None


def _same(field: str, expected: Any, found: Any) -> bool:
    if field.endswith(QUANTITY_SUFFIX):
        try:
            return found is not None and Fraction(str(expected)) == Fraction(found)
        except (ValueError, ZeroDivisionError):
            return False
    if field in ("reasons", "flags"):
        return isinstance(expected, list) and found is not None and sorted(map(str, expected)) == sorted(found)
    return bool(expected == found)


def inputs_of(world: World) -> tuple[Inputs, dict[str, int]]:
    """The settlement's inputs of a world, its usage taken in like the service does, and the ingest counts."""
    registry = {name: _items(world, name) for name in REGISTRY}
    applications = objects(world.get("applications") or [], "APPLICATION_INVALID", "an application")
    facility_codes = sorted({item["id"] for item in registry["facilities"]})
    chip_codes = sorted({item["chip"] for item in registry["chips"]})
    facility_rank = {code: rank for rank, code in enumerate(facility_codes)}
    chip_rank = {code: rank for rank, code in enumerate(chip_codes)}
    registered = Registered.of(
        0,
        [_dated(item["id"], facility_rank[item["id"]] + 1, item) for item in registry["facilities"]],
        [_dated(item["chip"], chip_rank[item["chip"]] + 1, item) for item in registry["chips"]],
    )
    journal = _journal(world.get("usage") or [], registered)
    spans = [pair for versions in journal.conflicts for pair in product(versions, versions)]
    settled = (world.get("settled") or {}).get("lines")
    parties = sorted(
        {item["uscc"] for item in registry["entities"]}
        | {owner["uscc"] for item in registry["facilities"] for owner in item["owners"]}
        | {item["operator"] for item in registry["facilities"] if item["operator"]}
        | {item[side] for item in registry["holdings"] for side in ("holder", "held")}
        | {item["consumer"] for item in registry["expenditures"]}
        | {str(item.get("consumer")) for item in applications}
        | set(journal.consumers())
        | {span.consumer for span, _ in spans if span is not None}
        | set(settled or {})
    )
    rank = {code: place for place, code in enumerate(parties)}
    inputs = Inputs(
        parties=_frame("parties", range(len(parties)), parties),
        facilities=_frame("facilities", range(len(facility_codes)), facility_codes),
        chips=_frame("chips", range(len(chip_codes)), chip_codes),
        use=_use(journal, rank),
        **_facts(registry, rank, facility_rank, chip_rank),
        conflicts=_rows(
            "conflicts",
            sorted(
                {
                    (rank[who.consumer], when.started, when.ended)
                    for who, when in spans
                    if who is not None and when is not None
                }
            ),
        ),
        settled_before=_rows(
            "settled_before", sorted((rank[code], line["payable_fen"]) for code, line in (settled or {}).items())
        ),
        has_settled=world.get("settled") is not None,
        applications=applications,
        matches=objects(world.get("matches") or [], "MATCH_INVALID", "R-DC"),
    )
    return inputs, dict(journal.counts)


def _items(world: World, name: str) -> list[dict[str, Any]]:
    """Registry items in the shape the registry keeps; one that it would refuse refuses the world. Of an
    expenditure the first version of an id stands, as everywhere."""
    found = []
    for index, item in enumerate(world.get(name) or []):
        try:
            found.append(READERS[name](item))
        except Unfit as unfit:
            raise SettlementRefused(unfit.code, f"{name}[{index}]: {unfit.detail}") from unfit
    if name == "holdings":
        _check_held(found)
    if name == "expenditures":
        found = list({item["id"]: item for item in reversed(found)}.values())[::-1]
    return found


def _check_held(holdings: list[dict[str, Any]]) -> None:
    """Nobody is held above 100 % on any day: refused as the registry refuses it."""
    by_held: dict[str, list[tuple[Any, int, int, Decimal]]] = {}
    for item in holdings:
        period = day_number(item["from"], EVER), day_number(item["to"], NEVER)
        by_held.setdefault(item["held"], []).append((item["holder"], *period, item["share"]))
    for held, facts in sorted(by_held.items()):
        day = held_above_one(facts)
        if day is not None:
            when = "since ever" if day == EVER else f"on {date_of(day)}"
            raise SettlementRefused("holdings_above_one", f"R-RELATED: {held} would be held above 100 % {when}")


def _dated(code: str, number: int, item: Mapping[str, Any]) -> DatedCode:
    return DatedCode(code, number, _day(item["valid_from"]), _day(item["valid_to"]))


def _day(date: datetime.date | None) -> int | None:
    return None if date is None else day_of(date)


def _journal(usage: Iterable[object], registered: Registered) -> MemoryJournal:
    """Records in order of arrival, one delivery for each run of records of one source."""
    journal = MemoryJournal()
    sources: dict[str, int] = {}
    delivery: list[object] = []
    current = ""

    def deliver() -> None:
        if delivery:
            number = sources.setdefault(current, len(sources) + 1)
            journal.record(number, receive_records(delivery, registered, number))
            delivery.clear()

    for record in usage:
        named = record.get("source") if isinstance(record, dict) else None
        source = "platform" if named is None else str(named)
        if source != current or len(delivery) == BATCH_RECORDS:
            deliver()
            current = source
        if isinstance(record, dict):
            record = {name: value for name, value in record.items() if name != "source"}
        delivery.append(record)
    deliver()
    return journal


def _use(journal: MemoryJournal, rank: Mapping[str, int]) -> pl.DataFrame:
    """The rolled-up use with ranks for parties, facilities and chips."""
    entries = journal.counting()
    numbers = journal.consumers()
    to_rank = np.zeros(len(numbers) + 1, dtype=np.int32)
    for code, number in numbers.items():
        to_rank[number] = rank[code]
    measured = {name: entries[name] for name in ("millicards", "charge_fen", "purpose", "via_platform")} | {
        "consumer": to_rank[entries["consumer"]],
        "facility": entries["facility"] - 1,
        "chip": entries["chip"] - 1,
        "started": entries["started_at"],
        "ended": entries["ended_at"],
    }
    return roll_up(measured).select(list(COLUMNS["use"]))


def _facts(
    registry: Mapping[str, list[dict[str, Any]]],
    rank: Mapping[str, int],
    facilities: Mapping[str, int],
    chips: Mapping[str, int],
) -> dict[str, pl.DataFrame]:
    def operator(item: Mapping[str, Any]) -> int | None:
        return None if item["operator"] is None else rank[item["operator"]]

    def period(item: Mapping[str, Any], prefix: str = "valid_") -> tuple[int | None, int | None]:
        return _day(item[f"{prefix}from"]), _day(item[f"{prefix}to"])

    return {
        "entity_facts": _rows(
            "entity_facts",
            [
                (
                    seq,
                    rank[item["uscc"]],
                    item["name"],
                    item["kind"],
                    item["independent_legal_person"],
                    item["region"],
                    item["ai_enterprise"],
                    item["state_body"],
                    *period(item),
                )
                for seq, item in enumerate(registry["entities"])
            ],
        ),
        "facility_facts": _rows(
            "facility_facts",
            [
                (
                    seq,
                    facilities[item["id"]],
                    item["name"],
                    item["region"],
                    item["intelligent"],
                    operator(item),
                    *period(item),
                )
                for seq, item in enumerate(registry["facilities"])
            ],
        ),
        "facility_owners": _rows(
            "facility_owners",
            [
                (seq, rank[owner["uscc"]], _billionths(owner["share"]))
                for seq, item in enumerate(registry["facilities"])
                for owner in item["owners"]
            ],
        ),
        "chip_facts": _rows(
            "chip_facts",
            [
                (seq, chips[item["chip"]], int(item["tflops_fp16"] * 10**6), *period(item))
                for seq, item in enumerate(registry["chips"])
            ],
        ),
        "holding_facts": _rows(
            "holding_facts",
            [
                (
                    seq,
                    rank[item["holder"]],
                    rank[item["held"]],
                    _billionths(item["share"]),
                    *period(item, ""),
                )
                for seq, item in enumerate(registry["holdings"])
            ],
        ),
        "expenditure_facts": _rows(
            "expenditure_facts",
            [
                (
                    seq,
                    item["id"],
                    rank[item["consumer"]],
                    item["kind"],
                    _day(item["served_from"]),
                    _day(item["served_to"]),
                    item["amount_fen"],
                )
                for seq, item in enumerate(registry["expenditures"])
            ],
        ),
    }


def _billionths(share: Decimal) -> int:
    return int(share * 10**9)


def _frame(name: str, *columns: Any) -> pl.DataFrame:
    kinds = COLUMNS[name].items()
    return pl.DataFrame(
        {column: pl.Series(list(values), dtype=kind) for (column, kind), values in zip(kinds, columns, strict=True)}
    )


def _rows(name: str, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return _frame(name, *zip(*rows, strict=True)) if rows else empty(name)
