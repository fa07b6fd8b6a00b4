"""Exact numbers, days and objects as requests and worlds state them: read without coercion, or not at all."""

from __future__ import annotations

import datetime
import re
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Final

from settlement.errors import SettlementRefused

DIGITS_MAX: Final = 40
LARGEST_MONEY_FEN: Final = 2**62 - 1  # twice of it still fits in 63 bits
_DECIMAL: Final = re.compile(rf"[0-9]{{1,{DIGITS_MAX}}}(\.[0-9]{{1,{DIGITS_MAX}}})?")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def exact_number(value: object) -> Fraction | None:
    """A whole number or a decimal text such as "0.25", not below 0; None for anything else.

    No exponent: a text of ten characters could otherwise ask for a number of a thousand million digits.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value) if 0 <= value < 10**DIGITS_MAX else None
    return Fraction(value) if isinstance(value, str) and _DECIMAL.fullmatch(value) else None


def whole_number(value: object) -> int | None:
    """A whole number from 0 to LARGEST_MONEY_FEN; None for anything else."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and isinstance(value, int) and 0 <= value <= LARGEST_MONEY_FEN else None


def exact_day(value: object) -> datetime.date | None:
    """A date, or a text YYYY-MM-DD that is one; None for anything else."""
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            return datetime.date.fromisoformat(value)
        except ValueError:
            return None
    return value if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime) else None


def objects(given: Iterable[object], code: str, rule: str) -> list[dict[str, Any]]:
    """The items of a list that must all be objects. Refused with `code` where one is none."""
    found: list[dict[str, Any]] = []
    for index, item in enumerate(given):
        if not isinstance(item, Mapping):
            raise SettlementRefused(code, f"{rule}: item {index} is no object: {str(item)[:40]!r}")
        found.append(dict(item))
    return found
