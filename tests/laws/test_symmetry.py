"""Laws about names and units: other codes in the same order, another unit of compute (docs/rules.md, section 9, 9)."""

import re
from fractions import Fraction
from typing import Any

import pytest

from tests.laws.chance import Chance
from tests.laws.difference import MONEY, QUANTITIES, changed, differences
from tests.laws.implementation import Settle
from tests.laws.registry import code_of
from tests.laws.trial import LAW_WORLDS, Law, hold
from tests.laws.worlds import World, anhui_world_of
from tests.reference import uscc
from tests.reference.quantity import text_of


def codes_in(value: Any) -> set[str]:
    """All valid codes anywhere in a world."""
    if isinstance(value, dict):
        return {code for key, inner in value.items() for code in codes_in(key) | codes_in(inner)}
    if isinstance(value, list):
        return {code for inner in value for code in codes_in(inner)}
    return {value} if isinstance(value, str) and uscc.is_valid(value) else set()


def renamed(value: Any, names: dict[str, str]) -> Any:
    """The same value with other codes."""
    if isinstance(value, dict):
        return {renamed(key, names): renamed(inner, names) for key, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner, names) for inner in value]
    return names.get(value, value) if isinstance(value, str) else value


def other_codes_in_the_same_order_change_nothing(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 9: only the order of codes matters, for ties."""
    codes = sorted(codes_in(world))
    number = 0
    names = {}
    for code in codes:
        number += chance.number(1, 1000)
        names[code] = code_of(number, "92110100")
    return differences(renamed(settle(world), names), settle(renamed(world, names)))


def another_unit_of_compute_changes_no_money(settle: Settle, world: World, chance: Chance) -> list[str] | None:
    """Law 9: all ratings times k; quantities follow, money does not."""
    k = chance.one([2, 3, 7, 10, 1000])
    chips = []
    for item in world["chips"]:
        chips.append(item | {"tflops_fp16": text_of(Fraction(item["tflops_fp16"]) * k)})
    before, after = settle(world), settle(world | {"chips": chips})
    found = changed(before, after, (*MONEY, "group", "reasons", "flags"))
    for code, line in before["lines"].items():
        for field in QUANTITIES:
            if Fraction(line[field]) * k != Fraction(after["lines"][code][field]):
                found.append(f"{code}: {field} {line[field]} x {k}, got {after['lines'][code][field]}")
    return found


def quantities_are_written_one_way(settle: Settle, world: World, _chance: Chance) -> list[str] | None:
    """docs/contract.md: a decimal without trailing zeros where it is finite, else a reduced fraction."""
    found = []
    for code, line in settle(world)["lines"].items():
        for field in QUANTITIES:
            text = line[field]
            if not re.fullmatch(r"-?(0|[1-9]\d*)(\.\d*[1-9])?|-?[1-9]\d*/[1-9]\d*", text) or text == "-0":
                found.append(f"{code}: {field} is written {text!r}")
            elif text != text_of(Fraction(text)):
                found.append(f"{code}: {field} is written {text!r}, not {text_of(Fraction(text))!r}")
    return found


@pytest.mark.parametrize(
    "law",
    [
        other_codes_in_the_same_order_change_nothing,
        another_unit_of_compute_changes_no_money,
        quantities_are_written_one_way,
    ],
    ids=lambda law: str(law.__name__),
)
def test_names_and_units_do_not_matter(law: Law, name: str) -> None:
    """On every random world."""
    hold(law, name, anhui_world_of, LAW_WORLDS[name], 0.9)
