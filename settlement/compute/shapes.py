"""Lines and excluded use in the shapes of the contract."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

import polars as pl

from settlement.compute.settlement import Settlement
from settlement.numbers.quantities import pflops_hours_text, pflops_hours_texts, use_text, use_texts

MONEY = ("eligible_expenditure_fen", "base_fen", "award_fen", "held_fen", "payable_fen")
# the uncounted use of lines as it is kept (rows of `Settlement.excluded`) and as the contract shows it
PARTS: Final = pl.List(
    pl.Struct({"status": pl.String, "reason": pl.String, "use": pl.Int128, "charge_fen": pl.Int64, "pieces": pl.Int64})
)
EXCLUDED: Final = pl.List(
    pl.Struct(
        {
            "status": pl.String,
            "reason": pl.String,
            "pflops_hours": pl.String,
            "charge_fen": pl.Int64,
            "pieces": pl.Int64,
        }
    )
)


def line_dict(settlement: Settlement, row: Mapping[str, Any]) -> dict[str, Any]:
    """Return one row of `lines` in the shape of the contract."""
    shown: dict[str, Any] = {"uscc": row["uscc"], "name": row["name"], "region": row["region"]}
    for name, units in (
        ("consumed", row["consumed_units"]),
        ("supplied", row["supplied_units"]),
        ("net", row["consumed_units"] - row["supplied_units"]),
    ):
        shown[f"{name}_pflops_hours"] = pflops_hours_text(units)
    shown["group"] = row["group"]
    for name in ("group_consumed", "group_supplied"):
        shown[f"{name}_pflops_hours"] = pflops_hours_text(row[f"{name}_units"])
    for name in MONEY:
        shown[name] = row[name]
    if row["adjustment_fen"] is not None:
        shown["adjustment_fen"] = row["adjustment_fen"]
    shown["reasons"], shown["flags"] = row["reasons"], row["flags"]
    if settlement.round.draft:
        shown["items"] = {item.id: item.fen for item in settlement.drafts[row["uscc"]]}
    return shown


def line_texts(settlement: Settlement) -> pl.Series:
    """Return what `line_dict` gives of each line, as JSON text, all lines at once."""
    lines = settlement.lines
    if settlement.round.draft:  # a few applications
        drafted = (line_dict(settlement, row) for row in lines.iter_rows(named=True))
        return pl.Series("line", [json.dumps(one, ensure_ascii=False) for one in drafted], dtype=pl.String)
    texts = lines.select(
        "uscc", "group", "reasons", "flags", *MONEY, "adjustment_fen",
        name=_json_text("name"), region=_json_text("region"),
    ).with_columns(
        *(pflops_hours_texts(units.alias(name)) for name, units in _quantities(lines).items()),
    )  # fmt: skip
    pieces: list[pl.Expr | str] = ['{"uscc": "', pl.col("uscc"), '", "name": ', pl.col("name"), ', "region": ']
    pieces += [pl.col("region")]
    for name in ("consumed_pflops_hours", "supplied_pflops_hours", "net_pflops_hours", "group",
                 "group_consumed_pflops_hours", "group_supplied_pflops_hours"):  # fmt: skip
        pieces += [f', "{name}": "', pl.col(name), '"']
    for name in MONEY:
        pieces += [f', "{name}": ', pl.col(name).cast(pl.String)]
    adjusted = pl.format(', "adjustment_fen": {}', pl.col("adjustment_fen"))
    pieces.append(pl.when(pl.col("adjustment_fen").is_null()).then(pl.lit("")).otherwise(adjusted))
    for name in ("reasons", "flags"):
        names = pl.col(name).list.join('", "')
        listed = pl.when(names == "").then(pl.lit("[]")).otherwise(pl.format('["{}"]', names))
        pieces += [f', "{name}": ', listed]
    pieces.append("}")
    whole = pl.concat_str(pl.lit(one) if isinstance(one, str) else one for one in pieces)
    return texts.select(whole.alias("line")).to_series()


def _quantities(lines: pl.DataFrame) -> dict[str, pl.Series]:
    names = ("consumed", "supplied", "group_consumed", "group_supplied")
    units = {f"{name}_pflops_hours": lines[f"{name}_units"] for name in names}
    return units | {"net_pflops_hours": lines["consumed_units"] - lines["supplied_units"]}


def _json_text(name: str) -> pl.Expr:
    """Return a text column as JSON texts; null where it is null."""
    return pl.struct(pl.col(name).alias("v")).struct.json_encode().str.strip_prefix('{"v":').str.strip_suffix("}")


def excluded_of(settlement: Settlement, uscc: str) -> list[dict[str, Any]]:
    """Return the use of one entity that does not count (status excluded) or not yet (held), by reason."""
    return excluded_parts(settlement.parts(uscc))


def excluded_parts(parts: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of `Settlement.excluded` in the shape of the contract."""
    return [
        {
            "status": row["status"],
            "reason": row["reason"],
            "pflops_hours": use_text(row["use"]),
            "charge_fen": row["charge_fen"],
            "pieces": row["pieces"],
        }
        for row in parts
    ]


def excluded_lists(parts: pl.Series) -> pl.Series:
    """Return what `excluded_parts` says of each value of a column PARTS; null where it is null."""
    rows = parts.to_frame("part").with_row_index("line")
    known = rows.filter(pl.col("part").list.len() > 0).explode("part").unnest("part")
    shown = known.with_columns(pflops_hours=use_texts(known["use"]))
    struct = pl.struct("status", "reason", "pflops_hours", "charge_fen", "pieces")
    lists = shown.group_by("line", maintain_order=True).agg(struct.alias("excluded"))
    joined = rows.join(lists, on="line", how="left", maintain_order="left")
    none = pl.when(pl.col("part").is_null()).then(None).otherwise(pl.lit([], dtype=EXCLUDED))
    return joined.select(pl.coalesce(pl.col("excluded").cast(EXCLUDED), none).alias(parts.name)).to_series()
