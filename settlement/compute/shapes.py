"""Lines and excluded use in the shapes of the contract."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from settlement.compute.settlement import Settlement
from settlement.numbers.quantities import pflops_hours_text, use_text


def line_dict(settlement: Settlement, row: Mapping[str, Any]) -> dict[str, Any]:
    """One row of `lines` in the shape of the contract."""
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
    for name in ("eligible_expenditure_fen", "base_fen", "award_fen", "held_fen", "payable_fen"):
        shown[name] = row[name]
    if row["adjustment_fen"] is not None:
        shown["adjustment_fen"] = row["adjustment_fen"]
    shown["reasons"], shown["flags"] = row["reasons"], row["flags"]
    if settlement.round.draft:
        shown["items"] = {item.id: item.fen for item in settlement.drafts[row["uscc"]]}
    return shown


def excluded_of(settlement: Settlement, uscc: str) -> list[dict[str, Any]]:
    """The use of one entity that does not count (status excluded) or not yet (held), by reason."""
    return [
        {
            "status": row["status"],
            "reason": row["reason"],
            "pflops_hours": use_text(row["use"]),
            "charge_fen": row["charge_fen"],
            "pieces": row["pieces"],
        }
        for row in settlement.parts(uscc)
    ]
