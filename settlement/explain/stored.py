"""How a line's explanation is kept: the values its steps follow from, beside those of the line; told when asked for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

import polars as pl

from settlement.compute.settlement import Settlement
from settlement.compute.shapes import excluded_of, excluded_parts
from settlement.explain.steps import steps_of, steps_of_row
from settlement.explain.story import Setting
from settlement.numbers.quantities import units_of

# Of a row of `Settlement.lines`, what steps are told of: what the contract's line says already, and what is kept beside
# it. What is null, false or 0, and released use that is no other than what counts, is left out.
_UNITS: Final = ("consumed", "supplied", "group_consumed", "group_supplied")
_OF_THE_LINE: Final = (
    "uscc", "region", "group", "eligible_expenditure_fen", "base_fen", "award_fen", "held_fen", "payable_fen",
    "reasons",
)  # fmt: skip
_RELEASED: Final = {
    "released_consumed_units": "consumed_units", "group_released_consumed_units": "group_consumed_units"
}  # fmt: skip
_CHARGES: Final = ("all_charges_fen", "eligible_charges_fen", "released_charges_fen")
_WHERE_KNOWN: Final = ("contract_fen", "invoice_fen", "payment_fen", "public_support_fen", "settled_fen")
_UNLESS: Final = {"north": False, "odd_fen": 0}
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
    kept = settlement.lines.join(parts, on="uscc", how="left", maintain_order="left")
    listed = pl.struct(pl.col("parts").fill_null([])).struct.json_encode().str.slice(1)
    pieces = [pl.lit('{"values":{"rate":"'), pl.col("rate"), pl.lit('"'), *_kept(), pl.lit("},"), listed]
    return kept.select(pl.concat_str(pieces).alias("working")).to_series()


def _kept() -> Iterator[pl.Expr]:
    """Yield the text of every value that is kept where it cannot be told from the line, nothing where it can."""
    for name in _CHARGES:
        yield pl.format(f',"{name}":{{}}', name)
    for name, other in _RELEASED.items():
        yield _unless(name, pl.col(name) == pl.col(other))
    for name in _WHERE_KNOWN:
        yield _unless(name, pl.col(name).is_null())
    for name, value in _UNLESS.items():
        yield _unless(name, pl.col(name) == value)


def _unless(name: str, told: pl.Expr) -> pl.Expr:
    value = pl.col(name).cast(pl.String).fill_null("null")
    return pl.when(told).then(pl.lit("")).otherwise(pl.format(f',"{name}":{{}}', value))


def whole_working(line: Mapping[str, Any], working: Mapping[str, Any]) -> dict[str, Any]:
    """Return a stored working with every value that the steps follow from, those of its line among them.

    One that was kept with all of them says them itself.
    """
    values = {name: line[name] for name in _OF_THE_LINE} | {"adjustment_fen": line.get("adjustment_fen")}
    values |= {f"{name}_units": units_of(line[f"{name}_pflops_hours"]) for name in _UNITS}
    values |= dict.fromkeys(_WHERE_KNOWN) | _UNLESS
    values |= {name: values[other] for name, other in _RELEASED.items()}
    return {**working, "values": values | working["values"]}


def told(setting: Setting, line: Mapping[str, Any], working: Mapping[str, Any]) -> dict[str, Any]:
    """Return {"steps", "excluded"} of a stored line and its working.

    Raises AssertionError where a step does not come to what the values say.
    """
    if "steps" in working:
        return dict(working)
    whole = whole_working(line, working)
    return {"steps": steps_of_row(setting, whole["values"], whole["parts"]), "excluded": excluded_parts(whole["parts"])}


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
