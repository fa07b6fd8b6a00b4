"""Exact integers wider than 64 bits for the kernels, as limbs: two for quantities, up to five for products."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
import polars as pl
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from meter.kernels.kernel import Array, Whole, kernel

# A quantity is a pair (high, low) of uint64, in two's complement where it can be negative. Sums stay below 2**126,
# so that a sum of two never wraps: whoever adds checks against this bound and the settlement is refused beyond it.
HIGH_LIMIT = np.uint64(1 << 62)

UInt64Array = npt.NDArray[np.uint64]
ZERO = np.uint64(0)
ONE = np.uint64(1)


@intrinsic
def _high_product(typing_context: Any, a: Any, b: Any) -> Any:  # noqa: ARG001 (numba's protocol)
    """Return the upper 64 bits of the product of two uint64."""
    signature = types.uint64(types.uint64, types.uint64)

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        wide = ir.IntType(128)
        product = builder.mul(builder.zext(arguments[0], wide), builder.zext(arguments[1], wide))
        return builder.trunc(builder.lshr(product, ir.Constant(wide, 64)), ir.IntType(64))

    return signature, generate


def _plain_high_product(a: Any, b: Any) -> Any:
    """Return the same where nothing is compiled."""
    return np.uint64(int(a) * int(b) >> 64)


high_product: Any = _plain_high_product if numba.config.DISABLE_JIT else _high_product


@kernel
def multiply_add(a: Whole, b: Whole, carry: Whole) -> Any:
    """Return a * b + carry as (high, low); never overflows."""
    low = a * b + carry
    high = high_product(a, b)
    if low < carry:
        high += ONE
    return high, low


@kernel
def add_carry(a: Whole, b: Whole, carry: Whole) -> Any:
    """Return a + b + carry (0 or 1) as (sum, carry)."""
    total = a + b
    out = ONE if total < a else ZERO
    total += carry
    if total < carry:
        out = ONE
    return total, out


@kernel
def subtract_borrow(a: Whole, b: Whole, borrow: Whole) -> Any:
    """Return a - b - borrow (0 or 1) as (difference, borrow)."""
    difference = a - b
    out = ONE if a < b else ZERO
    if difference < borrow:
        out = ONE
    return difference - borrow, out


@kernel
def add_pair(target: Array, at: Whole, high: Whole, low: Whole) -> Any:
    """Add (high, low) to target[at]; False where the sum leaves the bound."""
    before = target[at, 1]
    total = before + low
    target[at, 1] = total
    target[at, 0] += high + (ONE if total < before else ZERO)
    return target[at, 0] < HIGH_LIMIT


@kernel
def scale_pair(high: Whole, low: Whole, factor: Whole) -> Any:
    """Return (high, low) * factor as (fits, high, low); fits is False at or beyond 2**126."""
    carry, low_out = multiply_add(low, factor, ZERO)
    top, high_out = multiply_add(high, factor, carry)
    return (top == ZERO) & (high_out < HIGH_LIMIT), high_out, low_out


@kernel
def multiply_pairs(a1: Whole, a0: Whole, b1: Whole, b0: Whole) -> Any:
    """Return (a1, a0) * (b1, b0) as four limbs, most significant first."""
    c, r0 = multiply_add(a0, b0, ZERO)
    p2, p1 = multiply_add(a1, b0, c)
    c, r1 = multiply_add(a0, b1, p1)
    r3, r2 = multiply_add(a1, b1, c)
    r2, carry = add_carry(r2, p2, ZERO)
    return r3 + carry, r2, r1, r0


@kernel
def multiply_limbs(a3: Whole, a2: Whole, a1: Whole, a0: Whole, factor: Whole) -> Any:
    """Return (a3, a2, a1, a0) * factor as five limbs, most significant first."""
    carry, r0 = multiply_add(a0, factor, ZERO)
    carry, r1 = multiply_add(a1, factor, carry)
    carry, r2 = multiply_add(a2, factor, carry)
    r4, r3 = multiply_add(a3, factor, carry)
    return r4, r3, r2, r1, r0


@kernel
def as_float(n4: Whole, n3: Whole, n2: Whole, n1: Whole, n0: Whole) -> Any:
    """Return a near enough float of five limbs: only ever a first guess that exact arithmetic then corrects."""
    base = 18446744073709551616.0  # float: 2^64; only ever a first guess
    return (((float(n4) * base + float(n3)) * base + float(n2)) * base + float(n1)) * base + float(n0)


@kernel
def divide(n: Any, d: Any) -> tuple[Whole, bool]:
    """Return (floor(n / d), whether twice the remainder reaches d) for a quotient below 2**62 and d > 0.

    `n` is five limbs and `d` four, most significant first. The float only guesses; the remainder decides in exact
    limbs and the guess is moved until 0 <= remainder < d.
    """
    n4, n3, n2, n1, n0 = n
    d3, d2, d1, d0 = d
    if n4 == ZERO and n3 == ZERO and n2 == ZERO and n1 == ZERO and d3 == ZERO and d2 == ZERO and d1 == ZERO:
        quotient = n0 // d0
        rest = n0 - quotient * d0
        return quotient, rest >= d0 - rest
    divisor = as_float(ZERO, d3, d2, d1, d0)
    quotient = np.uint64(np.int64(as_float(n4, n3, n2, n1, n0) / divisor))
    while True:
        p4, p3, p2, p1, p0 = multiply_limbs(d3, d2, d1, d0, quotient)
        r0, borrow = subtract_borrow(n0, p0, ZERO)
        r1, borrow = subtract_borrow(n1, p1, borrow)
        r2, borrow = subtract_borrow(n2, p2, borrow)
        r3, borrow = subtract_borrow(n3, p3, borrow)
        r4, borrow = subtract_borrow(n4, p4, borrow)
        if borrow != ZERO:  # the guess was too high: r is negative, so take the distance p - n
            m0, borrow = subtract_borrow(p0, n0, ZERO)
            m1, borrow = subtract_borrow(p1, n1, borrow)
            m2, borrow = subtract_borrow(p2, n2, borrow)
            m3, borrow = subtract_borrow(p3, n3, borrow)
            m4, borrow = subtract_borrow(p4, n4, borrow)
            quotient -= max(ONE, np.uint64(np.int64(as_float(m4, m3, m2, m1, m0) / divisor)))
            continue
        less = r4 == ZERO and (
            r3 < d3 or (r3 == d3 and (r2 < d2 or (r2 == d2 and (r1 < d1 or (r1 == d1 and r0 < d0)))))
        )
        if less:
            s0, borrow = subtract_borrow(d0, r0, ZERO)
            s1, borrow = subtract_borrow(d1, r1, borrow)
            s2, borrow = subtract_borrow(d2, r2, borrow)
            s3, borrow = subtract_borrow(d3, r3, borrow)
            half = r3 > s3 or (r3 == s3 and (r2 > s2 or (r2 == s2 and (r1 > s1 or (r1 == s1 and r0 >= s0)))))
            return quotient, half
        quotient += max(ONE, np.uint64(np.int64(as_float(r4, r3, r2, r1, r0) / divisor)))


def int128(pairs: UInt64Array, name: str) -> pl.Series:
    """Return a column of (high, low) pairs, shape (n, 2), as one Int128 series."""
    high = pl.Series(np.ascontiguousarray(pairs[:, 0]).view(np.int64)).cast(pl.Int128)
    low = pl.Series(np.ascontiguousarray(pairs[:, 1])).cast(pl.Int128)
    shift = pl.Series([1 << 64], dtype=pl.Int128)
    return (high * shift + low).alias(name)
