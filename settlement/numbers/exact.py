"""Exact numbers, days and objects as requests and worlds state them: read without coercion, or not at all."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Final

from meter.days import read_date
from meter.decimals import DIGITS_MAX, read_decimal
from settlement.errors import SettlementRefused

LARGEST_MONEY_FEN: Final = 2**62 - 1  # twice of it still fits in 63 bits


def exact_number(value: object) -> Fraction | None:
    """Return a whole number or a decimal text such as "0.25" (meter/decimals.py), not below 0.

    None for anything else.
    """
    if isinstance(value, int) and not isinstance(value, bool):
        return Fraction(value) if 0 <= value < 10**DIGITS_MAX else None
    return read_decimal(value)


def whole_number(value: object) -> int | None:
    """Return a whole number from 0 to LARGEST_MONEY_FEN; None for anything else."""
    plain = isinstance(value, int) and not isinstance(value, bool)
    return value if plain and isinstance(value, int) and 0 <= value <= LARGEST_MONEY_FEN else None


def exact_day(value: object) -> datetime.date | None:
    """Return a date that clients may give, or the text YYYY-MM-DD of one; None for anything else."""
    if isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
        value = value.isoformat()
    return read_date(value)


def objects(given: Iterable[object], code: str, rule: str) -> list[dict[str, Any]]:
    """Return the items of a list that must all be objects. Refused with `code` where one is none."""
    found: list[dict[str, Any]] = []
    for index, item in enumerate(given):
        if not isinstance(item, Mapping):
            raise SettlementRefused(code, f"{rule}: item {index} is no object: {str(item)[:40]!r}")
        found.append(dict(item))
    return found
