"""Kernels that split records over local days and add the parts up in hash tables; whole numbers only."""

from typing import Any, TypeAlias

import numpy as np
from numba import njit
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
Whole: TypeAlias = Any  # a 64-bit whole number; numba derives the exact type, which no annotation can say

# Bounds that intake guarantees; a row outside them is refused again here, because the sums rest on them.
EARLIEST = 946_656_000  # 2000-01-01T00:00:00+08:00
LATEST = 4_102_416_000 + 10 * 366 * 86_400  # ten years after the end of 2099
LONGEST_SECONDS = 10 * 366 * 86_400
MOST_MILLICARDS = 10**9
MOST_FEN = 10**15

UTC_PLUS_8 = 28_800
DAY_SECONDS = 86_400

DAY_BITS = 17  # a key is the number of its kind and, in so many low bits, its day

# Why a kernel came back.
DONE = 0
TABLE_FULL = 1
KINDS_FULL = 2
BAD_ROW = 3

# Places in `counts`, the little ledger that kernel and caller share.
ROW = 0  # the next row to add
GROUPS = 1  # groups in use
KINDS = 2  # kinds known
WRAPPED = 3  # how often a sum left the range of int64

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio: spreads neighbouring keys over the table
EMPTY = np.int32(-1)  # a slot without a group
STEP = 17  # to the next slot to try, of other days further on; odd, so that every slot is tried in the end

BLOCK_ROWS = 4096  # looked at together before they are added up; small enough to stay in the cache
SAFE_QUANTITY = 2**62 // BLOCK_ROWS  # of one row, so that a block of them cannot overflow (charges never can)
PLAIN_FEN = 2**34  # charges below this, times the seconds of ten years, fit int64

_cached = njit(cache=True, nogil=True, error_model="numpy")
_inlined = njit(cache=True, nogil=True, error_model="numpy", inline="always")


@_inlined
def _spread(key: Whole, mask: Whole) -> Whole:
    """Return the home of a key in a table of mask + 1 places."""
    mixed = np.uint64(key) * MULTIPLIER
    return np.int64((mixed >> np.uint64(32)) & np.uint64(mask))


@_inlined
def _home_slot(key: Whole, mask: Whole) -> Whole:
    """Return the home slot of a group: sixteen days of a kind share the 64 bytes that memory is fetched in."""
    return (_spread(key >> 4, mask) & ~np.int64(15)) | ((key + (key >> DAY_BITS)) & 15)


@_inlined
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


@_inlined
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


@_inlined
def _find_kind(where: Whole, what: Whole, kind_slots: Array, kinds: Array, counts: Array) -> Whole:
    """Return the number of the kind (where, what), giving a new one the next number."""
    mask = len(kind_slots) - 1
    slot = _spread(where ^ (what * np.int64(0x2545F4914F6CDD1D)), mask)
    while True:
        kind = kind_slots[slot]
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


@_inlined
def _charged(charge: Whole, elapsed: Whole, length: Whole) -> Whole:
    """Return floor(charge * elapsed / length), 0 <= elapsed <= length; no product leaves int64 (rule R-WIN)."""
    if charge < PLAIN_FEN:
        return np.int64(np.uint64(charge * elapsed) // np.uint64(length))
    whole = charge // length
    rest = charge - whole * length
    return whole * elapsed + np.int64(np.uint64(rest * elapsed) // np.uint64(length))


@_cached
def _survey(
    consumer: Array, facility: Array, chip: Array, millicards: Array, started: Array, ended: Array, charge_fen: Array,
    purpose: Array, via_platform: Array, sign: Array, changed: Array,
) -> Whole:  # fmt: skip
    """Mark in `changed` where rows leave the kind of the row before; return the largest quantity a row may have, -1
    when one breaks a limit of intake.

    Simple loops over one or two columns each, because those are the ones that compilers turn into vector code.
    """
    first_start = started[0]
    last_end = ended[0]
    shortest = ended[0] - started[0]
    longest = shortest
    for row in range(len(started)):
        start = started[row]
        end = ended[row]
        length = end - start
        first_start = start if start < first_start else first_start
        last_end = end if end > last_end else last_end
        shortest = length if length < shortest else shortest
        longest = length if length > longest else longest
    fewest = millicards[0]
    most = millicards[0]
    least = charge_fen[0]
    dearest = charge_fen[0]
    for row in range(len(started)):
        cards = millicards[row]
        charge = charge_fen[row]
        fewest = cards if cards < fewest else fewest
        most = cards if cards > most else most
        least = charge if charge < least else least
        dearest = charge if charge > dearest else dearest
    ids = np.int32(0)
    for row in range(len(started)):
        ids |= consumer[row] | facility[row] | chip[row]
    codes = np.uint8(0)
    for row in range(len(started)):
        codes |= np.uint8(np.uint8(purpose[row]) > np.uint8(2)) | np.uint8(sign[row] * sign[row] != 1)
    changed[0] = 1
    for row in range(1, len(started)):
        changed[row] = (
            (consumer[row] ^ consumer[row - 1]) | (facility[row] ^ facility[row - 1]) | (chip[row] ^ chip[row - 1])
        ) != 0
    for row in range(1, len(started)):
        changed[row] |= np.uint8(purpose[row] ^ purpose[row - 1]) | (via_platform[row] ^ via_platform[row - 1])
    if (
        first_start < EARLIEST or last_end > LATEST or shortest < 0 or longest > LONGEST_SECONDS
        or fewest < 0 or most > MOST_MILLICARDS or least < 0 or dearest > MOST_FEN or ids < 0 or codes != 0
    ):  # fmt: skip
        return np.int64(-1)
    return most * longest


@_cached
def find_bad_row(
    consumer: Array, facility: Array, chip: Array, millicards: Array, started: Array, ended: Array, charge_fen: Array,
    purpose: Array, via_platform: Array, sign: Array,
) -> Whole:  # fmt: skip
    """Return the first row that breaks a limit of intake, -1 when none does."""
    changed = np.empty(2, np.uint8)
    for row in range(len(started)):
        till = row + 1
        if _survey(
            consumer[row:till], facility[row:till], chip[row:till], millicards[row:till], started[row:till],
            ended[row:till], charge_fen[row:till], purpose[row:till], via_platform[row:till], sign[row:till], changed,
        ) < 0:  # fmt: skip
            return row
    return -1


@_cached
def add_entries(
    consumer: Array, facility: Array, chip: Array, millicards: Array, started: Array, ended: Array, charge_fen: Array,
    purpose: Array, via_platform: Array, sign: Array,
    cut_from: Whole, cut_to: Whole, where_mask: Whole, what_mask: Whole, by_day: bool,
    slots: Array, keys: Array, sums: Array, wraps: Array, kind_slots: Array, kinds: Array,
    counts: Array,
) -> Whole:  # fmt: skip
    """Add the parts of rows counts[ROW].. inside [cut_from, cut_to) to the table; return why it stopped.

    A kind is (consumer, facility) and (chip, purpose, via_platform), each packed in an int64 and masked; a group is a
    kind and a day (day 0 unless `by_day`). Rows of one kind that start on one day share a group as long as they follow
    one another, so sorted rows are hardly ever looked up. The charge of a part is the difference of two floors.
    """
    most_groups = len(keys)
    most_kinds = len(kinds)
    changed = np.empty(BLOCK_ROWS, np.uint8)
    where = np.int64(-1)
    what = np.int64(-1)
    kind = np.int64(0)
    group = np.int64(0)
    day = np.int64(0)
    day_from = np.int64(0)  # the day of the group at hand, as instants; empty before the first row
    day_until = np.int64(0)
    within_from = np.int64(0)  # the same inside the cut
    within_to = np.int64(0)
    why = DONE
    row = np.int64(counts[ROW])
    rows = np.int64(len(started))
    while row < rows and why == DONE:
        low = row
        high = min(low + BLOCK_ROWS, rows)
        largest = _survey(
            consumer[low:high], facility[low:high], chip[low:high], millicards[low:high], started[low:high],
            ended[low:high], charge_fen[low:high], purpose[low:high], via_platform[low:high], sign[low:high], changed,
        )  # fmt: skip
        if largest < 0:
            why = BAD_ROW
            break
        if largest > SAFE_QUANTITY:  # a block of such rows could overflow a running sum: put every row away at once
            changed[: high - low] = 1
        run_quantity = np.int64(0)  # what the rows at hand add to the group at hand
        run_fen = np.int64(0)
        run_pieces = np.int64(0)
        run_starts = np.int64(0)
        while row < high:
            at = np.uint64(row)  # numba looks for negative places unless the type rules them out
            start = started[at]
            end = ended[at]
            same = changed[np.uint64(row - low)] == 0
            if same & (start >= within_from) & (start < within_to) & (end <= within_to):
                counted = np.int64(sign[at])
                run_quantity += counted * millicards[at] * (end - start)
                run_fen += counted * charge_fen[at]
                run_pieces += counted
                run_starts += counted
                row += 1
                continue

            if (not same) | (start < day_from) | (start >= day_until):
                _add(sums, wraps, counts, group, 0, run_quantity)
                _add(sums, wraps, counts, group, 1, run_fen)
                sums[group, 2] += run_pieces
                sums[group, 3] += run_starts
                run_quantity = np.int64(0)
                run_fen = np.int64(0)
                run_pieces = np.int64(0)
                run_starts = np.int64(0)
                if counts[GROUPS] >= most_groups:
                    why = TABLE_FULL
                    break
                if counts[KINDS] >= most_kinds:
                    why = KINDS_FULL
                    break
                its_where = ((np.int64(consumer[at]) << 32) | np.int64(facility[at])) & where_mask
                its_what = (
                    (np.int64(chip[at]) << 3) | (np.int64(purpose[at]) << 1) | np.int64(via_platform[at])
                ) & what_mask
                if its_where != where or its_what != what:
                    kind = np.int64(_find_kind(its_where, its_what, kind_slots, kinds, counts))
                    where = its_where
                    what = its_what
                day_from = np.int64(-(2**62))
                day_until = np.int64(2**62)
                if by_day:
                    day = (start + UTC_PLUS_8) // DAY_SECONDS
                    day_from = day * DAY_SECONDS - UTC_PLUS_8
                    day_until = day_from + DAY_SECONDS
                within_from = max(day_from, cut_from)
                within_to = min(day_until, cut_to)
                group = _find_group((kind << DAY_BITS) | day, group, slots, keys, sums, counts)

            cards = millicards[at]
            charge = charge_fen[at]
            counted = np.int64(sign[at])
            length = end - start
            if (start >= within_from) & (start < within_to) & (end <= within_to):
                run_quantity += counted * cards * length
                run_fen += counted * charge
                run_pieces += counted
                run_starts += counted
                row += 1
                continue

            # The row reaches over midnight or over the edge of the cut.
            first = max(start, cut_from)
            last = min(end, cut_to)
            if first >= last:
                row += 1
                continue
            last_day = (last - 1 + UTC_PLUS_8) // DAY_SECONDS if by_day else np.int64(0)
            if counts[GROUPS] + (last_day - day) >= most_groups:
                why = TABLE_FULL
                break
            charged = np.int64(0)
            if first > start:
                charged = _charged(charge, first - start, length)
            until = min(last, day_until)
            if first < until:  # the part on the day of the group at hand
                through = _charged(charge, until - start, length)
                run_quantity += counted * cards * (until - first)
                run_fen += counted * (through - charged)
                run_pieces += counted
                run_starts += counted if first == start else 0
                first = until
                charged = through
            its_day = day
            part = group
            while first < last:
                its_day = (first + UTC_PLUS_8) // DAY_SECONDS if its_day == day else its_day + 1
                until = min(last, (its_day + 1) * DAY_SECONDS - UTC_PLUS_8)
                through = charge
                if until < end:
                    through = _charged(charge, until - start, length)
                part = _find_group((kind << DAY_BITS) | its_day, part, slots, keys, sums, counts)
                _add(sums, wraps, counts, part, 0, counted * cards * (until - first))
                _add(sums, wraps, counts, part, 1, counted * (through - charged))
                sums[part, 2] += counted
                first = until
                charged = through
            row += 1
        _add(sums, wraps, counts, group, 0, run_quantity)
        _add(sums, wraps, counts, group, 1, run_fen)
        sums[group, 2] += run_pieces
        sums[group, 3] += run_starts
    counts[ROW] = row
    return why


@_cached
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
        kind = np.int64(_find_kind(where[row], what[row], kind_slots, kinds, counts))
        group = _find_group((kind << DAY_BITS) | np.int64(day[row]), group, slots, keys, sums, counts)
        for place in range(4):
            _add(sums, wraps, counts, group, place, amounts[row, place])
        if len(laps) > 0:
            for place in range(4):
                wraps[group, place] += laps[row, place]
                counts[WRAPPED] += laps[row, place] != 0
    counts[ROW] = len(day)
    return DONE


@_cached
def place_groups(keys: Array, count: Whole, slots: Array) -> None:
    """Enter groups 0..count-1 in empty slots."""
    mask = len(slots) - 1
    for group in range(count):
        slot = _home_slot(keys[group], mask)
        while slots[slot] != EMPTY:
            slot = (slot + STEP) & mask
        slots[slot] = group


@_cached
def place_kinds(kinds: Array, count: Whole, kind_slots: Array) -> None:
    """Enter kinds 0..count-1 in an empty table of kind numbers."""
    mask = len(kind_slots) - 1
    for kind in range(count):
        slot = _spread(kinds[kind, 0] ^ (kinds[kind, 1] * np.int64(0x2545F4914F6CDD1D)), mask)
        while kind_slots[slot] != -1:
            slot = (slot + 1) & mask
        kind_slots[slot] = kind
