"""Kernels that bring groups into the order of their key and add up those of one key; whole numbers only."""

import numpy as np

from meter.kernels.kernel import Array, Whole, kernel
from meter.rollup.groups import DAY_BITS

DAY_MASK = (1 << DAY_BITS) - 1


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
    keys: Array, sums: Array, laps: Array, part: Whole, rank_of_kind: Array, until: Whole,
    runs: Whole, run_part: Array, run_from: Array, run_to: Array, run_rank: Array,
    kept: Whole, kept_keys: Array, kept_sums: Array, kept_laps: Array,
) -> tuple[Whole, Whole]:  # fmt: skip
    """Write where each run of groups of one kind begins and ends, its part and its rank, behind `runs` others.

    Sorted entries leave a run for each kind and chunk, so only runs need sorting. Groups of days from `until` on are in
    no run: they are copied behind `kept` others, as groups of a kind that is numbered by its rank. Returns the numbers
    of runs and of groups kept. `laps` may be empty.
    """
    last = np.int64(-1)
    for group in range(len(keys)):
        mine = np.uint64(group)
        key = keys[mine]
        kind = key >> DAY_BITS
        if (key & DAY_MASK) >= until:
            to = np.uint64(kept)
            kept_keys[to] = (np.int64(rank_of_kind[kind]) << DAY_BITS) | (key & DAY_MASK)
            for column in range(4):
                kept_sums[to, column] = sums[mine, column]
            if len(laps):
                for column in range(4):
                    kept_laps[to, column] = laps[mine, column]
            kept += 1
            last = np.int64(-1)
            continue
        if kind != last:
            last = kind
            run_part[runs] = part
            run_from[runs] = group
            run_rank[runs] = rank_of_kind[kind]
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
    ranked: Array, run_part: Array, run_from: Array, run_to: Array, run_rank: Array,
    part_keys: tuple[Array, ...], part_sums: tuple[Array, ...], part_laps: tuple[Array, ...],
    first_day: Whole, ends: Array, found_rank: Array, found_sums: Array, found_laps: Array,
) -> tuple[Whole, Whole]:  # fmt: skip
    """Write groups by day and rank, those of one key added up, each day from where `ends` says; move `ends` there.

    Runs come in order of rank (`ranked`) and each day is filled from its beginning, so both orders are reached while
    memory is read and written nearly in sequence. Laps are empty unless a sum left int64 on the way; `found_laps`,
    all zero before, says how often each true sum laps 2^64. Returns how many rows there are and how many laps were
    seen.
    """
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
    first_day: Whole, begins: Array, ends: Array, rank: Array, sums: Array, laps: Array, lapped: Whole, kinds: Array,
    amounts: Array, day: Array, consumer: Array, facility: Array, chip: Array, purpose: Array, via_platform: Array,
) -> Whole:  # fmt: skip
    """Write what was laid out as columns, without rows that came to nothing; return how many rows that are.

    The laps of the rows written are moved to the front of `laps`.
    """
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
            kind = np.uint64(rank[row])
            where = kinds[kind, 0]
            what = kinds[kind, 1]
            day[rows] = first_day + its_day
            consumer[rows] = where >> 32
            facility[rows] = where & 0xFFFF_FFFF
            chip[rows] = what >> 3
            purpose[rows] = (what >> 1) & 3
            via_platform[rows] = what & 1
            rows += np.uint64(1)
    return np.int64(rows)
