"""The award formula over all lines at once: exact rationals in limbs, one floor (R-NET, R-SPEND, R-CAP20, R-ROUND)."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction

import numpy as np

from meter.kernels.kernel import Whole, kernel
from settlement.award.exact_line import Amounts, Figures, Rates, exact_line

LINES_A_THREAD = 100_000


def award(figures: Figures, rates: list[Fraction], *, gate: bool, half_up: bool) -> Amounts:
    """Return award = floor(rate x charges x covered / all x min(net / consumed, group net / group consumed)).

    `gate`: any positive nets give the ratio 1. `half_up`: round the award half up. `Figures` and `Rates` state the
    bounds of what goes in.
    """
    count = len(figures.charges_fen)
    fen = np.empty((3, count), dtype=np.int64)  # one piece of memory, which the system hands out faster than three
    amounts = Amounts(fen[0], fen[1], fen[2], np.empty(count, dtype=np.int8))
    fractions = Rates(
        np.array([rate.numerator for rate in rates], dtype=np.uint64),
        np.array([rate.denominator for rate in rates], dtype=np.uint64),
    )

    def part(low: int, high: int) -> None:
        _award_lines(low, high, figures, fractions, gate, half_up, amounts)

    # Every line stands alone, so any cut gives the same bytes; the kernel runs without the interpreter's lock.
    threads = min(len(os.sched_getaffinity(0)), -(-count // LINES_A_THREAD))
    if threads <= 1:
        part(0, count)
        return amounts
    cuts = [count * place // threads for place in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, cuts[:-1], cuts[1:]))  # the list raises what a part raised
    return amounts


@kernel
def _award_lines(
    low: Whole, high: Whole, figures: Figures, rates: Rates, gate: bool, half_up: bool, amounts: Amounts
) -> None:
    """Write the lines [low, high) of `amounts`."""
    for i in range(low, high):
        exact_line(i, figures, rates, gate, half_up, amounts)
