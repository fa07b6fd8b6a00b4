"""The award formula over all lines at once: exact rationals in limbs, one floor (R-NET, R-SPEND, R-CAP20, R-ROUND)."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from numba import njit

from settlement.award.certain import award_lines, usual_rate
from settlement.award.exact_line import exact_line
from settlement.inputs.timeline import Int64Array
from settlement.numbers.uint128 import UInt64Array

BoolArray = npt.NDArray[np.bool_]
LINES_A_THREAD = 100_000


@dataclass(frozen=True)
class Figures:
    """Per-line figures in: charges in fen, `covered_fen` = the part of all charges that evidence and public support
    leave (0 <= covered <= all), quantities as pairs of one unit, `rate` as the index into the rates."""

    charges_fen: Int64Array
    covered_fen: Int64Array
    all_charges_fen: Int64Array
    consumed: UInt64Array
    supplied: UInt64Array
    group_consumed: UInt64Array
    group_supplied: UInt64Array
    rate: npt.NDArray[np.int8]


@dataclass(frozen=True)
class Amounts:
    """Per-line figures out, in fen and floored once each; `ratio` says how the ratio came about."""

    eligible_expenditure_fen: Int64Array
    base_fen: Int64Array
    award_fen: Int64Array
    ratio: npt.NDArray[np.int8]


def award(figures: Figures, rates: list[Fraction], *, gate: bool, half_up: bool) -> Amounts:
    """award = floor(rate x charges x covered / all x min(net / consumed, group net / group consumed)).

    `gate`: any positive nets give the ratio 1. `half_up`: round the award half up. Quantities below 2**126, charges
    below 2**62, rates with numerator and denominator below 2**63 (and not above 1).
    """
    count = len(figures.charges_fen)
    fen = np.empty((3, count), dtype=np.int64)  # one piece of memory, which the system hands out faster than three
    amounts = Amounts(fen[0], fen[1], fen[2], np.empty(count, dtype=np.int8))
    tops = np.array([rate.numerator for rate in rates], dtype=np.uint64)
    bottoms = np.array([rate.denominator for rate in rates], dtype=np.uint64)
    proven = not half_up and all(map(usual_rate, rates))

    def part(low: int, high: int) -> None:
        given = (
            figures.charges_fen,
            figures.covered_fen,
            figures.all_charges_fen,
            figures.consumed,
            figures.supplied,
            figures.group_consumed,
            figures.group_supplied,
            figures.rate,
            tops,
            bottoms,
            gate,
        )
        found = (amounts.eligible_expenditure_fen, amounts.base_fen, amounts.award_fen, amounts.ratio)
        if proven:
            award_lines(low, high, *given, *found)
        else:
            _in_limbs(low, high, *given, half_up, *found)

    # Every line stands alone, so any cut gives the same bytes; the kernel runs without the interpreter's lock.
    threads = min(len(os.sched_getaffinity(0)), -(-count // LINES_A_THREAD))
    if threads <= 1:
        part(0, count)
        return amounts
    cuts = [count * place // threads for place in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, cuts[:-1], cuts[1:]))  # the list raises what a part raised
    return amounts


@njit(cache=True, nogil=True, error_model="numpy")
def _in_limbs(  # type: ignore[no-untyped-def]
    from_line, to_line, charges, covered, all_charges, consumed, supplied, group_consumed, group_supplied, rate,
    tops, bottoms, gate, half_up, expenditure, base, award, ratio,
):  # fmt: skip
    for i in range(from_line, to_line):
        exact_line(
            i, charges, covered, all_charges, consumed, supplied, group_consumed, group_supplied,
            tops[rate[i]], bottoms[rate[i]], gate, half_up, expenditure, base, award, ratio,
        )  # fmt: skip
