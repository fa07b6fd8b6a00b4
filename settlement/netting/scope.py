"""Which facilities are in the scheme: the outside share of each over the whole window (R-SELF)."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from meter.kernels.kernel import Array, Whole, kernel
from settlement.errors import SettlementRefused
from settlement.netting.rows import Rows
from settlement.numbers.uint128 import ONE, ZERO, UInt64Array, add_pair, multiply_add, scale_pair
from settlement.rounds.readings import Readings

IN_SCHEME, OUTSIDE_SCHEME, IN_DOUBT = np.int8(0), np.int8(1), np.int8(2)


@dataclass(frozen=True)
class FacilityScope:
    """By facility: all platform use in the window, that by non-insiders (pairs, 1/3.6e15 PFLOPS-hour), and `scope`."""

    all_use: UInt64Array
    outside_use: UInt64Array
    scope: npt.NDArray[np.int8]
    used: npt.NDArray[np.bool_]


def scope_of(rows: Rows, inside: npt.NDArray[np.uint8], facilities: int, readings: Readings) -> FacilityScope:
    """Return OUTSIDE_SCHEME where nobody but insiders used it, IN_DOUBT below the hold threshold, else IN_SCHEME.

    Under `use_excluded` parts decide for themselves and every facility is IN_SCHEME.
    """
    all_use = np.zeros((facilities, 2), dtype=np.uint64)
    outside_use = np.zeros((facilities, 2), dtype=np.uint64)
    used = np.zeros(facilities, dtype=np.bool_)
    fits = _add_use(
        rows.facility,
        rows.via_platform,
        rows.millicard_seconds,
        rows.megaflops,
        inside,
        all_use,
        outside_use,
        used,
    )
    if not fits:
        raise SettlementRefused("TOTAL_TOO_LARGE", "R-SELF: the use of one facility does not fit in 126 bits")
    scope = np.zeros(facilities, dtype=np.int8)
    if readings.self_test == "facility":
        # below a threshold of 1/10 means: ten times the outside use is less than one time all use; below 0 is nothing
        below = Fraction(readings.hold_below_external_share)
        times = np.uint64(below.denominator), np.uint64(below.numerator)
        if not _decide(all_use, outside_use, used, *times, scope):
            raise SettlementRefused("TOTAL_TOO_LARGE", "R-SELF: the use of one facility does not fit in 126 bits")
    return FacilityScope(all_use, outside_use, scope, used)


@kernel
def _add_use(
    facility: Array,
    via_platform: Array,
    millicard_seconds: Array,
    megaflops: Array,
    inside: Array,
    all_use: Array,
    outside_use: Array,
    used: Array,
) -> Any:
    fits = True
    for i in range(len(facility)):
        if not via_platform[i]:
            continue
        f = facility[i]
        used[f] = True
        high, low = multiply_add(np.uint64(millicard_seconds[i]), np.uint64(megaflops[i]), ZERO)
        fits &= add_pair(all_use, f, high, low)
        if inside[i] == 0:
            fits &= add_pair(outside_use, f, high, low)
    return fits


@kernel
def _decide(
    all_use: Array, outside_use: Array, used: Array, outside_times: Whole, all_times: Whole, scope: Array
) -> Any:
    everything_fits = True
    for f in range(len(scope)):
        if not used[f]:
            continue
        if outside_use[f, 0] == ZERO and outside_use[f, 1] == ZERO:
            scope[f] = OUTSIDE_SCHEME
        elif all_times >= ONE:
            fits, high, low = scale_pair(outside_use[f, 0], outside_use[f, 1], outside_times)
            all_fit, all_high, all_low = scale_pair(all_use[f, 0], all_use[f, 1], all_times)
            everything_fits &= fits and all_fit
            if high < all_high or (high == all_high and low < all_low):
                scope[f] = IN_DOUBT
    return everything_fits
