"""Whoever follows the formulas of a line on a calculator, with the digits shown, comes to the fen that is shown."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.console.wording.steps import ShownStep, shown_steps
from settlement.explain.steps import steps_of
from settlement.jobs.worlds.run import settle_world
from tests.console.test_steps import WORLDS, A, world

NUMBER = r"([-0-9,.]+)"
PRODUCT = re.compile(rf"{NUMBER} × {NUMBER}(?: ≈ {NUMBER})?(?:，(.+?))? [=≈] {NUMBER} 元")
QUOTIENTS = re.compile(rf"min\( {NUMBER} ÷ {NUMBER}，{NUMBER} ÷ {NUMBER} \) [=≈] {NUMBER}")


def number(text: str) -> Fraction:
    """Read a number as it is written."""
    return Fraction(text.replace(",", ""))


def decimals(text: str) -> int:
    """Count the decimals that are written."""
    return len(text.partition(".")[2])


def nearest(value: Fraction, places: int) -> Fraction:
    """Round half up."""
    return Fraction(int(value * 10**places + Fraction(1, 2)), 10**places)


def told(made: dict[str, Any]) -> list[tuple[dict[str, Any], ShownStep]]:
    """Return the steps of all lines of a world, as they are kept and as they are shown."""
    settlement, _ = settle_world(made)
    found: list[tuple[dict[str, Any], ShownStep]] = []
    for uscc in settlement.lines["uscc"].to_list():
        steps = steps_of(settlement, uscc)
        found += zip(steps, shown_steps(steps, {}), strict=True)
    return found


def check(made: dict[str, Any]) -> int:
    """Follow every product and quotient of a world; how many there were."""
    followed = 0
    for raw, step in told(made):
        if raw["operation"] in ("expenditure", "base", "award") and (read := PRODUCT.search(step.formula)):
            left, right, between, rounding, result = read.groups()
            product = number(left) * number(right)
            if raw["operation"] == "award":
                assert rounding, step.formula
                if between:
                    product = number(between)
                down = "向下" in rounding
                assert (Fraction(product * 100 // 1, 100) if down else nearest(product, 2)) == number(result), (
                    step.formula
                )
            else:
                assert nearest(product, max(decimals(result), 2)) == number(result), step.formula
            followed += 1
        if raw["operation"] == "ratio" and (read := QUOTIENTS.search(step.formula)):
            own, all_own, group, all_group, result = read.groups()
            least = min(number(own) / number(all_own), number(group) / number(all_group))
            assert nearest(least, max(decimals(result), 6)) == number(result), step.formula
            followed += 1
    return followed


@pytest.mark.parametrize("name", [name for name in WORLDS if name != "draft"])
def test_the_formulas_of_a_settlement_compute(name: str) -> None:
    assert check(WORLDS[name]) >= 5


@given(
    fen=st.integers(1, 10**11), cards=st.integers(1, 5000), supplied=st.integers(1, 2000), kept=st.integers(1, 10**11)
)
@settings(max_examples=25, deadline=None)
def test_the_formulas_of_any_netted_line_compute(fen: int, cards: int, supplied: int, kept: int) -> None:
    made = world()
    made["order"] = {"rate": "0.15"}
    made["usage"][0] |= {"charge_fen": fen, "cards": cards}
    made["usage"][3] |= {"cards": supplied}
    made["expenditures"] = [one | {"amount_fen": kept} for one in made["expenditures"][:1]]
    made["readings"] = {"spend_basis": "least_evidenced"}
    assert check(made) >= 5
    awards = [step.formula for raw, step in told(made) if raw["operation"] == "award" and A]
    assert awards
