"""Kernels that look up kinds and groups in hash tables and add sums to groups; whole numbers only."""

import numpy as np

from meter.kernels.kernel import Array, Whole, kernel

DAY_BITS = 17  # a key is the number of its kind and, in so many low bits, its day

# Why a kernel came back.
DONE = 0
TABLE_FULL = 1
KINDS_FULL = 2

# Places in `counts`, the little ledger that kernel and caller share.
ROW = 0  # the next row, part or group to add
GROUPS = 1  # groups in use
KINDS = 2  # kinds known
WRAPPED = 3  # how often a sum left the range of int64
PARTS = 4  # parts that wait to be added to their groups
SEEN = 5  # means nothing

AHEAD = 64  # parts whose groups are looked for at once

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads neighbouring keys over the table
NEAR_BITS = 4
NEAR = 1 << NEAR_BITS  # days of a kind whose slots lie together; a table has no fewer slots
EMPTY = np.int32(-1)  # a slot without a group
STEP = 17  # to the next slot to try, of other days further on; odd, so that every slot is tried in the end


@kernel(inline=True)
def _spread(key: Whole, mask: Whole) -> Whole:
    """Return the home of a key in a table of mask + 1 places."""
    mixed = np.uint64(key) * MULTIPLIER
    return np.int64((mixed >> np.uint64(32)) & np.uint64(mask))


@kernel(inline=True)
def _home_slot(key: Whole, mask: Whole) -> Whole:
    """Return the home slot of a group: sixteen days of a kind share the 64 bytes that memory is fetched in."""
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

    So the true total is known whatever the order of the rows, and only a total that does not fit is refused.
    """
    before = sums[group, place]
    after = before + amount
    sums[group, place] = after
    if ((before ^ after) & (amount ^ after)) < 0:
        wraps[group, place] += 1 if amount >= 0 else -1
        counts[WRAPPED] += 1


@kernel(inline=True)
def find_kind(where: Whole, what: Whole, kind_slots: Array, kinds: Array, counts: Array) -> Whole:
    """Return the number of the kind (where, what), giving a new one the next number."""
    mask = len(kind_slots) - 1
    slot = _spread(where ^ (what * np.int64(0x2545F4914F6CDD1D)), mask)
    while True:
        kind: Whole = kind_slots[slot]
        if kind == -1:
            kind = np.int32(counts[KINDS])
            kind_slots[slot] = kind
            kinds[kind, 0] = where
            kinds[kind, 1] = what
            counts[KINDS] += 1
            return kind
        if kinds[kind, 0] == where and kinds[kind, 1] == what:
            return kind
        slot = (slot + 1) & mask


@kernel
def add_parts(
    part_keys: Array, part_sums: Array,
    slots: Array, keys: Array, sums: Array, wraps: Array, counts: Array,
) -> Whole:  # fmt: skip
    """Add the parts that wait to their groups, from counts[ROW] on; return why it stopped.

    Memory far away is asked for some parts ahead, so that the wait for one is the wait for all.
    """
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
def add_groups(
    where: Array, what: Array, day: Array, amounts: Array, laps: Array,
    slots: Array, keys: Array, sums: Array, wraps: Array, kind_slots: Array, kinds: Array,
    counts: Array,
) -> Whole:  # fmt: skip
    """Add finished groups (amounts and laps are (rows, 4)) to the table; return why it stopped."""
    most_groups = len(keys)
    most_kinds = len(kinds)
    group = np.int64(-1)
    for row in range(counts[ROW], len(day)):
        if counts[GROUPS] >= most_groups:
            counts[ROW] = row
            return TABLE_FULL
        if counts[KINDS] >= most_kinds:
            counts[ROW] = row
            return KINDS_FULL
        kind = np.int64(find_kind(where[row], what[row], kind_slots, kinds, counts))
        group = _find_group((kind << DAY_BITS) | np.int64(day[row]), group, slots, keys, sums, counts)
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
def place_kinds(kinds: Array, count: Whole, kind_slots: Array) -> None:
    """Enter kinds 0..count-1 in an empty table of kind numbers."""
    mask = len(kind_slots) - 1
    for kind in range(count):
        slot = _spread(kinds[kind, 0] ^ (kinds[kind, 1] * np.int64(0x2545F4914F6CDD1D)), mask)
        while kind_slots[slot] != -1:
            slot = (slot + 1) & mask
        kind_slots[slot] = kind
