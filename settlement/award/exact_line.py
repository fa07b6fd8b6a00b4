"""The award of one line in integers of several limbs, whatever its size: one floor for each of its amounts."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from meter.kernels.kernel import Array, Whole, kernel
from settlement.inputs.timeline import Int64Array
from settlement.numbers.uint128 import ONE, ZERO, UInt64Array, divide, multiply_add, multiply_limbs, multiply_pairs

SIGN = np.uint64(1 << 63)

# How the ratio of a line came about; a step explains it.
NO_USE, OWN_NOT_POSITIVE, GROUP_NOT_POSITIVE, BY_OWN, BY_GROUP, WHOLE = 0, 1, 2, 3, 4, 5


class Figures(NamedTuple):
    """What the formula takes, one element a line.

    Money is in fen, below 2**62, with 0 <= covered <= all; `covered_fen` is the part of all charges that evidence and
    public support leave. Quantities are pairs, shape (lines, 2), below 2**126, all in one unit.
    """

    charges_fen: Int64Array
    covered_fen: Int64Array
    all_charges_fen: Int64Array
    consumed: UInt64Array
    supplied: UInt64Array
    group_consumed: UInt64Array
    group_supplied: UInt64Array
    rate: npt.NDArray[np.int8]  # the place of the line's rate in `Rates`


class Rates(NamedTuple):
    """Rates as fractions, not above 1: numerators and denominators below 2**63."""

    top: UInt64Array
    bottom: UInt64Array


class Amounts(NamedTuple):
    """What the formula gives, one element a line, in fen and floored once each; `ratio` says how the ratio came about
    (NO_USE to WHOLE)."""

    eligible_expenditure_fen: Int64Array
    base_fen: Int64Array
    award_fen: Int64Array
    ratio: npt.NDArray[np.int8]


@kernel(inline=True)  # as a call, the columns would be handed over anew for every line: a fifth slower
def exact_line(i: Whole, figures: Figures, rates: Rates, gate: bool, half_up: bool, amounts: Amounts) -> None:
    """Write line `i` of `amounts`. `gate`: any positive nets give the ratio 1; `half_up`: round the award half up."""
    spent, part = np.uint64(figures.charges_fen[i]), np.uint64(figures.covered_fen[i])
    whole = np.uint64(figures.all_charges_fen[i])
    if part == whole:  # nothing is cut, or there is nothing to cut: 0 charges have an expenditure of 0
        part, whole = ONE, ONE
    s1, s0 = multiply_add(spent, part, ZERO)
    outlay, _ = divide((ZERO, ZERO, ZERO, s1, s0), (ZERO, ZERO, ZERO, whole))
    amounts.eligible_expenditure_fen[i] = np.int64(outlay)
    amounts.base_fen[i] = 0
    amounts.award_fen[i] = 0
    c1, c0 = figures.consumed[i, 0], figures.consumed[i, 1]
    positive, n1, n0 = _difference(figures.consumed, figures.supplied, i)
    if not positive:
        amounts.ratio[i] = OWN_NOT_POSITIVE if c1 != ZERO or c0 != ZERO else NO_USE
        return
    positive, g1, g0 = _difference(figures.group_consumed, figures.group_supplied, i)
    if not positive:
        amounts.ratio[i] = GROUP_NOT_POSITIVE
        return
    h1, h0 = figures.group_consumed[i, 0], figures.group_consumed[i, 1]
    how = BY_OWN
    if _less(multiply_pairs(g1, g0, c1, c0), multiply_pairs(n1, n0, h1, h0)):
        how, n1, n0, c1, c0 = BY_GROUP, g1, g0, h1, h0
    if gate or (n1 == c1 and n0 == c0):
        how, n1, n0, c1, c0 = WHOLE, ZERO, ONE, ZERO, ONE
    amounts.ratio[i] = how
    t3, t2, t1, t0 = multiply_pairs(s1, s0, n1, n0)
    _, _, d2, d1, d0 = multiply_limbs(ZERO, ZERO, c1, c0, whole)
    money, _ = divide((ZERO, t3, t2, t1, t0), (ZERO, d2, d1, d0))
    amounts.base_fen[i] = np.int64(money)
    top, bottom = rates.top[figures.rate[i]], rates.bottom[figures.rate[i]]
    paid, half = divide(multiply_limbs(t3, t2, t1, t0, top), multiply_limbs(ZERO, d2, d1, d0, bottom)[1:])
    amounts.award_fen[i] = np.int64(paid + (ONE if half_up and half else ZERO))


@kernel
def _less(a: Any, b: Any) -> bool:
    """Return whether a < b; both are four limbs, most significant first."""
    if a[0] != b[0]:
        return bool(a[0] < b[0])
    if a[1] != b[1]:
        return bool(a[1] < b[1])
    if a[2] != b[2]:
        return bool(a[2] < b[2])
    return bool(a[3] < b[3])


@kernel
def _difference(a: Array, b: Array, i: Whole) -> tuple[bool, Whole, Whole]:
    """Return a[i] - b[i] as (positive, high, low); a and b are pairs, shape (lines, 2)."""
    low = a[i, 1] - b[i, 1]
    high = a[i, 0] - b[i, 0] - (ONE if a[i, 1] < b[i, 1] else ZERO)
    return (high < SIGN) & ((high != ZERO) | (low != ZERO)), high, low
