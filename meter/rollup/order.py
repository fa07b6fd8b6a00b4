"""Kernels that bring groups into the order of their key and add up those of one key; whole numbers only."""

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from meter.rollup.split import DAY_BITS

DAY_MASK = (1 << DAY_BITS) - 1

Array: TypeAlias = NDArray[Any]
Whole: TypeAlias = Any  # a 64-bit whole number; numba derives the exact type, which no annotation can say

_cached = njit(cache=True, nogil=True, error_model="numpy")


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _is_nothing(found_sums: Array, found_laps: Array, lapped: Whole, row: Whole) -> Whole:
    """Return 1 when all sums of a row are zero, else 0; of the row before the first, 0."""
    if row < 0 or (found_sums[0, row] | found_sums[1, row] | found_sums[2, row] | found_sums[3, row]) != 0:
        return 0
    if lapped and (found_laps[0, row] | found_laps[1, row] | found_laps[2, row] | found_laps[3, row]) != 0:
        return 0
    return 1


@_cached
def rank_groups(keys: Array, rank_of_kind: Array, rank: Array) -> None:
    """Write the rank of each group's kind to `rank`."""
    for group in range(len(keys)):
        rank[group] = rank_of_kind[keys[group] >> DAY_BITS]


@_cached
def order_groups(keys: Array, rank: Array, ranks: Whole) -> Array:
    """Return the places of groups by day and rank, groups of one key in the order they stand.

    Two counting sorts, by rank and then by day: linear in groups.
    """
    count = len(keys)
    first_day = np.int64(DAY_MASK)
    last_day = np.int64(0)
    for group in range(count):
        day = keys[group] & DAY_MASK
        first_day = min(first_day, day)
        last_day = max(last_day, day)
    by_rank = np.zeros(ranks + 1, np.int64)
    by_day = np.zeros(last_day - first_day + 2 if count else 1, np.int64)
    for group in range(count):
        by_rank[rank[group] + 1] += 1
        by_day[(keys[group] & DAY_MASK) - first_day + 1] += 1
    for place in range(ranks):
        by_rank[place + 1] += by_rank[place]
    for place in range(len(by_day) - 1):
        by_day[place + 1] += by_day[place]
    ranked = np.empty(count, np.int32)
    for group in range(count):
        ranked[by_rank[rank[group]]] = group
        by_rank[rank[group]] += 1
    ordered = np.empty(count, np.int32)
    for place in range(count):
        group = ranked[place]
        day = (keys[group] & DAY_MASK) - first_day
        ordered[by_day[day]] = group
        by_day[day] += 1
    return ordered


@_cached
def combine_groups(
    ordered: Array, keys: Array, kind: Array, sums: Array, laps: Array,
    found_day: Array, found_kind: Array, found_sums: Array, found_laps: Array,
) -> tuple[Whole, Whole]:  # fmt: skip
    """Copy groups in order, those of one key added up and those that came to nothing left out.

    `kind` says for each group which kind it is of over all tables; `found_sums` is (4, rows). `laps` is empty unless a
    sum left int64 on the way; `found_laps` (4, rows), all zero before, says how often each true sum laps 2^64.
    Returns the number of rows and how many amounts and laps were added to one another with a lap.
    """
    rows = np.int64(0)
    lapped = np.int64(0)
    last_day = np.int64(-1)
    last_kind = np.int64(-1)
    for place in range(len(ordered)):
        group = np.uint64(ordered[place])
        day = keys[group] & DAY_MASK
        its_kind = np.int64(kind[group])
        if its_kind == last_kind and day == last_day:
            row = rows - 1
            for column in range(4):
                before = found_sums[column, row]
                amount = sums[group, column]
                after = before + amount
                found_sums[column, row] = after
                if ((before ^ after) & (amount ^ after)) < 0:
                    found_laps[column, row] += 1 if amount >= 0 else -1
                    lapped += 1
        else:
            rows -= _is_nothing(found_sums, found_laps, lapped, rows - 1)
            row = rows
            found_day[row] = day
            found_kind[row] = its_kind
            found_sums[0, row] = sums[group, 0]
            found_sums[1, row] = sums[group, 1]
            found_sums[2, row] = sums[group, 2]
            found_sums[3, row] = sums[group, 3]
            for column in range(4):
                if lapped:  # the row may have been used by a group that came to nothing
                    found_laps[column, row] = 0
            last_day = day
            last_kind = its_kind
            rows += 1
        if len(laps):
            for column in range(4):
                found_laps[column, row] += laps[group, column]
                lapped += laps[group, column] != 0
    rows -= _is_nothing(found_sums, found_laps, lapped, rows - 1)
    return rows, lapped
