"""Kernels that bring groups into the order of their key and add up those of one key; whole numbers only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meter.kernels.kernel import Array, Whole, kernel
from meter.rollup.groups import DAY_BITS

DAY_MASK = (1 << DAY_BITS) - 1


class Held(NamedTuple):
    """Groups as they lie in memory, a key once or several times."""

    keys: NDArray[np.int64]  # (groups,): the number of the series and, in DAY_BITS, the day
    sums: NDArray[np.int64]  # (groups, 4): millicard-seconds, fen, pieces, starts
    laps: NDArray[np.int32]  # (groups, 4): how often sums left int64; (0, 4) when none did
    series: NDArray[np.int64]  # (series, 2): where and what, by the numbers that keys give


class Runs(NamedTuple):
    """Runs of groups of one series, one element each."""

    part: NDArray[np.int32]  # which of the `Held` it lies in
    begin: NDArray[np.int32]
    end: NDArray[np.int32]
    rank: NDArray[np.int32]  # of its series


class Gathered(NamedTuple):
    """The keys, sums and laps of several `Held`, as tuples of one length."""

    keys: tuple[NDArray[np.int64], ...]
    sums: tuple[NDArray[np.int64], ...]
    laps: tuple[NDArray[np.int32], ...]


class LaidOut(NamedTuple):
    """Groups by day and rank of their series, those of one key added up."""

    rank: NDArray[np.int32]  # (groups,)
    sums: NDArray[np.int64]  # (groups, 4)
    laps: NDArray[np.int32]  # (groups, 4): how often each true sum laps 2^64


class Columns(NamedTuple):
    """The columns of a `use` frame; `amounts` (4, rows) holds its four sums."""

    amounts: NDArray[np.int64]
    day: NDArray[np.int32]
    consumer: NDArray[np.int32]
    facility: NDArray[np.int32]
    chip: NDArray[np.int32]
    purpose: NDArray[np.int8]
    via_platform: NDArray[np.bool_]


@kernel
def first_day(keys: Array) -> Whole:
    """Return the first day of any group; of none, a day after all days."""
    first = np.int64(DAY_MASK + 1)
    for group in range(len(keys)):
        day = keys[group] & DAY_MASK
        first = day if day < first else first
    return first


@kernel
def count_by_day(keys: Array, by_day: Array) -> None:
    """Add to `by_day` how many groups each day has."""
    for group in range(len(keys)):
        by_day[np.uint64(keys[group] & DAY_MASK)] += 1


@kernel
def find_runs(
    held: Held, part: Whole, rank_of_series: Array, until: Whole, found: Runs, runs: Whole, left: Held, kept: Whole
) -> tuple[Whole, Whole]:
    """Write where each run of groups of one series begins and ends, its part and its rank, behind `runs` others.

    Sorted entries leave a run for each series and chunk, so only runs need sorting. Groups of days from `until` on are
    in no run: they are copied to `left` behind `kept` others, as groups of a series that is numbered by its rank.
    Returns the numbers of runs and of groups kept.
    """
    keys, sums, laps = held.keys, held.sums, held.laps
    kept_keys, kept_sums, kept_laps = left.keys, left.sums, left.laps
    run_part, run_from, run_to, run_rank = found
    last = np.int64(-1)
    for group in range(len(keys)):
        mine = np.uint64(group)
        key = keys[mine]
        series = key >> DAY_BITS
        if (key & DAY_MASK) >= until:
            to = np.uint64(kept)
            kept_keys[to] = (np.int64(rank_of_series[series]) << DAY_BITS) | (key & DAY_MASK)
            for column in range(4):
                kept_sums[to, column] = sums[mine, column]
            if len(laps):
                for column in range(4):
                    kept_laps[to, column] = laps[mine, column]
            kept += 1
            last = np.int64(-1)
            continue
        if series != last:
            last = series
            run_part[runs] = part
            run_from[runs] = group
            run_rank[runs] = rank_of_series[series]
            runs += 1
        run_to[runs - 1] = group + 1
    return runs, kept


@kernel
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


@kernel
def lay_out(
    ranked: Array, runs: Runs, groups: Gathered, first_day: Whole, ends: Array, laid: LaidOut
) -> tuple[Whole, Whole]:
    """Write groups by day and rank, those of one key added up, each day from where `ends` says; move `ends` there.

    Runs come in order of rank (`ranked`) and each day is filled from its beginning, so both orders are reached while
    memory is read and written nearly in sequence. `laid.laps` is all zero before. Returns how many rows there are and
    how many laps were seen.
    """
    run_part, run_from, run_to, run_rank = runs
    part_keys, part_sums, part_laps = groups
    found_rank, found_sums, found_laps = laid
    met = np.full(len(ends), -1, np.int32)  # the last rank of each day
    rows = np.int64(0)
    lapped = np.int64(0)
    for place in range(len(ranked)):
        run = np.uint64(ranked[place])
        its_rank = run_rank[run]
        part = run_part[run]
        keys, sums, laps = part_keys[part], part_sums[part], part_laps[part]
        for group in range(run_from[run], run_to[run]):
            mine = np.uint64(group)
            its_day = np.uint64((keys[mine] & DAY_MASK) - first_day)
            to = np.uint64(ends[its_day])
            if met[its_day] != its_rank:
                met[its_day] = its_rank
                ends[its_day] += 1
                rows += 1
                found_rank[to] = its_rank
                for column in range(4):
                    found_sums[to, column] = sums[mine, column]
            else:
                to -= np.uint64(1)
                for column in range(4):
                    some = found_sums[to, column]
                    amount = sums[mine, column]
                    after = some + amount
                    found_sums[to, column] = after
                    if ((some ^ after) & (amount ^ after)) < 0:
                        found_laps[to, column] += 1 if amount >= 0 else -1
                        lapped += 1
            if len(laps):
                for column in range(4):
                    found_laps[to, column] += laps[mine, column]
                    lapped += laps[mine, column] != 0
    return rows, lapped


@kernel
def write_columns(
    first_day: Whole, begins: Array, ends: Array, laid: LaidOut, lapped: Whole, series: Array, columns: Columns
) -> Whole:
    """Write what was laid out as columns, without rows that came to nothing; return how many rows that are.

    Day first_day + d lies in begins[d]..ends[d]; `series` (n, 2) int64 gives where and what by rank. The laps of the
    rows written are moved to the front.
    """
    rank, sums, laps = laid
    amounts, day, consumer, facility, chip, purpose, via_platform = columns
    rows = np.uint64(0)
    for its_day in range(len(begins)):
        for place in range(begins[its_day], ends[its_day]):
            row = np.uint64(place)
            nothing = (sums[row, 0] | sums[row, 1] | sums[row, 2] | sums[row, 3]) == 0
            if nothing and lapped:
                nothing = (laps[row, 0] | laps[row, 1] | laps[row, 2] | laps[row, 3]) == 0
            if nothing:
                continue
            for column in range(4):
                amounts[column, rows] = sums[row, column]
            if lapped:
                for column in range(4):
                    laps[rows, column] = laps[row, column]
            its_series = np.uint64(rank[row])
            where = series[its_series, 0]
            what = series[its_series, 1]
            day[rows] = first_day + its_day
            consumer[rows] = where >> 32
            facility[rows] = where & 0xFFFF_FFFF
            chip[rows] = what >> 3
            purpose[rows] = (what >> 1) & 3
            via_platform[rows] = what & 1
            rows += np.uint64(1)
    return np.int64(rows)
