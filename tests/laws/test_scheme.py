"""Laws about self-use: more use by outsiders, and use outside the scheme (docs/rules.md, section 9, 11 and 14)."""

from dataclasses import replace
from datetime import datetime
from fractions import Fraction
from typing import Any

import pytest

from tests.laws.calendar import SHANGHAI
from tests.laws.chance import Chance
from tests.laws.difference import QUANTITIES, changed
from tests.laws.implementation import Settle
from tests.laws.trial import LAW_WORLDS, Law, hold
from tests.laws.variants import counting_records, extra_records, with_readings, with_usage
from tests.laws.worlds import World, anhui_world_of
from tests.reference.days import first_second
from tests.reference.facts import Registry
from tests.reference.family import Families
from tests.reference.judgement import judge
from tests.reference.parts import charge_on, days_touched, parts_of
from tests.reference.records import Record
from tests.reference.rounds import ROUNDS
from tests.reference.settlement import readings_of

Item = dict[str, Any]


def families_of(world: World) -> Families:
    """The families of a world, under its own reading of `related`."""
    return Families(Registry(world), Fraction(str(readings_of(world, ROUNDS[world["round"]])["related"])))


def more_outside_use_raises_nobody_elses_award(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 11, under use_excluded. Members of the user's own group share its use, so they are not `another`."""
    excluded = with_readings(world, self_test="use_excluded")
    before = settle(excluded)
    (record,) = extra_records(world, chance)
    after = settle(with_usage(excluded, record))
    added = [one for one in counting_records(with_usage(world, record)) if one.id == record["id"]]
    if not added:
        return None
    families = families_of(world)
    days = days_touched(added[0])
    found = []
    for code, line in before["lines"].items():
        if any(families.root(code, day) == families.root(record["consumer"], day) for day in days):
            continue
        if after["lines"][code]["award_fen"] > line["award_fen"]:
            found.append(f"{code}: {line['award_fen']} became {after['lines'][code]['award_fen']}")
    return found


def use_outside_the_scheme_is_as_if_it_were_not(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 14: cut every record at midnights, leave out the parts outside the scheme, compare quantities."""
    registry = Registry(world)
    round_ = ROUNDS[world["round"]]
    records = counting_records(world)
    for record in records:
        for day in days_touched(record):
            if registry.facilities.on(record.facility, day) is None or registry.chips.on(record.chip, day) is None:
                return None  # a part alone would be refused where an older fact stands in
    pieces = [piece for record in records for piece in daily(record)]
    parts = [(piece, part) for piece in pieces for part in parts_of(piece, round_.days, registry)]
    judged = judge([part for _, part in parts], round_, readings_of(world, round_), families_of(world))
    outside = {
        piece.id for (piece, part), one in zip(parts, judged, strict=True) if part.via_platform and not one.in_scheme
    }
    if not outside:
        return None
    usage = [item_of(piece) for piece in pieces if piece.id not in outside]
    return changed(settle(world), settle(world | {"usage": usage}), QUANTITIES)


def daily(record: Record) -> list[Record]:
    """A record cut at midnights, as records of their own."""
    pieces = []
    for day in days_touched(record):
        begin, end = first_second(day), first_second(day + 1)
        pieces.append(
            replace(
                record,
                id=f"{record.source or 'own'}.{record.id}.{day}",
                started=max(begin, record.started),
                ended=min(end, record.ended),
                charge_fen=charge_on(record, begin, end),
                corrects=None,
                action=None,
            )
        )
    return pieces


def item_of(record: Record) -> Item:
    """A record as it is sent."""
    return {
        "id": record.id,
        "consumer": record.consumer,
        "facility": record.facility,
        "chip": record.chip,
        "cards": f"{record.cards.numerator * 1000 // record.cards.denominator // 1000}"
        f".{record.cards.numerator * 1000 // record.cards.denominator % 1000:03d}",
        "started_at": datetime.fromtimestamp(record.started, SHANGHAI).isoformat(),
        "ended_at": datetime.fromtimestamp(record.ended, SHANGHAI).isoformat(),
        "charge_fen": record.charge_fen,
        "purpose": record.purpose,
        "via_platform": record.via_platform,
    }


@pytest.mark.parametrize(
    "law",
    [more_outside_use_raises_nobody_elses_award, use_outside_the_scheme_is_as_if_it_were_not],
    ids=lambda law: str(law.__name__),
)
def test_self_use_keeps_its_laws(law: Law, name: str) -> None:
    """On every random world."""
    hold(law, name, anhui_world_of, LAW_WORLDS[name], 0.2)
