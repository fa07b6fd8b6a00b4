"""The award formula over all lines at once: exact rationals in limbs, one floor (R-NET, R-SPEND, R-CAP20, R-ROUND)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from numba import njit

from settlement.award.narrow import (
    HIGH_LIMIT,
    MONEY_LIMIT,
    RATE_LIMIT,
    part_of,
    ratio_below,
    times_part,
    times_quantity,
    times_rate,
)
from settlement.timeline import Int64Array
from settlement.wide import (
    ONE,
    ZERO,
    UInt64Array,
    divide,
    divide_rest,
    multiply_add,
    multiply_pairs,
    times_ratio,
)

BoolArray = npt.NDArray[np.bool_]
SIGN = np.uint64(1 << 63)
LINES_A_THREAD = 100_000
THREADS_MOST = 4

# How the ratio of a line came about; a step explains it.
NO_USE, OWN_NOT_POSITIVE, GROUP_NOT_POSITIVE, BY_OWN, BY_GROUP, WHOLE = 0, 1, 2, 3, 4, 5


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

    def part(low: int, high: int) -> None:
        _award(
            low,
            high,
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
            tops / bottoms,
            gate,
            half_up,
            amounts.eligible_expenditure_fen,
            amounts.base_fen,
            amounts.award_fen,
            amounts.ratio,
        )

    # Every line stands alone, so any cut gives the same bytes; the kernel runs without the interpreter's lock.
    threads = min(THREADS_MOST, -(-count // LINES_A_THREAD))
    if threads <= 1:
        part(0, count)
        return amounts
    cuts = [count * place // threads for place in range(threads + 1)]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(part, cuts[:-1], cuts[1:]))  # the list raises what a part raised
    return amounts


@njit(cache=True, nogil=True, error_model="numpy")
def _less(a3, a2, a1, a0, b3, b2, b1, b0):  # type: ignore[no-untyped-def]
    if a3 != b3:
        return a3 < b3
    if a2 != b2:
        return a2 < b2
    if a1 != b1:
        return a1 < b1
    return a0 < b0


@njit(cache=True, nogil=True, error_model="numpy")
def _difference(a, b, i):  # type: ignore[no-untyped-def]
    """a[i] - b[i] as (positive, high, low)."""
    low = a[i, 1] - b[i, 1]
    high = a[i, 0] - b[i, 0] - (ONE if a[i, 1] < b[i, 1] else ZERO)
    return (high < SIGN) & ((high != ZERO) | (low != ZERO)), high, low


@njit(cache=True, nogil=True, error_model="numpy")
def _award(  # type: ignore[no-untyped-def]
    from_line, to_line, charges, covered, all_charges, consumed, supplied, group_consumed, group_supplied, rate,
    rate_top, rate_bottom, rate_guess,
    gate, half_up, expenditure, base, award, ratio,
):  # fmt: skip
    for i in range(from_line, to_line):
        spent, part, whole = np.uint64(charges[i]), np.uint64(covered[i]), np.uint64(all_charges[i])
        if part == whole:  # nothing is cut, or there is nothing to cut: 0 charges have an expenditure of 0
            part, whole = ONE, ONE
        guess = rate_guess[rate[i]]
        top, bottom = rate_top[rate[i]], rate_bottom[rate[i]]
        c1, c0 = consumed[i, 0], consumed[i, 1]
        usual = (
            (spent < MONEY_LIMIT) & (whole < MONEY_LIMIT) & (bottom < RATE_LIMIT)
            & (top <= bottom) & (c1 < HIGH_LIMIT) & (group_consumed[i, 0] < HIGH_LIMIT)
        )  # fmt: skip
        outlay, left = spent * part, ZERO  # where there is a whole to be a part of, this is done over
        if whole != ONE:
            outlay, left = part_of(spent, part, whole) if usual else _share(spent, part, whole)
        expenditure[i] = np.int64(outlay)
        base[i] = 0
        award[i] = 0
        positive, n1, n0 = _difference(consumed, supplied, i)
        if not positive:
            ratio[i] = OWN_NOT_POSITIVE if c1 != ZERO or c0 != ZERO else NO_USE
            continue
        group_positive, g1, g0 = _difference(group_consumed, group_supplied, i)
        if not group_positive:
            ratio[i] = GROUP_NOT_POSITIVE
            continue
        h1, h0 = group_consumed[i, 0], group_consumed[i, 1]
        certain, less = ratio_below(g1, g0, h1, h0, n1, n0, c1, c0)
        if not certain:
            less = _ratio_below(g1, g0, h1, h0, n1, n0, c1, c0)
        n1, n0 = g1 if less else n1, g0 if less else n0
        c1, c0 = h1 if less else c1, h0 if less else c0
        whole_ratio = gate | ((n1 == c1) & (n0 == c0))
        how = WHOLE if whole_ratio else BY_GROUP if less else BY_OWN
        if gate:
            n1, n0, c1, c0 = ZERO, ONE, ZERO, ONE
        ratio[i] = how
        if not usual or half_up:
            money, paid = _in_limbs(spent, part, whole, n1, n0, c1, c0, top, bottom, half_up)
        elif whole == ONE:
            money, r1, r0 = times_quantity(outlay, n1, n0, c1, c0)
            paid = times_rate(money, r1, r0, c1, c0, top, bottom, guess)
        else:
            money, paid = times_part(outlay, left, whole, n1, n0, c1, c0, top, bottom, guess)
        base[i] = np.int64(money)
        award[i] = np.int64(paid)


@njit(cache=True, nogil=True, error_model="numpy")
def _ratio_below(a1, a0, b1, b0, c1, c0, d1, d0):  # type: ignore[no-untyped-def]
    """Whether a / b < c / d, for positive quantities of any size."""
    if a1 == c1 and a0 == c0 and b1 == d1 and b0 == d0:
        return False
    return _less(*multiply_pairs(a1, a0, d1, d0), *multiply_pairs(c1, c0, b1, b0))


@njit(cache=True, nogil=True, error_model="numpy")
def _share(spent, part, whole):  # type: ignore[no-untyped-def]
    """(floor(spent * part / whole), remainder) of any size."""
    high, low = multiply_add(spent, part, ZERO)
    outlay, _, _, left = divide_rest(ZERO, ZERO, high, low, ZERO, ZERO, whole)
    return outlay, left


@njit(cache=True, nogil=True, error_model="numpy")
def _in_limbs(spent, part, whole, n1, n0, c1, c0, top, bottom, half_up):  # type: ignore[no-untyped-def]
    """(base, award) of figures of any size."""
    s1, s0 = multiply_add(spent, part, ZERO)
    t3, t2, t1, t0 = multiply_pairs(s1, s0, n1, n0)
    carry, d0 = multiply_add(c0, whole, ZERO)
    d2, d1 = multiply_add(c1, whole, carry)
    money, r2, r1, r0 = divide_rest(t3, t2, t1, t0, d2, d1, d0)
    if not half_up:
        return money, times_ratio(money, r2, r1, r0, d2, d1, d0, top, bottom)
    carry, t0 = multiply_add(t0, top, ZERO)
    carry, t1 = multiply_add(t1, top, carry)
    carry, t2 = multiply_add(t2, top, carry)
    t4, t3 = multiply_add(t3, top, carry)
    carry, d0 = multiply_add(d0, bottom, ZERO)
    carry, d1 = multiply_add(d1, bottom, carry)
    d3, d2 = multiply_add(d2, bottom, carry)
    paid, half = divide(t4, t3, t2, t1, t0, d3, d2, d1, d0)
    return money, paid + ONE if half else paid
