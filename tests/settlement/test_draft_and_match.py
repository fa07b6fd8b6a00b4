"""Yinchuan's applications (docs/rules.md, section 8) and the compute-centre match (8b)."""

from typing import Any

import pytest

from settlement.errors import SettlementRefused
from tests.support.build_province import Province, code_of

YEAR = {"from": "2024-01-01", "to": "2025-01-01"}


def apply(*applications: dict[str, Any], party: str = "p1") -> Province:
    """A draft world with applications of p1 (or of `consumer`)."""
    world = Province(round="yinchuan-draft", order={}).party("p1", "p2", valid_from="2020-01-01")
    world.applications = [{"consumer": code_of(party), **YEAR, **application} for application in applications]
    return world


def model(identity: str, **fields: Any) -> dict[str, Any]:
    """An application under article 9 that passes every gate."""
    base = {"model": identity, "parameters": "10000000000", "scenes": 5, "landed": True, "cost_fen": 1000}
    return {"id": identity, "article": "9"} | base | fields


def team(identity: str, **fields: Any) -> dict[str, Any]:
    """An application under article 14 that passes every gate."""
    return {"id": identity, "article": "14", "honour": "award", "cost_fen": 1000} | fields


@pytest.mark.parametrize(
    ("application", "fen", "reasons"),
    [
        ({"id": "a", "article": "5", "kwh": "10.99", "pue": "1.19999"}, 131, []),
        ({"id": "a", "article": "5", "kwh": "10", "pue": "1.2"}, 0, ["PUE_NOT_BELOW_1_2"]),
        (model("a", cost_fen=1001), 300, []),
        (model("a", cost_fen=10**12), 500_000_000, []),
        (
            model("a", parameters="9999999999", scenes=4, landed=False),
            0,
            ["MODEL_PARAMETERS_BELOW_THRESHOLD", "NOT_LANDED_IN_YINCHUAN", "SCENES_BELOW_THRESHOLD"],
        ),
        (team("a", cost_fen=10**12), 200_000_000, []),
        (team("a", honour="friend"), 0, ["HONOUR_NOT_LISTED"]),
        (team("a", already_received=True), 0, ["ONE_OFF_ALREADY_RECEIVED"]),
        (model("a", other_municipal={"amount_fen": 300, "paid": False}), 300, []),
        (model("a", other_municipal={"amount_fen": 301, "paid": False}), 0, ["HIGHER_OF_MUNICIPAL_POLICIES"]),
        (model("a", other_municipal={"amount_fen": 100, "paid": True}), 200, ["HIGHER_OF_MUNICIPAL_POLICIES"]),
        (model("a", other_municipal={"amount_fen": 900, "paid": True}), 0, ["HIGHER_OF_MUNICIPAL_POLICIES"]),
        (model("a", **{"from": "2019-01-01"}), 0, ["NOT_INDEPENDENT_LEGAL_PERSON"]),
    ],
)
def test_one_application(application: dict[str, Any], fen: int, reasons: list[str]) -> None:
    line = apply(application).line("p1")
    assert (line["items"], line["award_fen"], line["reasons"]) == ({"a": fen}, fen, reasons)
    assert (line["payable_fen"], line["flags"]) == (0, ["DRAFT_NOT_PAYABLE"])


def test_a_model_is_claimed_once_by_whoever_is_paid_first() -> None:
    world = apply(
        model("a", model="m", scenes=4),
        model("b", model="m") | {"consumer": code_of("p2")},
        model("c", model="m"),
    )
    got = world.got()["lines"]
    assert got[code_of("p2")]["award_fen"] == 300
    assert got[code_of("p1")]["items"] == {"a": 0, "c": 0}
    assert got[code_of("p1")]["reasons"] == ["MODEL_ALREADY_CLAIMED", "SCENES_BELOW_THRESHOLD"]


def test_one_cost_is_never_paid_beyond_itself() -> None:
    line = apply(*(model(name, cost_ref="run") for name in "abcde"), team("x", cost_ref="other")).line("p1")
    assert line["items"] == {"a": 300, "b": 300, "c": 300, "d": 100, "e": 0, "x": 300}
    assert line["flags"] == ["DRAFT_NOT_PAYABLE", "SAME_COST_TWICE"]


def test_metered_cost_is_one_cost_and_cut_to_the_days() -> None:
    world = apply()
    world.facility("hub", p2="1")
    world.use("p1", "hub", 1, 100, started_at="2024-12-31T23:00:00+08:00", ended_at="2025-01-01T02:00:00+08:00")
    metered = [{name: value for name, value in one.items() if name != "cost_fen"} for one in (model("a"), team("b"))]
    world.applications = [{"consumer": code_of("p1"), **YEAR, **one} for one in metered]
    line = world.line("p1")
    assert line["items"] == {"a": 9, "b": 9}  # 30 % of floor(100 / 3)
    assert "SAME_COST_TWICE" in line["flags"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"article": "7"},
        {"scenes": "5"},
        {"parameters": "1e10"},
        {"cost_fen": -1},
        {"to": "2024-01-01"},
        {"other_municipal": {"amount_fen": 3}},
        {"surprise": 1},
        {"landed": "yes"},
    ],
)
def test_an_application_that_is_none_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SettlementRefused) as refused:
        apply(model("a") | wrong).settle()
    assert refused.value.code == "APPLICATION_INVALID"


def match(identity: str, **fields: Any) -> dict[str, Any]:
    """A match that passes every gate."""
    base = {"city": "340500", "new_single_site_pflops": "400", "completed": "2024-12-31", "city_paid_fen": 1000}
    return {"id": identity} | base | fields


@pytest.mark.parametrize(
    ("fields", "uplift", "fen", "reasons"),
    [
        ({}, "off", 333, []),
        ({"new_single_site_pflops": "399.999"}, "off", 0, ["BELOW_400_PFLOPS"]),
        ({"completed": "2025-01-01"}, "off", 0, ["COMPLETED_LATE"]),
        ({"city_paid_fen": 0}, "off", 0, ["CITY_MONEY_NOT_PROVEN"]),
        ({"city": "341600"}, "off", 333, []),
        ({"city": "341600"}, "capped", 400, []),
        ({"city": "341600"}, "lifted", 400, []),
        ({"city": "340500"}, "lifted", 333, []),
    ],
)
def test_the_match_of_a_compute_centre(fields: dict[str, Any], uplift: str, fen: int, reasons: list[str]) -> None:
    world = Province(round="anhui-2024-1", readings={"uplift": uplift}, matches=[match("m", **fields)])
    assert world.got()["matches"] == {"m": {"award_fen": fen, "reasons": reasons}}
    assert world.got()["totals"]["award_fen"] == 0, "the city is paid, not an entity"


def test_a_match_outside_its_round_is_marked_and_a_wrong_one_refused() -> None:
    got = Province(matches=[match("m")]).got()
    assert got["matches"] == {"m": {"award_fen": 0, "reasons": ["MATCH_NOT_IN_ROUND"]}}
    for wrong in (
        {"city": "34"},
        {"city_paid_fen": "3"},
        {"completed": "soon"},
        {"new_single_site_pflops": 1.5},
        {"x": 1},
    ):
        assert Province(round="anhui-2024-1", matches=[match("m", **wrong)]).got() == {"refused": "MATCH_INVALID"}
