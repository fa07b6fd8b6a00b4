"""Every step that a settlement can tell has a formula and words in Chinese, and its numbers are the exact ones."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.console.wording.formula import _FORMULAS, formula_of
from api.console.wording.quantity import percent, shown
from api.console.wording.steps import shown_steps
from api.console.wording.values import LABEL, label_of, value_of
from settlement.compute.shapes import excluded_of
from settlement.explain.operations import OPERATIONS
from settlement.explain.steps import steps_of
from settlement.jobs.worlds.run import settle_world
from tests.support.build_province import DAY, Province
from tests.support.records import chip, uscc

A, B, C = uscc(20016), uscc(21123), uscc(90014)
ENDED = f"{DAY}T20:00:07+08:00"


def world(**more: Any) -> dict[str, Any]:
    """Build a user whose own facility others use, with a commercial part, an unstated one, evidence and support."""
    order = {"rate": "0.15", "uplift": True, "budget_fen": 1_000_001}
    made = Province(chips=[chip("K", tflops_fp16="333")], order=order)
    made.party(A, region="340300").party(B, C, region="340100").facility("hub", **{C: "1"}).facility("own", **{A: "1"})
    for number, (party, place, cards, purpose) in enumerate(
        [(A, "hub", 100, "research"), (A, "hub", 7, "commercial"), (A, "hub", 9, None), (B, "own", 40, "research")], 1
    ):
        made.use(party, place, cards, cards * 1_000_000, id=f"u{number}", purpose=purpose, ended_at=ENDED)
    made.paper(A, "invoice", 70_000_000).paper(A, "public_support", 1_000_000)
    return made.world() | more


WORLDS = {
    "budget": world(),
    "evidence": world(readings={"spend_basis": "least_evidenced", "net_effect": "gate", "rounding": "half_up"}),
    "forecast": world(order={}),
    "scheme": world(readings={"filter_order": "net_then_filter"}),
    "adjusted": world(settled={"lines": {A: {"payable_fen": 1}}}),
    "draft": world(
        round="yinchuan-draft", order={}, applications=[
            {"id": "a", "consumer": A, "article": "5", "from": "2025-01-01", "to": "2026-01-01", "kwh": "1000000",
             "pue": "1.15"},
            {"id": "b", "consumer": A, "article": "14", "from": "2025-01-01", "to": "2026-01-01", "honour": "award",
             "already_received": False, "cost_fen": 1_000_000, "cost_ref": "x"},
            {"id": "c", "consumer": A, "article": "9", "from": "2025-01-01", "to": "2026-01-01", "model": "m",
             "parameters": 10**10, "scenes": 5, "landed": True, "cost_fen": 1_000_000, "cost_ref": "x",
             "other_municipal": {"amount_fen": 100, "paid": True}},
        ],
    ),
}  # fmt: skip


def test_every_operation_has_a_formula() -> None:
    assert set(_FORMULAS) == set(OPERATIONS) - {"given", "name"}


@pytest.mark.parametrize("name", WORLDS)
def test_every_step_of_a_settlement_is_told_in_chinese(name: str) -> None:
    settlement, _ = settle_world(WORLDS[name])
    told = 0
    for code in settlement.lines["uscc"].to_list():
        assert isinstance(excluded_of(settlement, code), list)
        for raw, step in zip(steps := steps_of(settlement, code), shown_steps(steps, {}), strict=True):
            assert (step.formula == "") == (raw["operation"] in ("given", "name"))
            assert step.after
            for value in (*step.before, *step.parameters, *step.after):
                assert not value.label.isascii() or not value.label.replace("_", "").islower(), value
                assert value.text
            assert all(not title.isascii() for title, _ in step.readings)
            told += 1
    assert told > 3


def test_unknown_operations_and_names_are_shown_as_they_are() -> None:
    assert formula_of({"operation": "of_tomorrow", "before": {}, "parameters": {}, "after": {}}) == ""
    assert label_of("of_tomorrow") == "of_tomorrow"
    assert value_of("of_tomorrow", 5).text == "5"


def test_labels_are_all_different_where_they_stand_together() -> None:
    money = [LABEL[name] for name in ("award_fen", "held_fen", "payable_fen", "base_fen", "eligible_expenditure_fen")]
    assert len(set(money)) == len(money)


@pytest.mark.parametrize(
    ("value", "text", "exact"),
    [
        ("600", "600", ""), ("1234567.5", "1,234,567.5", ""), ("7/36", "≈0.194444", "7/36"), ("0", "0", ""),
        ("-1234.5", "-1,234.5", ""), ("0.1234565", "≈0.123457", "0.1234565"), ("-1/30000000", "≈0", "-1/30000000"),
        ("1/2", "0.5", ""),
    ],
)  # fmt: skip
def test_numbers_are_written_for_people_and_say_when_they_are_rounded(value: str, text: str, exact: str) -> None:
    assert (shown(value).text, shown(value).exact) == (text, exact)


@given(st.fractions())
def test_a_written_number_is_the_number_or_says_it_is_not(number: Fraction) -> None:
    found = shown(number)
    read = Fraction(found.text.replace(",", "").removeprefix("≈"))
    assert abs(read - number) <= Fraction(1, 2 * 10**6)
    assert (read == number) == (not found.exact) or read == number


def test_percentages() -> None:
    assert percent("0.2").text == "20%"
    assert percent("1/3").text == "≈33.333333%"
