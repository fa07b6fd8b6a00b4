"""How many decimals each value of a line is written with, so that a calculator follows the steps to the shown fen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from settlement.explain.operations import OPERATIONS

Values = Mapping[str, Any]
EXACT_FEN: Final = ("eligible_expenditure", "base")  # in fen, perhaps a fraction of one; written in yuan
QUANTITY: Final = "pflops_hours"
_FIRST: Final = {"quantity": 3, "money": 2, "ratio": 6}
_MOST: Final = 24
# what a formula computes out of the numbers it shows: the others state, choose, or subtract whole fen
_FOLLOWED: Final = ("net", "group_net", "ratio", "coverage", "outlay", "expenditure", "base", "award", "leave_out")


class Digits:
    """The decimals of each name: few where a value ends, as many as the next step needs where it does not."""

    def __init__(self, decimals: Mapping[str, int] | None = None) -> None:
        self._decimals = dict(decimals or {})

    def of(self, name: str) -> int:
        """Return the decimals that a value is written with."""
        return self._decimals.get(name, _FIRST[_kind(name)])

    def raised(self, names: Sequence[str]) -> Digits:
        """Return the same with one decimal more for these names."""
        return Digits({**self._decimals, **{name: self.of(name) + 1 for name in names}})

    def rounded(self, name: str, value: object) -> object:
        """Return the value as somebody reads it off the page."""
        if not is_exact_number(name, value):
            return value
        decimals = self.of(name) - (2 if name in EXACT_FEN else 0)  # yuan are shown, fen are computed with
        return str(_nearest(Fraction(str(value)), decimals))

    def ends(self, name: str, value: object) -> bool:
        """Return whether what is read off the page is the value itself."""
        return not is_exact_number(name, value) or Fraction(str(self.rounded(name, value))) == Fraction(str(value))


def digits_of(steps: Sequence[Mapping[str, Any]]) -> Digits:
    """Return the fewest decimals with which every formula, computed with what it shows, gives what it shows."""
    digits = Digits()
    for _ in range(_MOST * len(steps)):
        short = next((names for step in reversed(steps) if (names := _too_short(step, digits))), None)
        if short is None:
            break
        digits = digits.raised(short)
    return digits


def is_exact_number(name: str, value: object) -> bool:
    """Return whether a value is an exact number that may have more decimals than are shown."""
    return isinstance(value, str) and (_kind(name) != "ratio" or name in RATIOS)


RATIOS: Final = ("ratio", "kappa", "covered_share", "rate", "order_rate", "ceiling", "factor")


def _kind(name: str) -> str:
    return "quantity" if name.endswith(QUANTITY) else "money" if name in EXACT_FEN else "ratio"


def _too_short(step: Mapping[str, Any], digits: Digits) -> list[str]:
    """Return the operands of a step that need more decimals; empty where its formula can be followed."""
    if step.get("operation") not in _FOLLOWED or _follows(step, digits):
        return []
    said = {**(step.get("parameters") or {}), **step["before"]}
    return [name for name, value in said.items() if not digits.ends(name, value) and digits.of(name) < _MOST]


def _follows(step: Mapping[str, Any], digits: Digits) -> bool:
    operation = step["operation"]
    read = [
        {name: digits.rounded(name, value) for name, value in step[part].items()} for part in ("before", "parameters")
    ]
    try:
        found = OPERATIONS[operation](*read)
    except ZeroDivisionError:
        return False
    wanted = step["after"]
    if operation in ("net", "group_net", "leave_out"):  # a difference of two rounded quantities, in its last place
        return all(_near(name, found[name], wanted[name], digits) for name in wanted if name in found)
    return all(
        digits.rounded(name, found[name]) == digits.rounded(name, value)
        for name, value in wanted.items()
        if name not in ("eligible_expenditure_fen", "base_fen")
    )


def _near(name: str, found: object, wanted: object, digits: Digits) -> bool:
    if not is_exact_number(name, wanted) or _kind(name) != "quantity":
        return found == wanted
    return abs(Fraction(str(found)) - Fraction(str(wanted))) <= Fraction(3, 2 * 10 ** digits.of(name))


def _nearest(number: Fraction, decimals: int) -> Fraction:
    """Return the nearest number of so many decimals; half a last place is rounded away from zero, as it is written."""
    scaled = abs(number) * Fraction(10) ** decimals
    whole = int(scaled + Fraction(1, 2))
    return (whole if number >= 0 else -whole) / Fraction(10) ** decimals
