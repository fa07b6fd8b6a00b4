"""Blocks of lines at once, in vector registers: floats find a fen, and it stands only where it is proven to be right.

A floor is proven where the figure lies further from the whole numbers around it than the float can be wrong. All other
lines are in doubt and are computed in limbs (`exact_line`); so are those with amounts beyond `MONEY`.

The proof. Let u = 2**-53. A quantity below 2**126 becomes a float off by at most 2u of itself, a ratio of two by
5u, an expenditure (a whole number and a fraction below one) by 2u, the base by 8u, the award by 10u, the rate's own
rounding included. `NEAR` is 32u. Whole numbers stay whole: expenditures and quantities are checked in integers, and so
is the award of a base that is a whole number.

Each loop below touches few arrays: the compiler vectorises a loop only if it can tell that none overlap.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numba import njit

from settlement.award.exact_line import (
    BY_GROUP,
    BY_OWN,
    GROUP_NOT_POSITIVE,
    NO_USE,
    OWN_NOT_POSITIVE,
    SIGN,
    WHOLE,
    exact_line,
)
from settlement.numbers.uint128 import ONE, ZERO

MONEY = np.uint64(1 << 48)  # fen, 2.8 trillion yuan
RATE = 1 << 15  # the parts of a rate
TWO = np.uint64(2)
NEAR = 2.0**-48
LIMB = 18446744073709551616.0
BELOW_ONE = 1.0 - 2.0**-53
NO_NET, UNUSED = -1.0, -2.0  # instead of a ratio
UNKNOWN = np.nan  # instead of an amount
BLOCK = 2048  # lines, whose scratch figures fit the second cache


def usual_rate(rate: Fraction) -> bool:
    """Whether the proof covers this rate."""
    return 0 <= rate <= 1 and rate.denominator < RATE


@njit(cache=True, nogil=True, error_model="numpy")
def award_lines(  # type: ignore[no-untyped-def]
    from_line, to_line, charges, covered, all_charges, consumed, supplied, group_consumed, group_supplied, rate,
    tops, bottoms, gate, expenditure, base, award, ratio,
):  # fmt: skip
    """Writes the lines from `from_line` to `to_line` of the last four; how many of them were computed in limbs."""
    own, of_group, spent, net_spent = np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK), np.empty(BLOCK)
    parts = np.empty(2 * BLOCK, dtype=np.int64)
    apart, doubt = np.empty(BLOCK, dtype=np.uint64), np.empty(BLOCK, dtype=np.int64)
    # flat, because only then the compiler knows how far apart the limbs are
    used, given = consumed.reshape(consumed.size), supplied.reshape(supplied.size)
    group_used, group_given = group_consumed.reshape(group_consumed.size), group_supplied.reshape(group_supplied.size)
    in_limbs = 0
    for start in range(from_line, to_line, BLOCK):
        count = min(BLOCK, to_line - start)
        _net_ratios(start, count, used, given, gate, own)
        _net_ratios(start, count, group_used, group_given, gate, of_group)
        _differences(start, count, used, given, group_used, group_given, apart)
        _expenditures(start, count, charges, covered, all_charges, expenditure, spent)
        _bases(start, count, spent, own, of_group, base, net_spent)
        for k in range(count):
            parts[2 * k], parts[2 * k + 1] = tops[rate[start + k]], bottoms[rate[start + k]]
        _awards(start, count, net_spent, parts, award, doubt)
        _codes(start, count, own, of_group, apart, ratio, doubt)
        for k in range(count):
            if doubt[k]:
                in_limbs += 1
                exact_line(
                    start + k, charges, covered, all_charges, consumed, supplied, group_consumed, group_supplied,
                    np.uint64(parts[2 * k]), np.uint64(parts[2 * k + 1]), gate, False, expenditure, base, award, ratio,
                )  # fmt: skip
    return in_limbs


@njit(cache=True, nogil=True, error_model="numpy")
def _net_ratios(start, count, used, given, gate, ratios):  # type: ignore[no-untyped-def]
    """(used - given) / used; 1.0 means exactly 1."""
    start = np.uint64(start)
    for k in range(np.uint64(count)):
        i = start + k
        high, low = TWO * i, TWO * i + ONE
        c1, c0 = used[high], used[low]
        n0 = c0 - given[low]
        n1 = c1 - given[high] - (ONE if c0 < given[low] else ZERO)
        positive = (n1 < SIGN) & ((n1 | n0) != ZERO)
        ratio = _as_float(n1, n0) / _as_float(c1, c0)
        ratio = ratio if ratio < BELOW_ONE else BELOW_ONE
        ratio = 1.0 if gate | ((n1 == c1) & (n0 == c0)) else ratio
        ratio = ratio if positive else NO_NET
        ratios[k] = ratio if (c1 | c0) != ZERO else UNUSED


@njit(cache=True, nogil=True, error_model="numpy")
def _as_float(high, low):  # type: ignore[no-untyped-def]
    """A quantity as a float."""
    return float(np.int64(high)) * LIMB + float(low)


@njit(cache=True, nogil=True, error_model="numpy")
def _differences(start, count, a, b, c, d, apart):  # type: ignore[no-untyped-def]
    """0 where a = c and b = d."""
    start = np.uint64(start)
    for k in range(np.uint64(count)):
        i = start + k
        high, low = TWO * i, TWO * i + ONE
        apart[k] = (a[high] ^ c[high]) | (a[low] ^ c[low]) | (b[high] ^ d[high]) | (b[low] ^ d[low])


@njit(cache=True, nogil=True, error_model="numpy")
def _expenditures(start, count, charges, covered, all_charges, expenditure, spent):  # type: ignore[no-untyped-def]
    """Floors of charges * covered / all; `spent` with the fraction, negative where there is none."""
    start = np.uint64(start)
    for k in range(np.uint64(count)):
        i = start + k
        money, part, whole = np.uint64(charges[i]), np.uint64(covered[i]), np.uint64(all_charges[i])
        uncut = part == whole
        part, whole = ONE if uncut else part, ONE if uncut else whole
        usual = (money < MONEY) & (whole < MONEY)
        money, whole = money if usual else ZERO, whole if usual else ONE
        guess = np.int64(float(money) * (float(part) / float(whole)))  # at most one off
        rest = np.int64(money * part - np.uint64(guess) * whole)  # modulo 2**64: it lies between -whole and 2 * whole
        wide = np.int64(whole)
        up, down = rest >= wide, rest < 0
        floor = guess + (1 if up else 0) - (1 if down else 0)
        rest = rest - (wide if up else 0) + (wide if down else 0)
        expenditure[i] = floor
        value = float(floor) + float(rest) / float(wide)
        value = value if rest != 0 else -value
        spent[k] = value if usual else UNKNOWN


@njit(cache=True, nogil=True, error_model="numpy")
def _bases(start, count, spent, own, of_group, base, net_spent):  # type: ignore[no-untyped-def]
    """Floors of spent * the smaller ratio; `net_spent` with the fraction, negative where there is none."""
    start = np.uint64(start)
    for k in range(np.uint64(count)):
        mine, ours = own[k], of_group[k]
        smaller = ours if ours < mine else mine
        known = spent[k] == spent[k]
        whole = ((spent[k] <= 0.0) & (smaller == 1.0)) | (smaller < 0.0)
        value = abs(spent[k]) * smaller
        value = value if known & (smaller > 0.0) else 0.0
        floor = np.int64(value)
        rest, near = value - float(floor), value * NEAR
        certain = known & (whole | ((rest > near) & (1.0 - rest > near)))
        base[start + k] = floor
        value = -value if whole else value
        net_spent[k] = value if certain else UNKNOWN


@njit(cache=True, nogil=True, error_model="numpy")
def _awards(start, count, net_spent, parts, award, doubt):  # type: ignore[no-untyped-def]
    """Floors of net_spent * rate, and whether a line is in doubt."""
    start = np.uint64(start)
    for k in range(np.uint64(count)):
        top, bottom = parts[TWO * k], parts[TWO * k + ONE]
        known, whole = net_spent[k] == net_spent[k], net_spent[k] <= 0.0
        money = abs(net_spent[k]) if known else 0.0
        value = money * (float(top) / float(bottom))
        floor = np.int64(value)
        rest, near = value - float(floor), value * NEAR
        left = np.int64(money) * top - floor * bottom
        proven = (left >= 0) & (left < bottom) if whole else (rest > near) & (1.0 - rest > near)
        award[start + k] = floor
        doubt[k] = 0 if known & proven else 1


@njit(cache=True, nogil=True, error_model="numpy")
def _codes(start, count, own, of_group, apart, ratio, doubt):  # type: ignore[no-untyped-def]
    """How each ratio came about; in doubt where two ratios are near to each other without being of the same figures."""
    start = np.uint64(start)
    for k in range(np.uint64(count)):
        mine, ours = own[k], of_group[k]
        by_group = ours < mine
        code = BY_GROUP if by_group else BY_OWN
        code = WHOLE if (ours if by_group else mine) == 1.0 else code
        code = code if ours > 0.0 else GROUP_NOT_POSITIVE
        code = code if mine > 0.0 else OWN_NOT_POSITIVE
        ratio[start + k] = code if mine != UNUSED else NO_USE
        told = (apart[k] == ZERO) | (abs(mine - ours) > mine * NEAR) | (mine <= 0.0) | (ours <= 0.0)
        doubt[k] = doubt[k] if told else 1
