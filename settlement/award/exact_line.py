"""The award of one line in limbs, whatever its size: the definition that every other way must agree with."""

from __future__ import annotations

import numpy as np
from numba import njit

from settlement.numbers.uint128 import ONE, ZERO, divide, multiply_add, multiply_limbs, multiply_pairs

SIGN = np.uint64(1 << 63)

# How the ratio of a line came about; a step explains it.
NO_USE, OWN_NOT_POSITIVE, GROUP_NOT_POSITIVE, BY_OWN, BY_GROUP, WHOLE = 0, 1, 2, 3, 4, 5


@njit(cache=True, nogil=True, error_model="numpy")
def exact_line(  # type: ignore[no-untyped-def]
    i, charges, covered, all_charges, consumed, supplied, group_consumed, group_supplied, top, bottom, gate, half_up,
    expenditure, base, award, ratio,
):  # fmt: skip
    """Writes line `i` of the last four from the figures before them; `top / bottom` is its rate."""
    spent, part, whole = np.uint64(charges[i]), np.uint64(covered[i]), np.uint64(all_charges[i])
    if part == whole:  # nothing is cut, or there is nothing to cut: 0 charges have an expenditure of 0
        part, whole = ONE, ONE
    s1, s0 = multiply_add(spent, part, ZERO)
    outlay, _ = divide(ZERO, ZERO, ZERO, s1, s0, ZERO, ZERO, ZERO, whole)
    expenditure[i] = np.int64(outlay)
    base[i] = 0
    award[i] = 0
    c1, c0 = consumed[i, 0], consumed[i, 1]
    positive, n1, n0 = _difference(consumed, supplied, i)
    if not positive:
        ratio[i] = OWN_NOT_POSITIVE if c1 != ZERO or c0 != ZERO else NO_USE
        return
    positive, g1, g0 = _difference(group_consumed, group_supplied, i)
    if not positive:
        ratio[i] = GROUP_NOT_POSITIVE
        return
    h1, h0 = group_consumed[i, 0], group_consumed[i, 1]
    how = BY_OWN
    if _less(*multiply_pairs(g1, g0, c1, c0), *multiply_pairs(n1, n0, h1, h0)):
        how, n1, n0, c1, c0 = BY_GROUP, g1, g0, h1, h0
    if gate or (n1 == c1 and n0 == c0):
        how, n1, n0, c1, c0 = WHOLE, ZERO, ONE, ZERO, ONE
    ratio[i] = how
    t3, t2, t1, t0 = multiply_pairs(s1, s0, n1, n0)
    _, _, d2, d1, d0 = multiply_limbs(ZERO, ZERO, c1, c0, whole)
    money, _ = divide(ZERO, t3, t2, t1, t0, ZERO, d2, d1, d0)
    base[i] = np.int64(money)
    paid, half = divide(*multiply_limbs(t3, t2, t1, t0, top), *multiply_limbs(ZERO, d2, d1, d0, bottom)[1:])
    award[i] = np.int64(paid + (ONE if half_up and half else ZERO))


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
