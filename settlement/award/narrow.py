"""The award formula for figures of the usual size, exact in two and three limbs where the general way takes five.

Usual means: money below 2**48 fen (2.8 trillion yuan), quantities below 2**104, the rate's parts below 2**15. A float
only guesses a quotient. Below these bounds its error is less than one, so the guess is at most one off; the remainder,
which then lies between minus and twice the divisor, is computed modulo 2**128 or 2**192 without loss and decides.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from settlement.wide import ONE, ZERO, add_carry, high_product, multiply_add, subtract_borrow

MONEY_LIMIT = np.uint64(1 << 48)
HIGH_LIMIT = np.uint64(1 << 40)  # of a quantity's upper limb
RATE_LIMIT = np.uint64(1 << 15)
SIGN = np.uint64(1 << 63)
LIMB = 18446744073709551616.0
NEAR = 2.0**-48  # products of two floats are off by less than 8 * 2**-53 of themselves


@njit(cache=True, nogil=True, error_model="numpy")
def times_quantity(money, n1, n0, c1, c0):  # type: ignore[no-untyped-def]
    """(floor(money * n / c), remainder as two limbs) for 0 <= n <= c and c > 0."""
    guess = float(money) * (as_float(n1, n0) / as_float(c1, c0))
    quotient = np.uint64(np.int64(guess))
    r0, borrow = subtract_borrow(money * n0, quotient * c0, ZERO)
    high = high_product(money, n0) + money * n1
    r1 = high - (high_product(quotient, c0) + quotient * c1) - borrow
    if r1 >= SIGN:
        r0, carry = add_carry(r0, c0, ZERO)
        return quotient - ONE, r1 + c1 + carry, r0
    if r1 > c1 or (r1 == c1 and r0 >= c0):
        r0, borrow = subtract_borrow(r0, c0, ZERO)
        return quotient + ONE, r1 - c1 - borrow, r0
    return quotient, r1, r0


@njit(cache=True, nogil=True, error_model="numpy")
def ratio_below(a1, a0, b1, b0, c1, c0, d1, d0):  # type: ignore[no-untyped-def]
    """(certain, a / b < c / d) for positive quantities; not certain where the floats are too near to each other."""
    left = as_float(a1, a0) * as_float(d1, d0)
    right = as_float(c1, c0) * as_float(b1, b0)
    same = (a1 == c1) & (a0 == c0) & (b1 == d1) & (b0 == d0)
    return same | (abs(left - right) > right * NEAR), left < right


@njit(cache=True, nogil=True, error_model="numpy")
def as_float(high, low):  # type: ignore[no-untyped-def]
    """A quantity as the float next to it or the one after."""
    return float(high) * LIMB + float(low)


@njit(cache=True, nogil=True, error_model="numpy")
def part_of(spent, part, whole):  # type: ignore[no-untyped-def]
    """(floor(spent * part / whole), remainder) for part <= whole and whole > 0."""
    quotient = np.uint64(np.int64(float(spent) * (float(part) / float(whole))))
    rest = spent * part - quotient * whole
    if rest >= SIGN:
        return quotient - ONE, rest + whole
    if rest >= whole:
        return quotient + ONE, rest - whole
    return quotient, rest


@njit(cache=True, nogil=True, error_model="numpy")
def whole_fen(money, top, bottom, rate):  # type: ignore[no-untyped-def]
    """(floor(money * top / bottom), what its remainder lacks to the next) for top <= bottom; `rate` is the float."""
    award = np.uint64(np.int64(float(money) * rate))
    rest = money * top - award * bottom
    if rest >= SIGN:
        return award - ONE, ZERO - rest
    if rest >= bottom:
        return award + ONE, bottom + bottom - rest
    return award, bottom - rest


@njit(cache=True, nogil=True, error_model="numpy")
def times_rate(money, r1, r0, c1, c0, top, bottom, rate):  # type: ignore[no-untyped-def]
    """floor((money + r / c) * top / bottom) for r < c; see `wide.times_ratio`."""
    award, missing = whole_fen(money, top, bottom, rate)
    # nobody can foretell these comparisons, so they are added up instead of branched on
    a0, a1 = r0 * top, high_product(r0, top) + r1 * top
    b0, b1 = c0 * missing, high_product(c0, missing) + c1 * missing
    return award + np.uint64((missing <= top) & ((a1 > b1) | ((a1 == b1) & (a0 >= b0))))


@njit(cache=True, nogil=True, error_model="numpy")
def times_part(outlay, left, whole, n1, n0, c1, c0, top, bottom, rate):  # type: ignore[no-untyped-def]
    """(base, award) of an expenditure of outlay + left / whole fen, for left < whole and 0 < n <= c.

    With outlay * n = q * c + r the base is q + (r * whole + left * n) / (whole * c), whose last part is below two.
    """
    base, r1, r0 = times_quantity(outlay, n1, n0, c1, c0)
    carry, p0 = multiply_add(r0, whole, ZERO)
    p2, p1 = multiply_add(r1, whole, carry)
    carry, s0 = multiply_add(n0, left, ZERO)
    s2, s1 = multiply_add(n1, left, carry)
    p0, carry = add_carry(p0, s0, ZERO)
    p1, carry = add_carry(p1, s1, carry)
    p2 = p2 + s2 + carry
    carry, d0 = multiply_add(c0, whole, ZERO)
    d2, d1 = multiply_add(c1, whole, carry)
    t0, borrow = subtract_borrow(p0, d0, ZERO)
    t1, borrow = subtract_borrow(p1, d1, borrow)
    t2, borrow = subtract_borrow(p2, d2, borrow)
    if borrow == ZERO:
        base += ONE
        p2, p1, p0 = t2, t1, t0
    award, missing = whole_fen(base, top, bottom, rate)
    carry, p0 = multiply_add(p0, top, ZERO)
    carry, p1 = multiply_add(p1, top, carry)
    p2 = p2 * top + carry
    carry, d0 = multiply_add(d0, missing, ZERO)
    carry, d1 = multiply_add(d1, missing, carry)
    d2 = d2 * missing + carry
    _, borrow = subtract_borrow(p0, d0, ZERO)
    _, borrow = subtract_borrow(p1, d1, borrow)
    _, borrow = subtract_borrow(p2, d2, borrow)
    return base, award + np.uint64((missing <= top) & (borrow == ZERO))
