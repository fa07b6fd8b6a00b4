"""Kernels that bring groups into the order of their key and add up those of one key; whole numbers only."""

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

from meter.rollup.groups import DAY_BITS

DAY_MASK = (1 << DAY_BITS) - 1

Array: TypeAlias = NDArray[Any]
Whole: TypeAlias = Any  # a 64-bit whole number; numba derives the exact type, which no annotation can say

_cached = njit(cache=True, nogil=True, error_model="numpy")


@_cached
def rank_groups(keys: Array, rank_of_kind: Array, rank: Array) -> None:
    """Write the rank of each group's kind to `rank`."""
    for group in range(len(keys)):
        rank[group] = rank_of_kind[keys[group] >> DAY_BITS]


@_cached
def first_day(keys: Array) -> Whole:
    """Return the first day of any group; of none, a day after all days."""
    first = np.int64(DAY_MASK)
    for group in range(len(keys)):
        day = keys[group] & DAY_MASK
        first = day if day < first else first
    return first


@_cached
def order_by_rank(rank: Array, ranks: Whole, ranked: Array) -> None:
    """Write the places of groups by rank, those of one rank in the order they stand, to `ranked`; a counting sort."""
    by_rank = np.zeros(ranks + 1, np.int64)
    for group in range(len(rank)):
        by_rank[rank[group] + 1] += 1
    for place in range(ranks):
        by_rank[place + 1] += by_rank[place]
    for group in range(len(rank)):
        ranked[by_rank[rank[group]]] = group
        by_rank[rank[group]] += 1


@_cached
def count_by_day(ranked: Array, keys: Array, rank: Array) -> tuple[Whole, Array]:
    """Return the first day, and where the rows of each day from it on begin, equal keys counted once; the end last.

    Groups come in order of rank (`ranked`).
    """
    first_day = np.int64(DAY_MASK)
    last_day = np.int64(0)
    for group in range(len(ranked)):
        day = keys[group] & DAY_MASK
        first_day = day if day < first_day else first_day
        last_day = day if day > last_day else last_day
    days = last_day - first_day + 1 if len(ranked) else 0
    begins = np.zeros(days + 1, np.int64)
    met = np.full(days + 1, -1, np.int64)  # the last rank of each day
    for place in range(len(ranked)):
        mine = np.uint64(ranked[place])
        its_day = np.uint64((keys[mine] & DAY_MASK) - first_day)
        if met[its_day] != rank[mine]:
            met[its_day] = rank[mine]
            begins[its_day + np.uint64(1)] += 1
    for day in range(days):
        begins[day + 1] += begins[day]
    return first_day, begins


@_cached
def lay_out(
    ranked: Array, keys: Array, rank: Array, sums: Array, laps: Array, first_day: Whole, begins: Array,
    found_day: Array, found_rank: Array, found_sums: Array, found_laps: Array,
) -> tuple[Whole, Whole]:  # fmt: skip
    """Write groups by day and rank, those of one key added up and those that came to nothing left out.

    Groups come in order of rank (`ranked`) and each day is filled from its beginning, so both orders are reached while
    memory is read and written nearly in sequence. `laps` is empty unless a sum left int64 on the way; `found_laps`,
    all zero before, says how often each true sum laps 2^64. `found_sums` and `found_laps` are (4, rows).
    Returns the number of rows and of laps that were seen.
    """
    fills = begins.copy()
    lapped = np.int64(0)
    for place in range(len(ranked)):
        mine = np.uint64(ranked[place])
        its_day = np.int64((keys[mine] & DAY_MASK) - first_day)
        its_rank = rank[mine]
        to = np.int64(fills[its_day])
        if to > begins[its_day] and found_rank[to - 1] == its_rank:
            to -= 1
            for column in range(4):
                before = found_sums[column, to]
                amount = sums[mine, column]
                after = before + amount
                found_sums[column, to] = after
                if ((before ^ after) & (amount ^ after)) < 0:
                    found_laps[column, to] += 1 if amount >= 0 else -1
                    lapped += 1
        else:
            found_rank[to] = its_rank
            found_sums[0, to] = sums[mine, 0]
            found_sums[1, to] = sums[mine, 1]
            found_sums[2, to] = sums[mine, 2]
            found_sums[3, to] = sums[mine, 3]
            fills[its_day] += 1
        if len(laps):
            for column in range(4):
                found_laps[column, to] += laps[mine, column]
                lapped += laps[mine, column] != 0

    rows = np.int64(0)
    for day in range(len(begins) - 1):
        for row in range(begins[day], begins[day + 1]):
            nothing = found_sums[2, row] == 0  # hardly ever: only then the rest is looked at
            if nothing:
                nothing = (found_sums[0, row] | found_sums[1, row] | found_sums[3, row]) == 0
                if nothing and lapped:
                    nothing = (found_laps[0, row] | found_laps[1, row] | found_laps[2, row] | found_laps[3, row]) == 0
            if nothing:
                continue
            if rows < row:
                found_rank[rows] = found_rank[row]
                for column in range(4):
                    found_sums[column, rows] = found_sums[column, row]
                if lapped:
                    for column in range(4):
                        found_laps[column, rows] = found_laps[column, row]
            found_day[rows] = first_day + day
            rows += 1
    return rows, lapped
