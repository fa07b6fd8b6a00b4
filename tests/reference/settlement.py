"""The settlement of one world, in the order of evaluation of docs/rules.md, section 6."""

from fractions import Fraction
from typing import Any

from tests.reference import matches, yinchuan
from tests.reference.days import first_second
from tests.reference.facts import Item, Registry, World
from tests.reference.family import Families
from tests.reference.judgement import judge
from tests.reference.lines import Case, Line, line_of
from tests.reference.money import CEILING, share_out
from tests.reference.parts import charge_on, parts_of
from tests.reference.records import Ingest, Record, take_in
from tests.reference.rounds import DEFAULT_READINGS, ROUNDS, Round

Result = dict[str, Any]


def settle(world: World) -> Result:
    """Settle a world: `{"lines": {uscc: line}, "totals": {...}, "ingest": {...}}` or `{"refused": CODE}`."""
    order: Item = world.get("order") or {}
    rate = order.get("rate")
    if rate is not None and Fraction(str(rate)) > CEILING:
        return {"refused": "RATE_ABOVE_CEILING"}
    if rate is not None and Fraction(str(rate)) < 0:
        return {"refused": "RATE_NEGATIVE"}
    registry = Registry(world)
    ingest = take_in(world.get("usage") or [], registry)
    records = ingest.counting()
    if world["round"] == "yinchuan-draft":
        return yinchuan.settle(world.get("applications") or [], records, registry) | {"ingest": ingest.counts()}
    round_ = ROUNDS[world["round"]]
    readings = readings_of(world, round_)
    families = Families(registry, Fraction(str(readings["related"])))
    parts = [part for record in records for part in parts_of(record, round_.days, registry)]
    judged = judge(parts, round_, readings, families)
    case = Case(round_, order, readings, registry, families, judged, in_conflict(ingest, round_))

    settled = (world.get("settled") or {}).get("lines")
    entities = {part.consumer for part in parts} | set(settled or {})
    lines = {entity: line_of(entity, case) for entity in sorted(entities)}
    pay(lines, order)
    if settled is not None:
        for entity, line in lines.items():
            if entity in settled:
                line["adjustment_fen"] = line["payable_fen"] - settled[entity]["payable_fen"]
    result: Result = {
        "lines": {entity: finished(line) for entity, line in lines.items()},
        "totals": totals_of(lines, settled, records, round_),
        "ingest": ingest.counts(),
    }
    if world.get("matches"):
        result["matches"] = matches.settle(world["matches"], readings)
    return result


def readings_of(world: World, round_: Round) -> dict[str, str]:
    """Defaults, then the order's uplift, then the readings given: a reading given wins over the order."""
    readings = DEFAULT_READINGS | {"spend_basis": round_.spend_basis}
    if (world.get("order") or {}).get("uplift"):
        readings["uplift"] = "capped"
    return readings | (world.get("readings") or {})


def in_conflict(ingest: Ingest, round_: Round) -> set[str]:
    """The consumers of both versions of every conflict of which either version touches the window."""
    flagged: set[str] = set()
    for first, second in ingest.conflicts:
        if touches(first, round_) or touches(second, round_):
            flagged |= {version.consumer for version in (first, second) if version.consumer is not None}
    return flagged


def touches(record: Record, round_: Round) -> bool:
    """Whether some of [started, ended), or the start of a record of no length, lies in the window. A void never."""
    if record.consumer is None:
        return False
    begin, end = first_second(round_.first_day), first_second(round_.end_day)
    if record.started == record.ended:
        return begin <= record.started < end
    return record.started < end and record.ended > begin


def pay(lines: dict[str, Line], order: Item) -> None:
    """What is payable: nothing of a forecast, else the award, cut to the budget."""
    if order.get("rate") is None:
        for line in lines.values():
            line["payable_fen"] = 0
            line["flags"].add("FORECAST_NOT_PAYABLE")
        return
    payable = share_out({entity: line["award_fen"] for entity, line in lines.items()}, order.get("budget_fen"))
    for entity, line in lines.items():
        line["payable_fen"] = payable[entity]
        if payable[entity] < line["award_fen"]:
            line["flags"].add("BUDGET_SHORTFALL")


def totals_of(
    lines: dict[str, Line], settled: dict[str, Item] | None, records: list[Record], round_: Round
) -> dict[str, int]:
    """The sums over all lines, and the charges of all records that count, on the platform or not."""
    begin, end = first_second(round_.first_day), first_second(round_.end_day)
    inside_fen = sum(charge_on(record, begin, end) for record in records)
    totals = {name: sum(line[name] for line in lines.values()) for name in ("award_fen", "held_fen", "payable_fen")}
    if settled is not None:
        totals["adjustment_fen"] = totals["payable_fen"] - sum(line["payable_fen"] for line in settled.values())
    totals["charge_in_window_fen"] = inside_fen
    totals["charge_outside_window_fen"] = sum(record.charge_fen for record in records) - inside_fen
    return totals


def finished(line: Line) -> Line:
    """Reasons and flags as sorted lists."""
    return line | {"reasons": sorted(line["reasons"]), "flags": sorted(line["flags"])}
