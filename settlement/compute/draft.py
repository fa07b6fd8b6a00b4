"""The settlement of a draft round: applications instead of use, and nothing payable."""

from __future__ import annotations

import numpy as np
import polars as pl

from settlement.award.centre_match import award_matches
from settlement.award.yinchuan import DraftItem, apply_draft
from settlement.compute.columns import name_lists, paid_before, totals_of
from settlement.compute.settlement import EXCLUDED_SCHEMA, FACILITY_SCHEMA, Settlement
from settlement.errors import SettlementRefused
from settlement.inputs.frames import Inputs
from settlement.rounds import Round
from settlement.rounds.readings import Order, Readings
from settlement.rounds.reason_codes import (
    FLAG_BIT,
    flag_names,
    reason_names,
)


def settle_draft(inputs: Inputs, of_round: Round, order: Order, readings: Readings) -> Settlement:
    """Settle Yinchuan: applications instead of use, nothing payable."""
    drafted = apply_draft(inputs, of_round)
    settled_party = inputs.settled_before["party"].to_numpy()
    party = np.unique(np.concatenate((np.array(sorted(drafted), dtype=np.int64), settled_party.astype(np.int64))))
    codes = inputs.parties["uscc"].gather(party)
    count = len(party)
    reasons = np.array([drafted[p].reasons if p in drafted else 0 for p in party.tolist()], dtype=np.int64)
    flags = np.array([drafted[p].flags if p in drafted else 0 for p in party.tolist()], dtype=np.int64)
    flags |= FLAG_BIT["DRAFT_NOT_PAYABLE"]
    drafts = {code: drafted[p].items if p in drafted else [] for code, p in zip(codes, party.tolist(), strict=True)}
    payable = np.zeros(count, dtype=np.int64)
    paid, had = paid_before(inputs, party)
    facts = inputs.entity_facts.sort("seq").unique("party", keep="last", maintain_order=True)
    named = pl.DataFrame({"party": party.astype(np.int32)}).join(facts, on="party", how="left", maintain_order="left")
    zero_units = pl.Series([0] * count, dtype=pl.Int128)
    zeros = np.zeros(count, dtype=np.int64)
    awards = np.array([_sum_of(items) for items in drafts.values()], dtype=np.int64)
    lines = pl.DataFrame(
        {
            "party": party.astype(np.int32),
            "uscc": codes,
            "name": named["name"],
            "region": named["region"],
            "kind": named["kind"],
            "group": codes,
            **{f"{name}_units": zero_units for name in ("consumed", "supplied", "group_consumed", "group_supplied")},
            **dict.fromkeys(("eligible_expenditure_fen", "base_fen"), zeros),
            "award_fen": awards,
            "held_fen": zeros,
            "payable_fen": payable,
            "settled_fen": pl.Series(paid).set(pl.Series(~had), None),
            "adjustment_fen": pl.Series(payable - paid).set(pl.Series(~had), None),
            "reason_bits": reasons,
            "flag_bits": flags,
            "reasons": name_lists(reasons, reason_names),
            "flags": name_lists(flags, flag_names),
        }
    )
    totals = totals_of(lines, inputs)
    charges = int(inputs.use.select(pl.col("charge_fen").cast(pl.Int128).sum()).item() or 0)
    totals["charge_in_window_fen"], totals["charge_outside_window_fen"] = 0, charges
    matches = award_matches(inputs.matches, of_round, readings)
    no_excluded = pl.DataFrame(schema=EXCLUDED_SCHEMA)
    no_facilities = pl.DataFrame(schema=FACILITY_SCHEMA)
    return Settlement(of_round, order, readings, lines, totals, no_excluded, no_facilities, matches, drafts)


def _sum_of(items: list[DraftItem]) -> int:
    """Return the items of one line together; refused where they do not fit."""
    total = sum(item.fen for item in items)
    if total >= 2**62:
        raise SettlementRefused("TOTAL_TOO_LARGE", "the applications of one consumer do not fit in 62 bits")
    return total
