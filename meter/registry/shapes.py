"""The shapes of registry items: what a well-formed item of each kind is, and what is wrong with one that is not.

Strict like the intake: unknown fields, duplicate keys, floats, wrong types are refused with a code, never coerced.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from meter.regions import REGION
from meter.registry import fields
from meter.registry.fields import Field, Item, Unfit, shape_of
from meter.vocabulary import ENTITY_KINDS, EXPENDITURE_KINDS, REGISTRY_KINDS

AMOUNT_MAX_FEN = 10**15
_ID = fields.matching(fields.IDENTIFIER, "1 to 64 of [A-Za-z0-9._:-]", "bad_id")
_REGION = fields.matching(REGION, "a GB/T 2260 code of 6 digits", "bad_region")
_SHARE = fields.decimal(Decimal("0.000000001"), Decimal(1), 9)
_HELD_SHARE = fields.decimal(Decimal(0), Decimal(1), 9)
_PERIOD = {"valid_from": Field(fields.local_day, required=False), "valid_to": Field(fields.local_day, required=False)}

_ENTITY = {
    "uscc": Field(fields.entity_code),
    "name": Field(fields.text(200)),
    "kind": Field(fields.one_of(*ENTITY_KINDS)),
    "independent_legal_person": Field(fields.flag),
    "region": Field(_REGION),
    "ai_enterprise": Field(fields.flag, required=False),
    "state_body": Field(fields.flag),
    "bank_account": Field(
        fields.object_of(
            {"bank": Field(fields.text(200)), "account": Field(fields.text(64)), "holder": Field(fields.text(200))}
        ),
        required=False,
    ),
    **_PERIOD,
}
_FACILITY = {
    "id": Field(_ID),
    "name": Field(fields.text(200)),
    "region": Field(_REGION),
    "intelligent": Field(fields.flag),
    "owners": Field(fields.list_of({"uscc": Field(fields.entity_code), "share": Field(_SHARE)}, 1000)),
    "operator": Field(fields.entity_code, required=False),
    "capacity": Field(
        fields.list_of(
            {
                "chip": Field(_ID),
                "cards": Field(fields.whole(0, 10**9)),
                "from": Field(fields.local_day),
                "to": Field(fields.local_day, required=False),
            },
            1000,
        ),
        required=False,
    ),
    **_PERIOD,
}
_CHIP = {
    "chip": Field(_ID),
    "tflops_fp16": Field(fields.decimal(Decimal("0.000001"), Decimal(10**9), 6)),
    "source": Field(fields.text(500)),
    **_PERIOD,
}
_HOLDING = {
    "holder": Field(fields.entity_code),
    "held": Field(fields.entity_code),
    "share": Field(_HELD_SHARE),
    "from": Field(fields.local_day, required=False),
    "to": Field(fields.local_day, required=False),
    "document": Field(fields.text(500)),
}
_EXPENDITURE = {
    "id": Field(_ID),
    "consumer": Field(fields.entity_code),
    "kind": Field(fields.one_of(*EXPENDITURE_KINDS)),
    "served_from": Field(fields.local_day),
    "served_to": Field(fields.local_day),
    "amount_fen": Field(fields.whole(-AMOUNT_MAX_FEN, AMOUNT_MAX_FEN)),
    "document": Field(fields.text(500)),
}
_CONTROL_TOTAL = {
    "day": Field(fields.local_day),
    "records": Field(fields.whole(0, 10**12)),
    "charge_fen": Field(fields.whole(0, 10**18)),
}


def _period_ordered(item: Item, start: str = "valid_from", end: str = "valid_to") -> None:
    if item[start] is not None and item[end] is not None and item[start] >= item[end]:
        raise Unfit("empty_period", f"{end} must lie after {start}")


def read_entity(item: Any) -> Item:
    """Return an entity (docs/contract.md, section 2); ai_enterprise may be null. Raises Unfit."""
    found = shape_of(item, _ENTITY)
    _period_ordered(found)
    return found


def read_facility(item: Any) -> Item:
    """Return a facility whose owners' shares sum to exactly 1. Raises Unfit."""
    found = shape_of(item, _FACILITY)
    _period_ordered(found)
    owners = [owner["uscc"] for owner in found["owners"]]
    if len(set(owners)) != len(owners):
        raise Unfit("owner_named_twice", "an owner is named twice")
    if sum((owner["share"] for owner in found["owners"]), Decimal(0)) != 1:
        raise Unfit("shares_do_not_sum_to_one", "the owners' shares must sum to exactly 1")
    for part in found["capacity"] or ():
        _period_ordered(part, "from", "to")
    return found


def read_chip(item: Any) -> Item:
    """Return a chip's dense FP16 rating in TFLOPS, as an exact decimal. Raises Unfit."""
    found = shape_of(item, _CHIP)
    _period_ordered(found)
    return found


def read_holding(item: Any) -> Item:
    """Return a holding: `holder` holds `share` of `held`; a share of 0 says that it ended. Raises Unfit."""
    found = shape_of(item, _HOLDING)
    _period_ordered(found, "from", "to")
    if found["holder"] == found["held"]:
        raise Unfit("holds_itself", "an entity cannot hold itself")
    return found


def read_expenditure(item: Any) -> Item:
    """Return evidence of spending; both ends of the period are inclusive; a red invoice is negative. Raises Unfit."""
    found = shape_of(item, _EXPENDITURE)
    if found["served_from"] > found["served_to"]:
        raise Unfit("empty_period", "served_to must not lie before served_from")
    return found


def read_control_total(item: Any) -> Item:
    """Return what a source says it sent for a local day. Raises Unfit."""
    return shape_of(item, _CONTROL_TOTAL)


READERS: Mapping[str, Callable[[Any], Item]] = {
    "entities": read_entity,
    "facilities": read_facility,
    "chips": read_chip,
    "holdings": read_holding,
    "expenditures": read_expenditure,
    "control_totals": read_control_total,
}

assert tuple(READERS) == REGISTRY_KINDS, "every kind of batch of the registry has its reader"
