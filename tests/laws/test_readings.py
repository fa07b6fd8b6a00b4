"""Laws about readings: how each switch moves money, and what evidence may move (docs/rules.md, section 9: 10, 13)."""

from itertools import pairwise

import pytest

from tests.laws.chance import Chance
from tests.laws.difference import MONEY, changed
from tests.laws.implementation import Result, Settle
from tests.laws.trial import LAW_WORLDS, Law, hold
from tests.laws.variants import with_readings
from tests.laws.worlds import World, anhui_world_of
from tests.reference.rounds import ROUNDS

# Each row: a switch and its values from the least award to the largest.
ASCENDING = [
    ("purpose_missing", ["refuse", "hold", "accept"]),
    ("net_effect", ["proportional", "gate"]),
    ("supply_owner", ["equity_group", "equity_entity"]),
    ("filter_order", ["filter_then_net", "net_then_filter"]),
    ("spend_basis", ["least_evidenced", "invoiced", "settled"]),
    ("uplift", ["off", "capped", "lifted"]),
    ("north_places", ["six", "six_plus_four"]),
    ("hold_below_external_share", ["0.10", "0"]),
    ("rounding", ["floor", "half_up"]),
]
EVIDENCE_FLAGS = {"NO_EXPENDITURE_EVIDENCE", "EVIDENCE_BELOW_CHARGES"}


def not_descending(lower: Result, upper: Result, field: str) -> list[str]:
    """Lines of which the field is greater under the lower reading."""
    return [
        f"{code}: {field} {lower['lines'][code][field]} above {upper['lines'][code][field]}"
        for code in lower["lines"]
        if lower["lines"][code][field] > upper["lines"][code][field]
    ]


def the_award_ascends_with_the_readings(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 10, for every switch that has an order."""
    found = []
    for switch, values in ASCENDING:
        results = [settle(with_readings(world, **{switch: value})) for value in values]
        for lower, upper in pairwise(results):
            found += [f"{switch}: {one}" for one in not_descending(lower, upper, "award_fen")]
            if switch == "rounding" and any(
                upper["lines"][code]["award_fen"] - line["award_fen"] > 1 for code, line in lower["lines"].items()
            ):
                found.append("half_up gives more than a fen above floor")
    return found


def what_is_held_is_what_would_be_paid(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 10: award + held is the same under hold and accept, and under both thresholds."""
    found = []
    for switch, values in (("purpose_missing", ["hold", "accept"]), ("hold_below_external_share", ["0.10", "0"])):
        one, other = (settle(with_readings(world, **{switch: value}))["lines"] for value in values)
        for code, line in one.items():
            sums = line["award_fen"] + line["held_fen"], other[code]["award_fen"] + other[code]["held_fen"]
            if sums[0] != sums[1]:
                found.append(f"{switch}: {code}: {sums}")
    return found


def excluding_use_lowers_the_expenditure(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 10: use_excluded against facility, the expenditure only."""
    excluded = settle(with_readings(world, self_test="use_excluded"))
    facility = settle(with_readings(world, self_test="facility"))
    return not_descending(excluded, facility, "eligible_expenditure_fen")


def settled_charges_need_no_papers(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 13, first half: without any paper but public support, only EVIDENCE_MISSING may move money."""
    settled = with_readings(world, spend_basis="settled")
    support = [item for item in world["expenditures"] if item["kind"] == "public_support"]
    before, after = settle(settled), settle(settled | {"expenditures": support})
    if not ROUNDS[world["round"]].evidence:
        return changed(before, after, MONEY)
    found = changed(before, after, ("eligible_expenditure_fen", "base_fen"))
    for code, line in before["lines"].items():
        bare = after["lines"][code]
        if bare["award_fen"] or line["award_fen"] + line["held_fen"] != bare["held_fen"]:
            found.append(f"{code}: {line['award_fen']} + {line['held_fen']}, without papers {bare['held_fen']} held")
    return found


def papers_raise_the_same_flags_under_every_basis(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 13, second half."""
    flags = []
    for basis in ("least_evidenced", "invoiced", "settled"):
        lines = settle(with_readings(world, spend_basis=basis))["lines"]
        flags.append({code: EVIDENCE_FLAGS & set(line["flags"]) for code, line in lines.items()})
    return [] if flags[0] == flags[1] == flags[2] else [str(flags)]


@pytest.mark.parametrize(
    "law",
    [
        the_award_ascends_with_the_readings,
        what_is_held_is_what_would_be_paid,
        excluding_use_lowers_the_expenditure,
        settled_charges_need_no_papers,
        papers_raise_the_same_flags_under_every_basis,
    ],
    ids=lambda law: str(law.__name__),
)
def test_readings_move_money_one_way(law: Law, name: str) -> None:
    """On every random world."""
    hold(law, name, anhui_world_of, LAW_WORLDS[name])
