"""The fields of registry items: each is read strictly, and what is wrong with a value is said with a code."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

from meter.days import DATE_WORDS, read_date
from meter.decimals import read_decimal
from meter.registry.body import Broken
from meter.uscc import is_uscc

IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,64}")
WHOLE_DIGITS_MAX, DECIMALS_MAX = 12, 9  # of a share or a rating

Item = dict[str, Any]
Rules = Mapping[tuple[str, str], str]
"""(kind of item, code or field of a refusal) -> the rule behind it, in the words of whoever decides."""


class Unfit(ValueError):
    """An item that cannot be recorded: `code` is stable, the message is for a person.

    `field` is the field whose limits are broken, where a rule of whoever decides may stand behind them.
    """

    def __init__(self, code: str, detail: str, field: str = "") -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
        self.field = field

    def under(self, rules: Rules, kind: str) -> str:
        """Say what is wrong with an item of a kind, with the rule behind it in parentheses where there is one."""
        rule = rules.get((kind, self.field or self.code))
        return f"{self.detail} ({rule})" if rule else self.detail


@dataclass(frozen=True)
class Field:
    """One field of a shape: how its value is read, and whether it must be there."""

    read: Callable[[str, Any], Any]
    required: bool = True


def shape_of(item: Any, fields: Mapping[str, Field]) -> Item:
    """Read an object with exactly these fields; a field that is absent or null is None. Raises Unfit."""
    if isinstance(item, Broken):
        raise Unfit(item.code, item.detail)
    if not isinstance(item, dict):
        wrong("item", "an object")
    for name in item:
        if name not in fields:
            raise Unfit("unknown_field", f"unknown field {name[:64]!r}")
    found: Item = {}
    for name, field in fields.items():
        value = item.get(name)
        if isinstance(value, Broken):
            raise Unfit(value.code, f"{name}: {value.detail}")
        if value is None:
            if field.required:
                raise Unfit("missing_field", f"{name} is missing")
            found[name] = None
        else:
            found[name] = field.read(name, value)
    return found


def wrong(name: str, expected: str) -> NoReturn:
    """Refuse a value of another type."""
    raise Unfit("wrong_type", f"{name} must be {expected}")


def text(limit: int) -> Callable[[str, Any], str]:
    """Return text of 1 to `limit` characters."""

    def read(name: str, value: Any) -> str:
        if not isinstance(value, str):
            wrong(name, "a string")
        if not value.strip() or len(value) > limit:
            raise Unfit("out_of_range", f"{name} must have 1 to {limit} characters")
        if any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
            raise Unfit("bad_text", f"{name} holds a control character or half a surrogate pair")
        return value

    return read


def flag(name: str, value: Any) -> bool:
    """Return true or false."""
    if not isinstance(value, bool):
        wrong(name, "true or false")
    return value


def whole(low: int, high: int) -> Callable[[str, Any], int]:
    """Return an integer between two limits, both allowed."""

    def read(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            wrong(name, "an integer")
        if not low <= value <= high:
            raise Unfit("out_of_range", f"{name} must lie between {low} and {high}")
        return value

    return read


def matching(pattern: re.Pattern[str], expected: str, code: str) -> Callable[[str, Any], str]:
    """Return text of a pattern; `code` says what is wrong with another one."""

    def read(name: str, value: Any) -> str:
        if not isinstance(value, str):
            wrong(name, "a string")
        if not pattern.fullmatch(value):
            raise Unfit(code, f"{name} must be {expected}")
        return value

    return read


def entity_code(name: str, value: Any) -> str:
    """Return a unified social credit code with the right check digit."""
    if not isinstance(value, str):
        wrong(name, "a string")
    if not is_uscc(value):
        raise Unfit("bad_uscc", f"{name}: {value[:24]!r} is no unified social credit code (GB 32100-2015)")
    return value


def local_day(name: str, value: Any) -> date:
    """Return a local day."""
    if not isinstance(value, str):
        wrong(name, "a string")
    found = read_date(value)
    if found is None:
        raise Unfit("bad_date", f"{name} must be {DATE_WORDS}")
    return found


def decimal(low: Decimal, high: Decimal, places: int) -> Callable[[str, Any], Decimal]:
    """Make the reader of an exact decimal, sent as a string, between two limits."""

    def read(name: str, value: Any) -> Decimal:
        if not isinstance(value, str):
            wrong(name, "a string")
        if read_decimal(value, whole=WHOLE_DIGITS_MAX, places=DECIMALS_MAX, canonical=True) is None:
            raise Unfit("bad_decimal", f'{name} must be a decimal string such as "0.25"')
        number = Decimal(value)
        if not low <= number <= high or -int(number.as_tuple().exponent) > places:
            between = f"between {low} and {high}, with at most {places} decimals"
            raise Unfit("out_of_range", f"{name} must lie {between}", name)
        return number

    return read


def one_of(*values: str) -> Callable[[str, Any], str]:
    """Return one of a closed list of words."""

    def read(name: str, value: Any) -> str:
        if not isinstance(value, str):
            wrong(name, "a string")
        if value not in values:
            raise Unfit("unknown_value", f"{name} must be one of {', '.join(values)}")
        return value

    return read


def list_of(fields: Mapping[str, Field], limit: int) -> Callable[[str, Any], list[Item]]:
    """Return an array of at most `limit` objects of one shape."""

    def read(name: str, value: Any) -> list[Item]:
        if not isinstance(value, list):
            wrong(name, "an array")
        if len(value) > limit:
            raise Unfit("out_of_range", f"{name} may have at most {limit} items")
        return [shape_of(part, fields) for part in value]

    return read


def object_of(fields: Mapping[str, Field]) -> Callable[[str, Any], Item]:
    """Return an object of a shape."""
    return lambda _, value: shape_of(value, fields)
