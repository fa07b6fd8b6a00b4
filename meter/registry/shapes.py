"""The shapes of registry items: what a well-formed item of each kind is, and what is wrong with one that is not.

Strict like the intake: unknown fields, duplicate keys, floats, wrong types are refused with a code, never coerced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NoReturn

from meter.days import DATE_WORDS, read_date
from meter.decimals import read_decimal
from meter.regions import REGION
from meter.uscc import is_uscc
from meter.vocabulary import ENTITY_KINDS, EXPENDITURE_KINDS, REGISTRY_KINDS

ITEMS_MAX = 10_000
VALUES_MAX = 1_000_000  # commas of a body: ten thousand items of a hundred values; more would only fill memory
AMOUNT_MAX_FEN = 10**15
IDENTIFIER = re.compile(r"[A-Za-z0-9._:-]{1,64}")
WHOLE_DIGITS_MAX, DECIMALS_MAX = 12, 9  # of a share or a rating

Item = dict[str, Any]


class Unfit(ValueError):
    """An item that cannot be recorded: `code` is stable, the message is for a person."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class NotABatch(ValueError):
    """A body that is no JSON array of at most ITEMS_MAX items."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail


class _Broken:
    """What stands in place of an object or number that JSON would have coerced or lost."""

    def __init__(self, code: str, detail: str) -> None:
        self.code = code
        self.detail = detail


def parse_items(body: bytes) -> list[Any]:
    """The items of a body. Raises NotABatch when it is no JSON array, or too long a one."""

    def pairs(items: list[tuple[str, Any]]) -> Any:
        found = dict(items)
        return found if len(found) == len(items) else _Broken("duplicate_key", "a key occurs twice in one object")

    def inexact(text: str) -> Any:
        return _Broken("wrong_type", f"{text[:32]} is not an integer; decimals are sent as strings")

    def whole(text: str) -> Any:
        return int(text) if len(text) <= 20 and text != "-0" else _Broken("out_of_range", "the number is out of range")

    if body.count(b",") > VALUES_MAX:
        raise NotABatch(413, "too_many_values", f"at most {VALUES_MAX} values a request")
    try:
        parsed = json.loads(
            body.decode("utf-8"), object_pairs_hook=pairs, parse_float=inexact, parse_constant=inexact, parse_int=whole
        )
    except UnicodeDecodeError as error:
        raise NotABatch(400, "not_utf8", "the body is not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise NotABatch(400, "not_json", "the body is not JSON") from error
    if not isinstance(parsed, list):
        raise NotABatch(400, "not_an_array", "the body must be a JSON array of items")
    if len(parsed) > ITEMS_MAX:
        raise NotABatch(413, "too_many_items", f"at most {ITEMS_MAX} items a request")
    return parsed


@dataclass(frozen=True)
class _Field:
    read: Callable[[str, Any], Any]
    required: bool = True


def _shape(item: Any, fields: Mapping[str, _Field]) -> Item:
    if isinstance(item, _Broken):
        raise Unfit(item.code, item.detail)
    if not isinstance(item, dict):
        _wrong("item", "an object")
    for name in item:
        if name not in fields:
            raise Unfit("unknown_field", f"unknown field {name[:64]!r}")
    found: Item = {}
    for name, field in fields.items():
        value = item.get(name)
        if isinstance(value, _Broken):
            raise Unfit(value.code, f"{name}: {value.detail}")
        if value is None:
            if field.required:
                raise Unfit("missing_field", f"{name} is missing")
            found[name] = None
        else:
            found[name] = field.read(name, value)
    return found


def _wrong(name: str, expected: str) -> NoReturn:
    raise Unfit("wrong_type", f"{name} must be {expected}")


def _text(limit: int) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if not isinstance(value, str):
            _wrong(name, "a string")
        if not value.strip() or len(value) > limit:
            raise Unfit("out_of_range", f"{name} must have 1 to {limit} characters")
        if any(ord(c) < 32 or 0xD800 <= ord(c) < 0xE000 for c in value):
            raise Unfit("bad_text", f"{name} holds a control character or half a surrogate pair")
        return value

    return read


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        _wrong(name, "true or false")
    return value


def _whole(low: int, high: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            _wrong(name, "an integer")
        if not low <= value <= high:
            raise Unfit("out_of_range", f"{name} must lie between {low} and {high}")
        return value

    return read


def _matching(pattern: re.Pattern[str], expected: str, code: str) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if not isinstance(value, str):
            _wrong(name, "a string")
        if not pattern.fullmatch(value):
            raise Unfit(code, f"{name} must be {expected}")
        return value

    return read


def _uscc(name: str, value: Any) -> str:
    if not isinstance(value, str):
        _wrong(name, "a string")
    if not is_uscc(value):
        raise Unfit("bad_uscc", f"{name}: {value[:24]!r} is no unified social credit code (GB 32100-2015)")
    return value


def _date(name: str, value: Any) -> date:
    if not isinstance(value, str):
        _wrong(name, "a string")
    found = read_date(value)
    if found is None:
        raise Unfit("bad_date", f"{name} must be {DATE_WORDS}")
    return found


def _decimal(low: Decimal, high: Decimal, places: int, rule: str = "") -> Callable[[str, Any], Decimal]:
    def read(name: str, value: Any) -> Decimal:
        if not isinstance(value, str):
            _wrong(name, "a string")
        if read_decimal(value, whole=WHOLE_DIGITS_MAX, places=DECIMALS_MAX, canonical=True) is None:
            raise Unfit("bad_decimal", f'{name} must be a decimal string such as "0.25"')
        number = Decimal(value)
        if not low <= number <= high or -int(number.as_tuple().exponent) > places:
            between = f"between {low} and {high}, with at most {places} decimals{rule}"
            raise Unfit("out_of_range", f"{name} must lie {between}")
        return number

    return read


def _one_of(*values: str) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        if not isinstance(value, str):
            _wrong(name, "a string")
        if value not in values:
            raise Unfit("unknown_value", f"{name} must be one of {', '.join(values)}")
        return value

    return read


def _list_of(fields: Mapping[str, _Field], limit: int) -> Callable[[str, Any], list[Item]]:
    def read(name: str, value: Any) -> list[Item]:
        if not isinstance(value, list):
            _wrong(name, "an array")
        if len(value) > limit:
            raise Unfit("out_of_range", f"{name} may have at most {limit} items")
        return [_shape(part, fields) for part in value]

    return read


def _object_of(fields: Mapping[str, _Field]) -> Callable[[str, Any], Item]:
    return lambda _, value: _shape(value, fields)


_ID = _matching(IDENTIFIER, "1 to 64 of [A-Za-z0-9._:-]", "bad_id")
_REGION = _matching(REGION, "a GB/T 2260 code of 6 digits", "bad_region")
_SHARE = _decimal(Decimal("0.000000001"), Decimal(1), 9, " (R-JV)")
_HELD_SHARE = _decimal(Decimal(0), Decimal(1), 9, " (R-RELATED)")
_PERIOD = {"valid_from": _Field(_date, required=False), "valid_to": _Field(_date, required=False)}

_ENTITY = {
    "uscc": _Field(_uscc),
    "name": _Field(_text(200)),
    "kind": _Field(_one_of(*ENTITY_KINDS)),
    "independent_legal_person": _Field(_flag),
    "region": _Field(_REGION),
    "ai_enterprise": _Field(_flag, required=False),
    "state_body": _Field(_flag),
    "bank_account": _Field(
        _object_of({"bank": _Field(_text(200)), "account": _Field(_text(64)), "holder": _Field(_text(200))}),
        required=False,
    ),
    **_PERIOD,
}
_FACILITY = {
    "id": _Field(_ID),
    "name": _Field(_text(200)),
    "region": _Field(_REGION),
    "intelligent": _Field(_flag),
    "owners": _Field(_list_of({"uscc": _Field(_uscc), "share": _Field(_SHARE)}, 1000)),
    "operator": _Field(_uscc, required=False),
    "capacity": _Field(
        _list_of(
            {
                "chip": _Field(_ID),
                "cards": _Field(_whole(0, 10**9)),
                "from": _Field(_date),
                "to": _Field(_date, required=False),
            },
            1000,
        ),
        required=False,
    ),
    **_PERIOD,
}
_CHIP = {
    "chip": _Field(_ID),
    "tflops_fp16": _Field(_decimal(Decimal("0.000001"), Decimal(10**9), 6)),
    "source": _Field(_text(500)),
    **_PERIOD,
}
_HOLDING = {
    "holder": _Field(_uscc),
    "held": _Field(_uscc),
    "share": _Field(_HELD_SHARE),
    "from": _Field(_date, required=False),
    "to": _Field(_date, required=False),
    "document": _Field(_text(500)),
}
_EXPENDITURE = {
    "id": _Field(_ID),
    "consumer": _Field(_uscc),
    "kind": _Field(_one_of(*EXPENDITURE_KINDS)),
    "served_from": _Field(_date),
    "served_to": _Field(_date),
    "amount_fen": _Field(_whole(-AMOUNT_MAX_FEN, AMOUNT_MAX_FEN)),
    "document": _Field(_text(500)),
}
_CONTROL_TOTAL = {
    "day": _Field(_date),
    "records": _Field(_whole(0, 10**12)),
    "charge_fen": _Field(_whole(0, 10**18)),
}


def _period_ordered(item: Item, start: str = "valid_from", end: str = "valid_to") -> None:
    if item[start] is not None and item[end] is not None and item[start] >= item[end]:
        raise Unfit("empty_period", f"{end} must lie after {start}")


def read_entity(item: Any) -> Item:
    """An entity (docs/contract.md, section 2); ai_enterprise may be null. Raises Unfit."""
    found = _shape(item, _ENTITY)
    _period_ordered(found)
    return found


def read_facility(item: Any) -> Item:
    """A facility whose owners' shares sum to exactly 1. Raises Unfit."""
    found = _shape(item, _FACILITY)
    _period_ordered(found)
    owners = [owner["uscc"] for owner in found["owners"]]
    if len(set(owners)) != len(owners):
        raise Unfit("owner_named_twice", "an owner is named twice")
    if sum((owner["share"] for owner in found["owners"]), Decimal(0)) != 1:
        raise Unfit("shares_do_not_sum_to_one", "the owners' shares must sum to exactly 1 (R-JV: who built it)")
    for part in found["capacity"] or ():
        _period_ordered(part, "from", "to")
    return found


def read_chip(item: Any) -> Item:
    """A chip's dense FP16 rating in TFLOPS, as an exact decimal. Raises Unfit."""
    found = _shape(item, _CHIP)
    _period_ordered(found)
    return found


def read_holding(item: Any) -> Item:
    """A holding: `holder` holds `share` of `held`; a share of 0 says that it ended. Raises Unfit."""
    found = _shape(item, _HOLDING)
    _period_ordered(found, "from", "to")
    if found["holder"] == found["held"]:
        raise Unfit("holds_itself", "an entity cannot hold itself")
    return found


def read_expenditure(item: Any) -> Item:
    """Evidence of spending; both ends of the period are inclusive; a red invoice is negative. Raises Unfit."""
    found = _shape(item, _EXPENDITURE)
    if found["served_from"] > found["served_to"]:
        raise Unfit("empty_period", "served_to must not lie before served_from")
    return found


def read_control_total(item: Any) -> Item:
    """What a source says it sent for a local day. Raises Unfit."""
    return _shape(item, _CONTROL_TOTAL)


READERS: Mapping[str, Callable[[Any], Item]] = {
    "entities": read_entity,
    "facilities": read_facility,
    "chips": read_chip,
    "holdings": read_holding,
    "expenditures": read_expenditure,
    "control_totals": read_control_total,
}

assert tuple(READERS) == REGISTRY_KINDS, "every kind of batch of the registry has its reader"

# long: the shape of every kind of item; to be cut by kind
