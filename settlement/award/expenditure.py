"""Evidence of spending and public support inside the window, by consumer (R-SPEND, R-MATERIALS, R-NODUP)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import polars as pl

from meter.kernels.kernel import Array, Whole, kernel
from meter.vocabulary import EXPENDITURE_KINDS
from settlement.errors import SettlementRefused
from settlement.inputs.timeline import Int32Array, Int64Array

BoolArray = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Expenditure:
    """By kind (rows: EXPENDITURE_KINDS) and party: the sum of fen served inside the window; whether any fact touches
    it. Sums can be negative (red invoices)."""

    total_fen: Int64Array
    on_file: BoolArray


class _Facts(NamedTuple):
    """One element a fact: whose (int32), the place of its kind (int64), the local days from and to which it was served,
    both included (int32), and fen, negative in a red invoice (int64)."""

    consumer: Int32Array
    kind: Int64Array
    served_from: Int32Array
    served_to: Int32Array
    amount_fen: Int64Array


def expenditure_of(facts: pl.DataFrame, parties: int, window: tuple[int, int]) -> Expenditure:
    """Cut every fact to the window by the cumulative floor over days, both ends inclusive, floor towards minus
    infinity. SettlementRefused: TOTAL_TOO_LARGE where the amounts of all facts together do not fit in 62 bits."""
    magnitude = facts.select(pl.col("amount_fen").cast(pl.Int128).abs().sum()).item() or 0
    if magnitude >= 2**62:
        raise SettlementRefused("TOTAL_TOO_LARGE", "R-SPEND: the amounts of all expenditures do not fit in 62 bits")
    total = np.zeros((len(EXPENDITURE_KINDS), parties), dtype=np.int64)
    on_file = np.zeros((len(EXPENDITURE_KINDS), parties), dtype=np.bool_)
    kinds = pl.DataFrame({"kind": EXPENDITURE_KINDS, "number": range(len(EXPENDITURE_KINDS))})
    number = facts.select("kind").join(kinds, on="kind", how="left", maintain_order="left")["number"]
    columns = _Facts(
        consumer=facts["consumer"].to_numpy(),
        kind=number.cast(pl.Int64).to_numpy(),
        served_from=facts["served_from"].to_numpy(),
        served_to=facts["served_to"].to_numpy(),
        amount_fen=facts["amount_fen"].to_numpy(),
    )
    _add(columns, window[0], window[1], total, on_file)
    return Expenditure(total, on_file)


@kernel
def _add(facts: _Facts, start: Whole, end: Whole, total: Array, on_file: Array) -> None:
    """Add the fen of each fact that fall on the days [start, end) to `total` (int64, kinds x parties)."""
    consumer, kind, served_from, served_to, amount = facts
    for i in range(len(consumer)):
        first, after = np.int64(served_from[i]), np.int64(served_to[i]) + 1
        low, high = max(first, start), min(after, end)
        if low >= high:
            continue
        days = after - first
        # amount * k / days without a wide product: whole days' worth and the rest apart; // floors downwards
        whole = amount[i] // days
        rest = amount[i] - whole * days
        part = whole * (high - low) + (rest * (high - first)) // days - (rest * (low - first)) // days
        total[kind[i], consumer[i]] += part
        on_file[kind[i], consumer[i]] = True
