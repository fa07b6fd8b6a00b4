"""What somebody asks a settlement to be run under: round, rate, budget and readings, out of a form."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from api.console.language.text import words
from settlement.rounds import Round
from settlement.rounds.reading_table import DEFAULTS, choices

PREFIX: Final = "reading."
LONGEST_NUMBER: Final = 24
LARGEST_BATCH: Final = 2**63 - 1
PROBLEMS: Final[Mapping[str, str]] = words(
    {
        "rate": "补助比例须为 0 至 100 之间的百分数，如 20 或 12.5。",
        "budget": "预算须为以万元计的数，最多六位小数。",
        "as_of": "截至批号须为整数。",
        "notice_days": "公示天数须为 0 至 365 的整数。",
        "reading": "口径的取值不在可选范围内。",
    }
)


class BadTerm(ValueError):
    """A field of the form that cannot be read; `code` says which."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def order_of(given: Mapping[str, str]) -> dict[str, Any]:
    """Return the order of a form: the rate in percent, the budget in 万元. Raises BadTerm."""
    order: dict[str, Any] = {}
    if rate := given.get("rate", "").strip().removesuffix("%").strip():
        order["rate"] = _decimal(_number(rate, "rate") / 100, "rate")
    if budget := given.get("budget", "").strip().replace(",", ""):
        fen = _number(budget, "budget") * 1_000_000
        if fen.denominator != 1:
            raise BadTerm("budget")
        order["budget_fen"] = int(fen)
    if given.get("uplift"):
        order["uplift"] = True
    if number := given.get("number", "").strip():
        order["number"] = number
    if days := given.get("notice_days", "").strip():
        order["notice_days"] = _whole(days, 365, "notice_days")
    return order


def readings_of(given: Mapping[str, str]) -> dict[str, str]:
    """Return the readings of a form, those that differ from what the round says by itself. Raises BadTerm."""
    found = {name.removeprefix(PREFIX): value for name, value in given.items() if name.startswith(PREFIX) and value}
    for name, value in found.items():
        if name not in DEFAULTS or value not in choices(name):
            raise BadTerm("reading")
    return found


def batch_of(given: Mapping[str, str]) -> int | None:
    """Return the batch up to which records count; None for all that were recorded. Raises BadTerm."""
    text = given.get("as_of", "").strip()
    return _whole(text, LARGEST_BATCH, "as_of") if text else None


def _whole(text: str, most: int, code: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < LONGEST_NUMBER and int(text) <= most):
        raise BadTerm(code)
    return int(text)


def _number(text: str, code: str) -> Fraction:
    whole, _, rest = text.partition(".")
    digits = whole + rest
    if not (digits.isascii() and digits.isdigit() and whole and len(text) <= LONGEST_NUMBER):
        raise BadTerm(code)
    return Fraction(text)


def _decimal(ratio: Fraction, code: str) -> str:
    """Return a ratio as an exact decimal, as an order has it."""
    if ratio > 1:
        raise BadTerm(code)
    places = 0
    while (ratio * 10**places).denominator != 1:
        places += 1
    digits = f"{int(ratio * 10**places):0{places + 1}d}"
    return f"{digits[: len(digits) - places]}.{digits[len(digits) - places :]}" if places else digits


def newest_round(rounds: Mapping[str, Round]) -> str:
    """Return the round that is settled next: the one whose window ends last."""
    dated = {name: one.window[1] for name, one in rounds.items() if one.window is not None}
    return max(dated, key=lambda name: dated[name])
