"""From charges to money: gates, evidence, rate, uplift, floor, holds, budget, adjustment (docs/rules.md, section 6)."""

import pytest

from tests.support.build_province import Province, code_of


def hub(**facts: object) -> Province:
    """p1 (with `facts`) uses 100 PFLOPS-hours for 10,000.07 yuan at a stranger's."""
    return Province().party("p1", **facts).party("p9").facility("hub", p9="1").use("p1", "hub", 100, 1000007)


@pytest.mark.parametrize(
    ("facts", "reasons", "award", "held"),
    [
        ({"independent_legal_person": False}, ["NOT_INDEPENDENT_LEGAL_PERSON"], 0, 0),
        ({"region": "330100"}, ["NOT_REGISTERED_IN_ANHUI"], 0, 0),
        ({"ai_enterprise": False}, ["NOT_AI_ENTERPRISE"], 0, 0),
        ({"ai_enterprise": None}, ["AI_ENTERPRISE_NOT_ATTESTED"], 0, 200001),
        ({"kind": "other"}, ["KIND_NOT_LISTED"], 0, 200001),
        ({"kind": "university", "ai_enterprise": None}, [], 200001, 0),
        ({"kind": "government", "region": "330100"}, ["KIND_NOT_LISTED", "NOT_REGISTERED_IN_ANHUI"], 0, 0),
        ({"valid_from": "2026-04-16"}, ["ENTITY_NOT_IN_REGISTRY"], 0, 200001),
        ({"valid_to": "2025-08-16"}, ["ENTITY_NOT_IN_REGISTRY"], 0, 200001),
        ({"valid_to": "2025-08-17"}, [], 200001, 0),
    ],
)
def test_who_qualifies(facts: dict[str, object], reasons: list[str], award: int, held: int) -> None:
    line = hub(**facts).line("p1")
    assert (line["reasons"], line["award_fen"], line["held_fen"]) == (reasons, award, held)


def test_attributes_are_those_of_the_last_day_or_the_last_that_ruled() -> None:
    world = hub(region="330100").party("p1", valid_from="2026-04-15")
    assert world.line("p1")["reasons"] == []
    assert world.party("p1", region="330100", valid_from="2026-04-15", valid_to="2026-04-16").line("p1")["reasons"] == [
        "NOT_REGISTERED_IN_ANHUI"
    ]
    ended = hub().party("p1", valid_from="2025-09-01", valid_to="2025-10-01", kind="other")
    assert ended.line("p1")["reasons"] == ["KIND_NOT_LISTED"], "an ended fact does not let an older one revive"


@pytest.mark.parametrize(("basis", "award"), [("settled", 150001), ("invoiced", 110000), ("least_evidenced", 50000)])
def test_evidence_and_public_support(basis: str, award: int) -> None:
    world = hub().paper("p1", "contract", 1200000).paper("p1", "invoice", 900000).paper("p1", "invoice", -100000)
    world.paper("p1", "payment", 500000).paper("p1", "public_support", 250000)
    line = world.line("p1", spend_basis=basis)
    assert line["award_fen"] == award
    assert line["flags"] == ["EVIDENCE_BELOW_CHARGES"]


def test_evidence_is_cut_to_the_window_towards_minus_infinity() -> None:
    edge = ("2025-08-15", "2025-08-17")
    world = hub().paper("p1", "invoice", 100, edge).paper("p1", "invoice", -100, edge)
    row = world.settle().lines.row(0, named=True)
    # floor(100 x 3/3) - floor(100 x 1/3) = 67; floor(-100) - floor(-100/3) = -100 + 34 = -66
    assert row["invoice_fen"] == 1
    assert world.line("p1", spend_basis="invoiced")["eligible_expenditure_fen"] == 1


def test_negative_evidence_and_much_support_leave_nothing() -> None:
    world = hub().paper("p1", "invoice", -5)
    assert world.line("p1", spend_basis="invoiced")["award_fen"] == 0
    helped = hub().paper("p1", "public_support", 2000000).line("p1")
    assert (helped["award_fen"], helped["eligible_expenditure_fen"]) == (0, 0)
    assert helped["flags"] == ["NO_EXPENDITURE_EVIDENCE", "PUBLIC_SHARE_ABOVE_HALF"]
    returned = hub().paper("p1", "public_support", -2000000).line("p1")
    assert returned["award_fen"] == 200001, "support given back is no outlay above the bill"


def test_public_share_is_flagged_only_above_half() -> None:
    even = Province().party("p1", "p9").facility("hub", p9="1").use("p1", "hub", 1, 1000)
    assert "PUBLIC_SHARE_ABOVE_HALF" not in even.paper("p1", "public_support", 375).line("p1")["flags"]
    assert "PUBLIC_SHARE_ABOVE_HALF" in even.paper("p1", "public_support", 2).line("p1")["flags"]


@pytest.mark.parametrize(
    ("region", "order", "readings", "award"),
    [
        ("340621", {"rate": "0.15", "uplift": True}, {}, 180001),
        ("340621", {"rate": "0.15", "uplift": True}, {"uplift": "off"}, 150001),
        ("340621", {"rate": "0.19"}, {"uplift": "capped"}, 200001),
        ("340621", {"rate": "0.19"}, {"uplift": "lifted"}, 228001),
        ("341126", {"rate": "0.10"}, {"uplift": "lifted"}, 100000),
        ("341126", {"rate": "0.10"}, {"uplift": "lifted", "north_places": "six_plus_four"}, 120000),
        ("340621", {}, {"uplift": "lifted"}, 240001),
    ],
)
def test_uplift(region: str, order: dict[str, object], readings: dict[str, str], award: int) -> None:
    world = hub(region=region)
    world.order = order
    assert world.line("p1", **readings)["award_fen"] == award


def test_half_up_rounds_the_award_only() -> None:
    world = Province().party("p1", "p9").facility("hub", p9="1").use("p1", "hub", 1, 12)
    assert world.line("p1")["award_fen"] == 2
    assert world.line("p1", rounding="half_up")["award_fen"] == 2  # 2.4
    world.use("p1", "hub", 1, 1)
    assert world.line("p1", rounding="half_up")["award_fen"] == 3  # 2.6


def test_a_forecast_is_never_payable_and_a_rate_of_zero_is_a_rate() -> None:
    world = hub()
    world.order = {}
    line = world.line("p1")
    assert (line["award_fen"], line["payable_fen"]) == (200001, 0)
    assert "FORECAST_NOT_PAYABLE" in line["flags"]
    world.order = {"rate": "0"}
    line = world.line("p1")
    assert (line["award_fen"], line["payable_fen"]) == (0, 0)
    assert "FORECAST_NOT_PAYABLE" not in line["flags"]


def test_what_only_a_group_member_holds_back_is_named() -> None:
    world = Province().party("p1", "p2", "p9").holds("p1", "p2", "1").facility("hub", p9="1").facility("own", p2="1")
    world.use("p1", "hub", 10, 1000).use("p2", "hub", 90, 9000, purpose=None).use("p9", "own", 5, 0)
    got = world.got()["lines"]
    assert (got[code_of("p1")]["award_fen"], got[code_of("p1")]["held_fen"]) == (100, 90)
    assert "HOLD_IN_GROUP" in got[code_of("p1")]["flags"]
    assert "HOLD_IN_GROUP" not in got[code_of("p2")]["flags"]


def test_a_budget_is_shared_by_the_largest_remainder() -> None:
    world = Province(order={"rate": "0.20", "budget_fen": 100}).party("p1", "p2", "p3", "p9").facility("hub", p9="1")
    for party, fen in (("p1", 1000), ("p2", 2000), ("p3", 4000)):
        world.use(party, "hub", 1, fen)
    got = world.got()
    # 14.28, 28.57, 57.14: the odd fen goes to p2
    assert [got["lines"][code_of(name)]["payable_fen"] for name in ("p1", "p2", "p3")] == [14, 29, 57]
    assert got["totals"]["payable_fen"] == 100


def test_adjustments_are_differences_of_the_whole() -> None:
    world = Province(order={"rate": "0.20", "budget_fen": 300}, settled={"p1": 200, "p2": 100, "p4": 7})
    world.party("p1", "p2", "p3", "p9").facility("hub", p9="1")
    world.use("p1", "hub", 1, 1000).use("p2", "hub", 1, 1000).use("p3", "hub", 1, 1000)
    got = world.got()
    shown = {name: got["lines"][code_of(name)].get("adjustment_fen") for name in ("p1", "p2", "p3", "p4")}
    assert shown == {"p1": -100, "p2": 0, "p3": None, "p4": -7}
    assert got["lines"][code_of("p4")]["reasons"] == ["ENTITY_NOT_IN_REGISTRY", "NO_ELIGIBLE_USE"]
    assert got["totals"]["adjustment_fen"] == -7


def test_gate_opens_the_whole_spend_for_any_positive_net() -> None:
    world = Province().party("p1", "p2", "p9").facility("hub", p9="1").facility("own", p1="1")
    world.use("p1", "hub", 100, 10000).use("p2", "own", 99, 0)
    assert (world.line("p1")["award_fen"], world.line("p1", net_effect="gate")["award_fen"]) == (20, 2000)
    world.use("p2", "own", 1, 0)
    assert world.line("p1", net_effect="gate")["reasons"] == ["NET_NOT_POSITIVE"]
