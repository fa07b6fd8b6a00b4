"""The stable codes of single records and items, from the tables of those who give them."""

from __future__ import annotations

from typing import Any

from api.schemas.values import value
from meter.intake.codes import MEANING
from meter.journal.write.decide import CONFLICT_CODE, REFUSALS

RECORD_CODES = tuple(dict.fromkeys((*map(str, MEANING), *REFUSALS, CONFLICT_CODE)))
ITEM_CODES = (
    "duplicate_key", "unknown_field", "missing_field", "wrong_type", "out_of_range", "bad_text", "bad_id", "bad_region",
    "bad_uscc", "bad_date", "bad_decimal", "unknown_value", "empty_period", "owner_named_twice",
    "shares_do_not_sum_to_one", "holds_itself", "holdings_above_one", "no_sealing_key", CONFLICT_CODE,
)  # fmt: skip


def _code(codes: tuple[str, ...], example: str) -> Any:
    return value(str, example, "A stable code.", enum=list(codes))


RecordCode = _code(RECORD_CODES, "unknown_facility")
ItemCode = _code(ITEM_CODES, "shares_do_not_sum_to_one")
