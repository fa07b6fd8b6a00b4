"""Kernels that look up series and groups in hash tables and add sums to groups; whole numbers only."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from meter.kernels.kernel import Array, Whole, kernel

DAY_BITS = 17  # a key is the number of its series and, in so many low bits, its day

# Why a kernel came back.
DONE = 0
TABLE_FULL = 1
SERIES_FULL = 2

# Places in `counts`, the little ledger that kernel and caller share.
ROW = 0  # the next row, part or group to add
GROUPS = 1  # groups in use
SERIES = 2  # series known
WRAPPED = 3  # how often a sum left the range of int64
PARTS = 4  # parts that wait to be added to their groups
SEEN = 5  # means nothing

AHEAD = 64  # parts whose groups are looked for at once

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads neighbouring keys over the table
NEAR_BITS = 4
NEAR = 1 << NEAR_BITS  # days of a series whose slots lie together; a table has no fewer slots
EMPTY = np.int32(-1)  # a slot without a group
STEP = 17  # to the next slot to try, of other days further on; odd, so that every slot is tried in the end


class Parts(NamedTuple):
    """Parts of entries that wait to be added to their groups."""

    keys: NDArray[np.int64]  # (parts,)
    sums: NDArray[np.int64]  # (4 * parts,): millicard-seconds, fen, pieces and starts of one after the other


class Groups(NamedTuple):
    """Groups in a hash table, numbered as they come."""

    slots: NDArray[np.int32]  # (a power of two,): the number of a group, or EMPTY
    keys: NDArray[np.int64]  # (groups,)
    sums: NDArray[np.int64]  # (groups, 4): millicard-seconds, fen, pieces, starts
    wraps: NDArray[np.int32]  # (groups, 4): how often a sum left int64


class Series(NamedTuple):
    """Series in a hash table, numbered as they come. `where` is consumer and facility, `what` chip, purpose and
    via_platform, each packed in an int64."""

    slots: NDArray[np.int32]  # (a power of two,): the number of a series, or -1
    keys: NDArray[np.int64]  # (series, 2): where, what


class Finished(NamedTuple):
    """Groups that are added up already, one a row; `laps` is empty when no sum left int64."""

    where: NDArray[np.int64]
    what: NDArray[np.int64]
    day: NDArray[np.int32]
    amounts: NDArray[np.int64]  # (rows, 4): millicard-seconds, fen, pieces, starts
    laps: NDArray[np.int32]  # (rows, 4) or (0, 4)


@kernel(inline=True)
def _spread(key: Whole, mask: Whole) -> Whole:
    """Return the home of a key in a table of mask + 1 places."""
    mixed = np.uint64(key) * MULTIPLIER
    return np.int64((mixed >> np.uint64(32)) & np.uint64(mask))


@kernel(inline=True)
def _home_slot(key: Whole, mask: Whole) -> Whole:
    """Return the home slot of a group: sixteen days of a series share the 64 bytes that memory is fetched in."""
    within = np.int64(NEAR - 1)
    return (_spread(key >> NEAR_BITS, mask) & ~within) | ((key + (key >> DAY_BITS)) & within)


@kernel(inline=True)
def _find_group(key: Whole, near: Whole, slots: Array, keys: Array, sums: Array, counts: Array) -> Whole:
    """Return the number of the group `key`, giving a new one the next number; looks first right behind `near`.

    Groups are numbered as they come, so of sorted rows the next day's group mostly stands behind this day's.
    """
    if near + 1 < counts[GROUPS] and keys[near + 1] == key:
        return near + 1
    mask = len(slots) - 1
    slot = _home_slot(key, mask)
    while slots[slot] != EMPTY:
        group = np.int64(slots[slot])
        if keys[group] == key:
            return group
        slot = (slot + STEP) & mask
    group = counts[GROUPS]
    slots[slot] = group
    keys[group] = key
    for place in range(4):
        sums[group, place] = 0
    counts[GROUPS] += 1
    return group


@kernel(inline=True)
def _add(sums: Array, wraps: Array, counts: Array, group: Whole, place: Whole, amount: Whole) -> None:
    """Add to one sum; a sum that leaves int64 goes on modulo 2^64 and the lap is counted in `wraps`.

    So the true total is known whatever the order of the rows, and however large it is.
    """
    before = sums[group, place]
    after = before + amount
    sums[group, place] = after
    if ((before ^ after) & (amount ^ after)) < 0:
        wraps[group, place] += 1 if amount >= 0 else -1
        counts[WRAPPED] += 1


@kernel(inline=True)
def find_series(where: Whole, what: Whole, known: Series, counts: Array) -> Whole:
    """Return the number of the series (where, what), giving a new one the next number."""
    mask = len(known.slots) - 1
    slot = _spread(where ^ (what * np.int64(0x2545F4914F6CDD1D)), mask)
    while True:
        series: Whole = known.slots[slot]
        if series == -1:
            series = np.int32(counts[SERIES])
            known.slots[slot] = series
            known.keys[series, 0] = where
            known.keys[series, 1] = what
            counts[SERIES] += 1
            return series
        if known.keys[series, 0] == where and known.keys[series, 1] == what:
            return series
        slot = (slot + 1) & mask


@kernel
def add_parts(waiting: Parts, table: Groups, counts: Array) -> Whole:
    """Add the parts that wait to their groups, from counts[ROW] on; return why it stopped.

    Memory far away is asked for some parts ahead, so that the wait for one is the wait for all.
    """
    part_keys, part_sums = waiting.keys, waiting.sums
    slots, keys, sums, wraps = table
    most_groups = len(keys)
    mask = len(slots) - 1
    ahead = np.empty(AHEAD, np.int32)
    seen = np.int64(0)
    group = np.int64(-1)
    low = np.int64(counts[ROW])
    parts = np.int64(counts[PARTS])
    while low < parts:
        high = min(low + AHEAD, parts)
        for part in range(low, high):
            ahead[part - low] = slots[_home_slot(part_keys[part], mask)]
        for place in range(high - low):
            seen ^= sums[max(ahead[place], np.int32(0)), 0]
        for part in range(low, high):
            if counts[GROUPS] >= most_groups:
                counts[ROW] = part
                return TABLE_FULL
            group = _find_group(part_keys[part], group, slots, keys, sums, counts)
            at = np.uint64(4 * part)
            _add(sums, wraps, counts, group, 0, part_sums[at])
            _add(sums, wraps, counts, group, 1, part_sums[at + np.uint64(1)])
            sums[group, 2] += part_sums[at + np.uint64(2)]  # a number of rows
            sums[group, 3] += part_sums[at + np.uint64(3)]
        low = high
    counts[PARTS] = 0
    counts[SEEN] = seen  # so that no compiler leaves the looking ahead out
    return DONE


@kernel
def add_groups(finished: Finished, table: Groups, known: Series, counts: Array) -> Whole:
    """Add finished groups to the table; return why it stopped."""
    where, what, day, amounts, laps = finished
    slots, keys, sums, wraps = table
    most_groups = len(keys)
    most_series = len(known.keys)
    group = np.int64(-1)
    for row in range(counts[ROW], len(day)):
        if counts[GROUPS] >= most_groups:
            counts[ROW] = row
            return TABLE_FULL
        if counts[SERIES] >= most_series:
            counts[ROW] = row
            return SERIES_FULL
        series = np.int64(find_series(where[row], what[row], known, counts))
        group = _find_group((series << DAY_BITS) | np.int64(day[row]), group, slots, keys, sums, counts)
        for place in range(4):
            _add(sums, wraps, counts, group, place, amounts[row, place])
        if len(laps) > 0:
            for place in range(4):
                wraps[group, place] += laps[row, place]
                counts[WRAPPED] += laps[row, place] != 0
    counts[ROW] = len(day)
    return DONE


@kernel
def place_groups(keys: Array, count: Whole, slots: Array) -> None:
    """Enter groups 0..count-1 in empty slots."""
    mask = len(slots) - 1
    for group in range(count):
        slot = _home_slot(keys[group], mask)
        while slots[slot] != EMPTY:
            slot = (slot + STEP) & mask
        slots[slot] = group


@kernel
def place_series(known: Series, count: Whole) -> None:
    """Enter series 0..count-1 in an empty table of their numbers."""
    mask = len(known.slots) - 1
    for series in range(count):
        slot = _spread(known.keys[series, 0] ^ (known.keys[series, 1] * np.int64(0x2545F4914F6CDD1D)), mask)
        while known.slots[slot] != -1:
            slot = (slot + 1) & mask
        known.slots[slot] = series
