"""Columns that lines of use and lines of applications have in common, and the totals over them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from settlement.errors import SettlementRefused
from settlement.inputs.frames import Inputs
from settlement.inputs.timeline import Int64Array

BoolArray = npt.NDArray[np.bool_]


def paid_before(inputs: Inputs, party: npt.NDArray[np.int64]) -> tuple[Int64Array, BoolArray]:
    """Return what the earlier settlement paid each line, and whether it had one (R-CORR)."""
    paid = np.zeros(inputs.parties.height, dtype=np.int64)
    had = np.zeros(inputs.parties.height, dtype=np.bool_)
    before = inputs.settled_before["party"].to_numpy()
    paid[before] = inputs.settled_before["payable_fen"].to_numpy()
    had[before] = True
    return paid[party], had[party]


def gather(values: pl.Series, rows: pl.Series) -> pl.Series:
    """Take values[rows], null where the row is null."""
    if not len(values):
        return pl.Series([None] * len(rows), dtype=values.dtype)
    return values.gather(rows)


def names_of(names: tuple[str, ...], numbers: npt.NDArray[np.int8]) -> pl.Series:
    """Return the name of each number."""
    return pl.Series(list(names)).gather(numbers.astype(np.int64))


def name_lists(bits: Int64Array, names: Any) -> pl.Series:
    """Return bits as sorted lists of names: few distinct values, so each is rendered once."""
    distinct, where = np.unique(bits, return_inverse=True)
    return pl.Series([names(int(value)) for value in distinct], dtype=pl.List(pl.String)).gather(where)


def totals_of(lines: pl.DataFrame, inputs: Inputs) -> dict[str, int]:
    """Return the sums of the money columns, and the difference from what was settled before.

    Raises SettlementRefused TOTAL_TOO_LARGE.
    """
    totals: dict[str, int] = {}
    for name in ("award_fen", "held_fen", "payable_fen"):
        total = int(lines.select(pl.col(name).cast(pl.Int128).sum()).item() or 0)
        if total >= 2**63:
            raise SettlementRefused("TOTAL_TOO_LARGE", f"the sum of {name} does not fit in 63 bits")
        totals[name] = total
    if inputs.has_settled:
        before = int(inputs.settled_before.select(pl.col("payable_fen").cast(pl.Int128).sum()).item() or 0)
        totals["adjustment_fen"] = totals["payable_fen"] - before
    return totals
