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
def find_runs(
    keys: Array, low: Whole, high: Whole, rank_of_kind: Array, runs: Whole, run_from: Array, run_rank: Array
) -> Whole:
    """Write where each run of groups of one kind in low..high begins, and its rank, behind `runs` others.

    Sorted entries leave a run for each kind and chunk, so only runs need sorting. Returns the number of runs.
    """
    last = np.int64(-1)
    for group in range(low, high):
        kind = keys[group] >> DAY_BITS
        if kind != last:
            last = kind
            run_from[runs] = group
            run_rank[runs] = rank_of_kind[kind]
            runs += 1
    run_from[runs] = high
    return runs


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
    """Write the places of runs by rank, those of one rank in the order they stand, to `ranked`; a counting sort."""
    by_rank = np.zeros(ranks + 1, np.int64)
    for run in range(len(rank)):
        by_rank[rank[run] + 1] += 1
    for place in range(ranks):
        by_rank[place + 1] += by_rank[place]
    for run in range(len(rank)):
        ranked[by_rank[rank[run]]] = run
        by_rank[rank[run]] += 1


@_cached
def count_by_day(ranked: Array, run_from: Array, run_rank: Array, keys: Array) -> tuple[Whole, Array]:
    """Return the first day, and where the rows of each day from it on begin, equal keys counted once; the end last.

    Runs come in order of rank (`ranked`).
    """
    first_day = np.int64(DAY_MASK)
    last_day = np.int64(-1)
    for group in range(len(keys)):
        day = keys[group] & DAY_MASK
        first_day = day if day < first_day else first_day
        last_day = day if day > last_day else last_day
    days = last_day - first_day + 1 if last_day >= first_day else 0
    begins = np.zeros(days + 1, np.int64)
    met = np.full(days + 1, -1, np.int32)  # the last rank of each day
    for place in range(len(ranked)):
        run = np.uint64(ranked[place])
        its_rank = run_rank[run]
        for group in range(run_from[run], run_from[run + np.uint64(1)]):
            its_day = np.uint64((keys[np.uint64(group)] & DAY_MASK) - first_day)
            if met[its_day] != its_rank:
                met[its_day] = its_rank
                begins[its_day + np.uint64(1)] += 1
    for day in range(len(begins) - 1):
        begins[day + 1] += begins[day]
    return first_day, begins


@_cached
def lay_out(
    ranked: Array, run_from: Array, run_rank: Array, keys: Array, sums: Array, laps: Array,
    first_day: Whole, begins: Array, found_rank: Array, found_sums: Array, found_laps: Array,
) -> Whole:  # fmt: skip
    """Write groups by day and rank, those of one key added up.

    Runs come in order of rank (`ranked`) and each day is filled from its beginning, so both orders are reached while
    memory is read and written nearly in sequence. `laps` is empty unless a sum left int64 on the way; `found_laps`,
    all zero before, says how often each true sum laps 2^64. `found_sums` and `found_laps` are (4, rows).
    Returns how many laps were seen.
    """
    fills = begins.copy()
    lapped = np.int64(0)
    for place in range(len(ranked)):
        run = np.uint64(ranked[place])
        its_rank = run_rank[run]
        for group in range(run_from[run], run_from[run + np.uint64(1)]):
            mine = np.uint64(group)
            its_day = np.uint64((keys[mine] & DAY_MASK) - first_day)
            to = np.uint64(fills[its_day])
            before = to - np.uint64(1)
            if fills[its_day] > begins[its_day] and found_rank[before] == its_rank:
                to = before
                for column in range(4):
                    some = found_sums[column, to]
                    amount = sums[mine, column]
                    after = some + amount
                    found_sums[column, to] = after
                    if ((some ^ after) & (amount ^ after)) < 0:
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
    return lapped


@_cached
def drop_nothing(begins: Array, lapped: Whole, found_rank: Array, found_sums: Array, found_laps: Array) -> None:
    """Close the gaps that rows which came to nothing leave; `begins` is kept right."""
    rows = np.int64(0)
    begin = begins[0]
    for day in range(len(begins) - 1):
        end = begins[day + 1]
        for row in range(begin, end):
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
            rows += 1
        begin = end
        begins[day + 1] = rows


@_cached
def write_keys(
    first_day: Whole, begins: Array, rank: Array, kinds: Array,
    day: Array, consumer: Array, facility: Array, chip: Array, purpose: Array, via_platform: Array,
) -> None:  # fmt: skip
    """Write the columns of the key of each row, from its day and the kind of its rank."""
    for its_day in range(len(begins) - 1):
        day[begins[its_day] : begins[its_day + 1]] = first_day + its_day
    for row in range(begins[-1]):
        kind = np.uint64(rank[row])
        where = kinds[kind, 0]
        what = kinds[kind, 1]
        consumer[row] = where >> 32
        facility[row] = where & 0xFFFF_FFFF
        chip[row] = what >> 3
        purpose[row] = (what >> 1) & 3
        via_platform[row] = what & 1
