"""Laws about one settlement: ceiling, nets, refusals, budget, adjustments (docs/rules.md, section 9: 1-3, 12)."""

from fractions import Fraction

import pytest

from tests.laws.chance import Chance
from tests.laws.implementation import Settle
from tests.laws.trial import LAW_WORLDS, Law, hold
from tests.laws.variants import readings_given, with_order
from tests.laws.worlds import World, anhui_world_of

REFUSALS = {"NOT_INDEPENDENT_LEGAL_PERSON", "NOT_REGISTERED_IN_ANHUI", "NOT_AI_ENTERPRISE"}
HOLDS = {
    "PURPOSE_NOT_STATED",
    "EXTERNAL_SHARE_BELOW_HOLD_THRESHOLD",
    "KIND_NOT_LISTED",
    "AI_ENTERPRISE_NOT_ATTESTED",
    "ENTITY_NOT_IN_REGISTRY",
    "EVIDENCE_MISSING",
}


def the_award_is_at_most_a_fifth_of_the_eligible_expenditure(
    settle: Settle, world: World, _chance: Chance
) -> list[str] | None:
    """Law 1. Against the exact expenditure: a fifth of it is above an award iff a fifth of its floor is not below."""
    readings = readings_given(world)
    uplifted = readings.get("uplift") == "lifted"
    found = []
    for code, line in settle(world)["lines"].items():
        if line["award_fen"] < 0 or line["held_fen"] < 0 or line["base_fen"] > line["eligible_expenditure_fen"]:
            found.append(f"{code}: {line}")
        if readings.get("rounding") == "half_up" or uplifted:
            continue
        if line["award_fen"] * 5 > line["eligible_expenditure_fen"]:
            found.append(f"{code}: award {line['award_fen']} of {line['eligible_expenditure_fen']}")
    return found


def no_positive_net_no_money(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 2, first half."""
    found = []
    for code, line in settle(world)["lines"].items():
        net = Fraction(line["net_pflops_hours"])
        group_net = Fraction(line["group_consumed_pflops_hours"]) - Fraction(line["group_supplied_pflops_hours"])
        if min(net, group_net) <= 0 and (line["award_fen"] or line["base_fen"]):
            found.append(f"{code}: net {net}, group net {group_net}, award {line['award_fen']}")
        if net != Fraction(line["consumed_pflops_hours"]) - Fraction(line["supplied_pflops_hours"]):
            found.append(f"{code}: net is not consumed less supplied")
        if line["award_fen"] and line["reasons"] and set(line["reasons"]) & {"NET_NOT_POSITIVE", "NO_ELIGIBLE_USE"}:
            found.append(f"{code}: an award beside {line['reasons']}")
    return found


def refused_means_nothing_and_held_has_a_reason(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 2, second half."""
    holds = set(HOLDS)
    if readings_given(world).get("purpose_missing") == "refuse":
        holds.remove("PURPOSE_NOT_STATED")
    found = []
    for code, line in settle(world)["lines"].items():
        if REFUSALS & set(line["reasons"]) and (line["award_fen"] or line["held_fen"]):
            found.append(f"{code}: refused, and yet {line['award_fen']} and {line['held_fen']}")
        if line["held_fen"] and not (holds & set(line["reasons"]) or "HOLD_IN_GROUP" in line["flags"]):
            found.append(f"{code}: {line['held_fen']} held for no reason")
        if holds & set(line["reasons"]) and "HOLD_IN_GROUP" in line["flags"]:
            found.append(f"{code}: HOLD_IN_GROUP beside a hold of its own")
    return found


def the_budget_is_shared_out_to_the_last_fen(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 3, with a budget around the sum of the claims."""
    rated = with_order(world, rate=world["order"].get("rate", "0.20"), budget_fen=None)
    open_lines = settle(rated)["lines"]
    claims_fen = sum(line["award_fen"] for line in open_lines.values())
    if claims_fen == 0:
        return None
    budget_fen = chance.one([0, 1, 2, claims_fen // 3, claims_fen * 2 // 3, claims_fen - 1, claims_fen, claims_fen * 2])
    lines = settle(with_order(rated, budget_fen=budget_fen))["lines"]
    found = []
    if sum(line["payable_fen"] for line in lines.values()) != min(budget_fen, claims_fen):
        found.append(f"payable does not sum to min({budget_fen}, {claims_fen})")
    for code, line in lines.items():
        exact = Fraction(line["award_fen"] * min(budget_fen, claims_fen), claims_fen)
        if line["award_fen"] != open_lines[code]["award_fen"]:
            found.append(f"{code}: the budget changed an award")
        if line["payable_fen"] > line["award_fen"] or abs(line["payable_fen"] - exact) >= 1:
            found.append(f"{code}: payable {line['payable_fen']}, exactly {exact}, award {line['award_fen']}")
        if ("BUDGET_SHORTFALL" in line["flags"]) != (line["payable_fen"] < line["award_fen"]):
            found.append(f"{code}: BUDGET_SHORTFALL is wrong")
    return found


def without_holdings_the_group_is_the_entity(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """Law 12, first half."""
    found = []
    for code, line in settle(world | {"holdings": []})["lines"].items():
        own = (line["consumed_pflops_hours"], line["supplied_pflops_hours"], code)
        if own != (line["group_consumed_pflops_hours"], line["group_supplied_pflops_hours"], line["group"]):
            found.append(f"{code}: {line}")
    return found


def an_adjustment_is_the_difference_to_what_was_settled(
    settle: Settle, world: World, chance: Chance
) -> list[str] | None:
    """Law 12, second half, and the sum over all, where who has no earlier line counts whole."""
    codes = [item["uscc"] for item in world["entities"]]
    settled = {code: {"payable_fen": chance.magnitude(1, 8)} for code in chance.some(sorted(set(codes)), 3)}
    result = settle(world | {"settled": {"lines": settled}})
    found = []
    for code, line in result["lines"].items():
        if code not in settled:
            continue
        paid_fen = settled[code]["payable_fen"]
        if line["adjustment_fen"] != line["payable_fen"] - paid_fen or line["adjustment_fen"] < -paid_fen:
            found.append(f"{code}: adjustment {line['adjustment_fen']}")
    total_fen = result["totals"]["payable_fen"] - sum(line["payable_fen"] for line in settled.values())
    if result["totals"]["adjustment_fen"] != total_fen or not set(settled) <= set(result["lines"]):
        found.append(f"totals {result['totals']}, settled {settled}")
    return found


@pytest.mark.parametrize(
    "law",
    [
        the_award_is_at_most_a_fifth_of_the_eligible_expenditure,
        no_positive_net_no_money,
        refused_means_nothing_and_held_has_a_reason,
        the_budget_is_shared_out_to_the_last_fen,
        without_holdings_the_group_is_the_entity,
        an_adjustment_is_the_difference_to_what_was_settled,
    ],
    ids=lambda law: str(law.__name__),
)
def test_a_settlement_keeps_the_laws_of_money(law: Law, name: str) -> None:
    """On every random world."""
    hold(law, name, anhui_world_of, LAW_WORLDS[name])
