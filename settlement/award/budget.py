"""Sharing a budget that is too small by the largest remainder (R-BUDGET)."""

from __future__ import annotations

import numpy as np

from meter.kernels.kernel import Array, Whole, kernel
from settlement.inputs.timeline import Int64Array
from settlement.numbers.uint128 import ZERO, divide, multiply_add


def share_budget(award_fen: Int64Array, budget_fen: int) -> tuple[Int64Array, Int64Array]:
    """Return (payable, odd): what each award is paid, and the odd fen in it (0 or 1). Awards in order of code.

    Enough money: the award. Else floor(award x budget / sum), the odd fen to the largest remainders, ties to the
    smaller code; the sum is exactly the budget.
    """
    total = int(award_fen.sum())
    odd = np.zeros(len(award_fen), dtype=np.int64)
    if total <= budget_fen:
        return award_fen.copy(), odd
    payable = np.empty(len(award_fen), dtype=np.int64)
    remainder = np.empty(len(award_fen), dtype=np.int64)
    _floor_shares(award_fen, np.uint64(budget_fen), np.uint64(total), payable, remainder)
    left = budget_fen - int(payable.sum())
    odd[np.lexsort((np.arange(len(award_fen)), -remainder))[:left]] = 1
    payable += odd
    assert int(payable.sum()) == budget_fen, "the budget is shared to the fen"
    assert bool((payable <= award_fen).all()), "nobody is paid above the award"
    return payable, odd


@kernel
def _floor_shares(award_fen: Array, budget: Whole, total: Whole, payable: Array, remainder: Array) -> None:
    for i in range(len(award_fen)):
        high, low = multiply_add(np.uint64(award_fen[i]), budget, ZERO)
        share, _ = divide((ZERO, ZERO, ZERO, high, low), (ZERO, ZERO, ZERO, total))
        payable[i] = np.int64(share)
        remainder[i] = np.int64(low - share * total)
