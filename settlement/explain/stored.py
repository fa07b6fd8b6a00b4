"""How a line's explanation is kept: the values that its steps follow from, all lines at once; told when asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import polars as pl

from settlement.compute.settlement import Settlement
from settlement.compute.shapes import excluded_of, excluded_parts
from settlement.explain.steps import steps_of, steps_of_row
from settlement.explain.story import Setting

# of a row of `Settlement.lines`, what steps are told of
VALUES: Final = (
    "uscc", "region", "group", "consumed_units", "supplied_units", "group_consumed_units", "group_supplied_units",
    "released_consumed_units", "group_released_consumed_units", "all_charges_fen", "eligible_charges_fen",
    "released_charges_fen", "contract_fen", "invoice_fen", "payment_fen", "public_support_fen",
    "eligible_expenditure_fen", "base_fen", "rate", "north", "award_fen", "held_fen", "payable_fen", "odd_fen",
    "settled_fen", "adjustment_fen", "reasons",
)  # fmt: skip
PART: Final = ("status", "reason", "use", "charge_fen", "pieces")
EACH_KIND: Final = 2  # lines of one kind (reasons, flags, ratio) whose steps are told when a settlement is run


def working_texts(settlement: Settlement) -> pl.Series:
    """Return the working of each line as JSON text: {"values": {...}, "parts": [...]}, in the order of the lines.

    Of a draft round, with its few applications, the steps themselves are kept: {"steps": [...], "excluded": [...]}.
    """
    if settlement.round.draft:
        told = (
            {"steps": steps_of(settlement, uscc), "excluded": excluded_of(settlement, uscc)}
            for uscc in settlement.lines["uscc"]
        )
        texts = [json.dumps(one, ensure_ascii=False, default=str) for one in told]
        return pl.Series("working", texts, dtype=pl.String)
    parts = settlement.excluded.group_by("uscc", maintain_order=True).agg(pl.struct(PART).alias("parts"))
    kept = settlement.lines.select(VALUES).join(parts, on="uscc", how="left", maintain_order="left")
    whole = pl.struct(pl.struct(VALUES).alias("values"), pl.col("parts").fill_null([])).struct.json_encode()
    return kept.select(whole.alias("working")).to_series()


def told(setting: Setting, working: Mapping[str, Any]) -> dict[str, Any]:
    """Return {"steps", "excluded"} of a line's stored working.

    Raises AssertionError where a step does not come to what the values say.
    """
    if "steps" in working:
        return dict(working)
    parts = working["parts"]
    return {"steps": steps_of_row(setting, working["values"], parts), "excluded": excluded_parts(parts)}


def check_kinds(settlement: Settlement) -> int:
    """Tell the steps of some lines of every kind, so that a kind whose steps contradict its line is never stored.

    Lines are of one kind when reasons, flags and ratios are the same. Returns how many lines were told.
    Raises AssertionError.
    """
    if settlement.round.draft:
        return 0  # all of them are told when they are stored
    kinds = ("reason_bits", "flag_bits", "ratio", "released_ratio", "rate")
    some = settlement.lines.group_by(kinds, maintain_order=True).head(EACH_KIND)
    for uscc in some["uscc"]:
        steps_of(settlement, uscc)
    return some.height
