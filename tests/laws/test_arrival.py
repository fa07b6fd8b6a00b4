"""Laws about records: repeats, order of arrival, cuts, corrections, conservation (docs/rules.md, section 9, 4 to 8)."""

from datetime import date, datetime, timedelta, timezone
from typing import Any

import pytest

from tests.laws.calendar import SHANGHAI
from tests.laws.chance import Chance
from tests.laws.difference import INGEST, MONEY, QUANTITIES, changed, differences, unlike
from tests.laws.implementation import Result, Settle
from tests.laws.registry import code_of
from tests.laws.trial import LAW_WORLDS, Law, hold
from tests.laws.variants import (
    REGISTRY_LISTS,
    change_days,
    counting_records,
    extra_records,
    with_order,
    with_usage,
)
from tests.laws.worlds import STRANGER, World, anhui_world_of
from tests.reference.days import first_second
from tests.reference.parts import charge_on, days_touched
from tests.reference.rounds import ROUNDS
from tests.support.records import facility

Item = dict[str, Any]


def key_of(record: Item) -> tuple[str, object]:
    """What an id is unique in."""
    return record.get("source", ""), record.get("id")


def target_of(record: Item) -> tuple[str, object] | None:
    """What a correction corrects."""
    return (record.get("source", ""), record["corrects"]) if record.get("corrects") is not None else None


def same_settlement(before: Result, after: Result) -> list[str]:
    """Every line and every total is the same; receipts may differ."""
    return differences({"lines": before["lines"], "totals": before["totals"]}, after)


def sending_everything_again_changes_nothing(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 4, first half: facts and records alike. (A correction that came before its target would now be accepted.)"""
    keys = [key_of(record) for record in world["usage"]]
    for index, record in enumerate(world["usage"]):
        if target_of(record) in keys[index:]:
            return None
    again = {name: world[name] * 2 for name in REGISTRY_LISTS}
    before, after = settle(world), settle(world | again | {"usage": world["usage"] * 2})
    found = same_settlement(before, after)
    return found + unlike("ingest", before["ingest"], after["ingest"], ["accepted"])


def the_order_of_arrival_does_not_matter(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 4, second half: without conflicts, and no two corrections compete."""
    before = settle(world)
    targets = [target_of(record) for record in world["usage"] if target_of(record) is not None]
    corrections = [record for record in world["usage"] if target_of(record) is not None]
    distinct = {key_of(record) for record in corrections}
    if before["ingest"]["conflict"] or len(set(targets)) != len(distinct):
        return None
    waiting = chance.some(world["usage"], len(world["usage"]))
    arrived: list[Item] = []
    while waiting:  # the first that waits for nothing that is still waiting
        keys = [key_of(record) for record in waiting]
        index = next((i for i, r in enumerate(waiting) if target_of(r) not in keys), None)
        if index is None:
            return None
        arrived.append(waiting.pop(index))
    return differences(before, settle(world | {"usage": arrived}))


def use_off_the_platform_changes_nothing(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 5, first half."""
    records = [record | {"via_platform": False} for record in extra_records(world, chance, 3)]
    before, after = settle(world), settle(with_usage(world, *records))
    if after["ingest"]["accepted"] == before["ingest"]["accepted"]:
        return None
    found = changed(before, after, MONEY + QUANTITIES)
    for code in set(after["lines"]) - set(before["lines"]):
        line = after["lines"][code]
        if line["award_fen"] or line["held_fen"] or line["consumed_pflops_hours"] != "0":
            found.append(f"{code}: {line}")
    return found


def a_stranger_changes_nobody_else(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 5, second half: at a facility of its own kind, or at the hub, whose owner is a stranger to all."""
    newcomer, builder = code_of(7_000_001), code_of(7_000_002)
    far = facility("far", owners=[{"uscc": builder, "share": "1"}])
    before = settle(with_order(world, budget_fen=None))
    hub_is_strange = code_of(STRANGER) not in before["lines"]
    records = [
        record | {"consumer": newcomer, "facility": chance.one(["far", "hub"]) if hub_is_strange else "far"}
        for record in extra_records(world, chance, 3)
    ]
    larger = with_usage(world | {"facilities": [*world["facilities"], far]}, *records)
    after = settle(with_order(larger, budget_fen=None))
    found = []
    for code, line in before["lines"].items():
        found += unlike(code, line, after["lines"][code])
    return found


def cutting_a_record_in_two_changes_no_line(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 6: inside the window, the charge divided in any way, and the registry unchanged meanwhile."""
    round_ = ROUNDS[world["round"]]
    keys = [key_of(record) for record in world["usage"]]
    targets = [target_of(record) for record in world["usage"]]
    changes = {(date.fromisoformat(day) - date(1970, 1, 1)).days for day in change_days(world)}
    whole = []
    for record in counting_records(world):
        days = days_touched(record)
        key = (record.source, record.id)
        inside = days[0] in round_.days and days[-1] in round_.days
        if inside and keys.count(key) == 1 and key not in targets and not changes & set(days[1:]):
            whole.append((keys.index(key), record))
    if not whole:
        return None
    index, record = chance.one(whole)
    first, second = dict(world["usage"][index]), dict(world["usage"][index])
    middle = datetime.fromtimestamp(chance.number(record.started, record.ended), SHANGHAI).isoformat()
    charge_fen = chance.one([0, record.charge_fen, chance.number(0, record.charge_fen)])
    first |= {"ended_at": middle, "charge_fen": charge_fen}
    second |= {"id": "second-half", "started_at": middle, "charge_fen": record.charge_fen - charge_fen}
    second.pop("corrects", None)
    second.pop("action", None)
    usage = [*world["usage"][:index], first, second, *world["usage"][index + 1 :]]
    return same_settlement(settle(world), settle(world | {"usage": usage}))


def every_charge_is_somewhere(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 7: the parts in all rounds and in the time outside them sum to the charges."""
    records = counting_records(world)
    total_fen = sum(record.charge_fen for record in records)
    edges = [0, *(day for round_ in ROUNDS.values() for day in (round_.first_day, round_.end_day)), 100_000]
    gaps = [(first_second(edges[i]), first_second(edges[i + 1])) for i in range(0, len(edges), 2)]
    sum_fen = sum(charge_on(record, begin, end) for record in records for begin, end in gaps)
    found = []
    for round_id in ROUNDS:
        totals = settle(world | {"round": round_id})["totals"]
        sum_fen += totals["charge_in_window_fen"]
        if totals["charge_in_window_fen"] + totals["charge_outside_window_fen"] != total_fen:
            found.append(f"{round_id}: {totals}, charged {total_fen}")
    if sum_fen != total_fen:
        found.append(f"parts sum to {sum_fen}, charged {total_fen}")
    return found


def a_record_and_its_void_are_neither(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 8, first half."""
    (record,) = extra_records(world, chance)
    void = {"id": "extra-void", "corrects": record["id"], "action": "void"}
    if "source" in record:
        void["source"] = record["source"]
    return same_settlement(settle(world), settle(with_usage(world, record, void)))


def a_record_and_its_replacement_are_the_replacement(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 8, second half."""
    record, plain = extra_records(world, chance, 2)
    plain.pop("source", None)
    plain |= {"source": record["source"]} if "source" in record else {}
    replacement = plain | {"corrects": record["id"], "action": "replace"}
    before, after = settle(with_usage(world, plain)), settle(with_usage(world, record, replacement))
    accepted = settle(world)["ingest"]["accepted"]
    if (before["ingest"]["accepted"], after["ingest"]["accepted"]) != (accepted + 1, accepted + 2):
        return None  # one of them was refused, so nothing was replaced
    return same_settlement(before, after)


def counts_add_up(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """docs/contract.md, section 1: received = accepted + duplicate + conflict + refused."""
    counts = settle(world)["ingest"]
    right = counts["received"] == len(world["usage"]) == sum(counts[name] for name in INGEST[1:])
    return [] if right else [str(counts)]


def the_same_instant_in_another_offset_is_the_same(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 9, in part: other offsets of the same instants."""
    usage = []
    for record in world["usage"]:
        moved = dict(record)
        elsewhere = timezone(timedelta(hours=chance.number(-11, 14)))
        for field in ("started_at", "ended_at"):
            try:
                instant = datetime.fromisoformat(str(record.get(field)))
            except ValueError:
                continue
            if instant.tzinfo is not None:
                moved[field] = instant.astimezone(elsewhere).isoformat()
        usage.append(moved)
    return differences(settle(world), settle(world | {"usage": usage}))


@pytest.mark.parametrize(
    ("law", "least_applied"),
    [
        (sending_everything_again_changes_nothing, 0.5),
        (the_order_of_arrival_does_not_matter, 0.3),
        (use_off_the_platform_changes_nothing, 0.5),
        (a_stranger_changes_nobody_else, 0.9),
        (cutting_a_record_in_two_changes_no_line, 0.5),
        (every_charge_is_somewhere, 0.9),
        (a_record_and_its_void_are_neither, 0.9),
        (a_record_and_its_replacement_are_the_replacement, 0.5),
        (counts_add_up, 0.9),
        (the_same_instant_in_another_offset_is_the_same, 0.9),
    ],
    ids=lambda value: str(getattr(value, "__name__", "")),
)
def test_records_keep_the_laws_of_arrival(law: Law, least_applied: float, name: str) -> None:
    """On every random world."""
    hold(law, name, anhui_world_of, LAW_WORLDS[name], least_applied)
