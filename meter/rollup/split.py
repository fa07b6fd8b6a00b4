"""Kernels that split records over local days, as parts of a series and a day; whole numbers only."""

from typing import NamedTuple

import numpy as np

from meter.days import DAY_SECONDS, UTC_PLUS_8_SECONDS
from meter.kernels.kernel import Array, Whole, kernel
from meter.rollup.columns import Measured
from meter.rollup.groups import DAY_BITS, DONE, PARTS, ROW, SERIES, SERIES_FULL, Parts, Series, find_series

# Bounds that intake guarantees; a row outside them is refused again here, because the sums rest on them.
EARLIEST = 946_656_000  # 2000-01-01T00:00:00+08:00
LATEST = 4_102_416_000 + 10 * 366 * DAY_SECONDS  # ten years after the end of 2099
LONGEST_SECONDS = 10 * 366 * DAY_SECONDS
MOST_MILLICARDS = 10**9
MOST_FEN = 10**15


# Why a kernel came back, beside the reasons of `groups`.
PARTS_FULL = 3
BAD_ROW = 4

BLOCK_ROWS = 4096  # looked at together before they are added up; small enough to stay in the cache
SAFE_AMOUNT = 2**62 // BLOCK_ROWS  # of one row, so that a block of them cannot overflow
PLAIN_FEN = 2**34  # charges below this, times the seconds of ten years, fit int64
WINDOW_DAYS = 64  # of one series, added up side by side in the nearest cache
FEWEST_PARTS = 1 << 14  # that there must be room for; more than the days of the longest record and a window


class Asked(NamedTuple):
    """What entries are split by: the half-open span they are cut to, in epoch seconds; masks for the columns that tell
    groups apart, as they are packed in where and what; without `by_day` all days are 0."""

    cut_from: Whole
    cut_to: Whole
    where_mask: Whole
    what_mask: Whole
    by_day: bool


@kernel(inline=True)
def _charged(charge: Whole, elapsed: Whole, length: Whole) -> Whole:
    """Return floor(charge * elapsed / length), 0 <= elapsed <= length; no product leaves int64 (rule R-WIN)."""
    if charge < PLAIN_FEN:
        return np.int64(np.uint64(charge * elapsed) // np.uint64(length))
    whole = charge // length
    rest = charge - whole * length
    return whole * elapsed + np.int64(np.uint64(rest * elapsed) // np.uint64(length))


@kernel
def _survey(millicards: Array, started: Array, ended: Array, charge_fen: Array, sign: Array) -> Whole:
    """Return a bound on the quantity and the charge of every row, -1 when one breaks a limit of intake.

    Simple loops, because those are the ones that compilers turn into vector code; for the same reason bits are
    gathered instead of extremes. A limit is broken when a difference that must not be negative has its sign set (no
    difference of numbers that are themselves not negative overflows), and all bits together are at least the largest.
    """
    broken = np.int64(0)
    lengths = np.int64(0)
    cards = np.int64(0)
    for row in range(len(started)):
        start = started[row]
        end = ended[row]
        length = end - start
        some = millicards[row]
        broken |= start | end | (start - EARLIEST) | (LATEST - end)
        broken |= (LONGEST_SECONDS - length) | (MOST_MILLICARDS - some)
        lengths |= length
        cards |= some
    charges = np.int64(0)
    for row in range(len(started)):
        charge = charge_fen[row]
        broken |= MOST_FEN - charge
        charges |= charge
    codes = np.uint8(0)  # a sign is 1 or -1
    for row in range(len(started)):
        codes = np.uint8(codes | (np.uint8(sign[row] + 1) & 0xFD))
    if (broken | lengths | cards | charges) < 0 or codes != 0:
        return np.int64(-1)
    return max(cards * lengths, charges)


@kernel
def _series_are_sound(consumer: Array, facility: Array, chip: Array, purpose: Array) -> bool:
    """Return whether ids are not negative and every purpose is 0, 1 or 2."""
    ids = np.int32(0)
    codes = np.uint8(0)
    for at in range(len(consumer)):
        code = np.uint8(purpose[at])
        codes = np.uint8(codes | (code & 0xFC) | (code & (code >> 1)))
        ids = np.int32(ids | consumer[at] | facility[at] | chip[at])
    return bool((ids >= 0) & (codes == 0))


@kernel
def _mark_changes(
    consumer: Array, facility: Array, chip: Array, purpose: Array, via_platform: Array, changed: Array
) -> None:
    """Mark in `changed` the rows whose series is not that of the row before."""
    changed[0] = 1
    for row in range(1, len(consumer)):
        changed[row] = (
            (consumer[row] ^ consumer[row - 1]) | (facility[row] ^ facility[row - 1]) | (chip[row] ^ chip[row - 1])
        ) != 0
    for row in range(1, len(consumer)):
        changed[row] |= np.uint8(purpose[row] ^ purpose[row - 1]) | (via_platform[row] ^ via_platform[row - 1])


@kernel
def find_bad_row(rows: Measured) -> Whole:
    """Return the first row that breaks a limit of intake, -1 when none does; every column has a value for each row."""
    consumer, facility, chip, purpose = rows.consumer, rows.facility, rows.chip, rows.purpose
    millicards, started, ended = rows.millicards, rows.started, rows.ended
    charge_fen, sign = rows.charge_fen, rows.sign
    for row in range(len(started)):
        till = row + 1
        if not _series_are_sound(consumer[row:till], facility[row:till], chip[row:till], purpose[row:till]):
            return row
        if _survey(millicards[row:till], started[row:till], ended[row:till], charge_fen[row:till], sign[row:till]) < 0:
            return row
    return -1


@kernel
def split_rows(  # noqa: C901, PLR0912, PLR0915 - a kernel: one pass over rows
    entries: Measured, asked: Asked, parts: Parts, known: Series, counts: Array
) -> Whole:
    """Split rows counts[ROW].. inside the cut into parts of a series and a day; return why it stopped.

    A series is (consumer, facility) and (chip, purpose, via_platform), each packed in an int64 and masked. The columns
    of the series have one value for each row, or for each run of rows when `series_ends` says where runs end. Rows of
    one series that follow one another are added up by day in a window before they become parts, so sorted rows become
    few. The charge of a part is the difference of two floors.
    """
    # each column once, not at every row
    consumer, facility, chip, millicards, started, ended, charge_fen, purpose, via_platform, sign, series_ends = entries
    cut_from, cut_to, where_mask, what_mask, by_day = asked
    part_keys, part_sums = parts.keys, parts.sums
    most_parts = len(part_keys)
    changed = np.empty(BLOCK_ROWS, np.uint8)
    beyond = np.empty(BLOCK_ROWS, np.int64)  # the rows at hand that reach beyond the day at hand or the cut
    window = np.zeros(4 * WINDOW_DAYS, np.int64)
    window_from = np.int64(0)  # its first day
    reach = np.int64(-1)  # the last place in it that was touched
    where = np.int64(-1)
    what = np.int64(-1)
    series = np.int64(0)
    day = np.int64(0)
    why = DONE
    row = np.int64(counts[ROW])
    rows = np.int64(len(started))
    in_runs = len(series_ends) > 0
    run = np.int64(0)
    if in_runs and not _series_are_sound(consumer, facility, chip, purpose):
        why = BAD_ROW
    while row < rows and why == DONE:
        low = row
        high = min(low + BLOCK_ROWS, rows)
        largest = _survey(
            millicards[low:high], started[low:high], ended[low:high], charge_fen[low:high], sign[low:high]
        )
        if in_runs:
            while series_ends[run] <= low:
                run += 1
            changed[: high - low] = 0
            changed[0] = 1
            mark = run
            while series_ends[mark] < high:
                changed[series_ends[mark] - low] = 1
                mark += 1
        elif _series_are_sound(consumer[low:high], facility[low:high], chip[low:high], purpose[low:high]):
            _mark_changes(
                consumer[low:high], facility[low:high], chip[low:high], purpose[low:high], via_platform[low:high],
                changed,
            )  # fmt: skip
        else:
            largest = np.int64(-1)
        if largest < 0:
            why = BAD_ROW
            break
        if largest > SAFE_AMOUNT:  # a block of such rows could overflow a running sum: put every row away at once
            changed[: high - low] = 1
        day_from = np.int64(0)  # the day at hand, as instants; empty before the first row of a block
        day_until = np.int64(0)
        within_from = np.int64(0)  # the same inside the cut
        within_to = np.int64(0)
        window_until = np.int64(0)  # the end of the window's last day
        run_quantity = np.int64(0)  # what the rows at hand add to the day at hand
        run_fen = np.int64(0)
        run_pieces = np.int64(0)
        run_lack = np.int64(0)  # the pieces among them that began before the cut
        while True:
            at = np.uint64(row)  # numba looks for negative places unless the type rules them out
            here = np.uint64(row - low)
            until_here = np.uint64(high - low)
            found = np.uint64(0)
            while here < until_here:
                start = started[at]
                end = ended[at]
                if (changed[here] != 0) | (start < within_from) | (start >= within_to) | (end > window_until):
                    break
                counted = np.int64(sign[at])
                run_quantity += counted * millicards[at] * (end - start)
                run_fen += counted * charge_fen[at]
                run_pieces += counted
                beyond[found] = at
                found += np.uint64(end > within_to)  # no branch: midnights come as they like
                at += np.uint64(1)
                here += np.uint64(1)
            row = np.int64(at)

            for place in range(found):  # take what lies beyond off again
                at = np.uint64(beyond[np.uint64(place)])
                start = started[at]
                end = ended[at]
                charge = charge_fen[at]
                counted = np.int64(sign[at])
                cards = counted * millicards[at]
                charged = _charged(charge, within_to - start, end - start)
                run_quantity -= cards * (end - within_to)
                run_fen -= counted * (charge - charged)
                first = within_to
                last = min(end, cut_to)
                its_place = day - window_from
                while first < last:
                    its_place += 1
                    until = min(last, first + DAY_SECONDS)
                    through = charge
                    if until < end:
                        through = _charged(charge, until - start, end - start)
                    _put(window, its_place, cards * (until - first), counted * (through - charged), counted, 0)
                    first = until
                    charged = through
                reach = max(reach, its_place)

            if row == high:
                break
            at = np.uint64(row)
            here = np.uint64(row - low)
            start = started[at]
            end = ended[at]
            same = changed[here] == 0
            if (not same) | (start < day_from) | (start >= day_until):
                if run_pieces | run_lack | run_quantity | run_fen:
                    _put(window, day - window_from, run_quantity, run_fen, run_pieces, run_pieces - run_lack)
                    run_quantity = np.int64(0)
                    run_fen = np.int64(0)
                    run_pieces = np.int64(0)
                    run_lack = np.int64(0)
                day_from = np.int64(-(2**62))
                day_until = np.int64(2**62)
                if by_day:
                    day = (start + UTC_PLUS_8_SECONDS) // DAY_SECONDS
                    day_from = day * DAY_SECONDS - UTC_PLUS_8_SECONDS
                    day_until = day_from + DAY_SECONDS
                within_from = max(day_from, cut_from)
                within_to = min(day_until, cut_to)
                if (not same) | (day < window_from) | (day >= window_from + WINDOW_DAYS):
                    if counts[PARTS] + 2 * WINDOW_DAYS > most_parts:
                        why = PARTS_FULL
                        break
                    _hand_out(window, window_from, reach, series, part_keys, part_sums, counts)
                    reach = np.int64(-1)
                    window_from = day
                    window_until = day_until + (WINDOW_DAYS - 1) * DAY_SECONDS
                    of = at
                    if in_runs:
                        while series_ends[run] <= row:
                            run += 1
                        of = np.uint64(run)
                    its_where = ((np.int64(consumer[of]) << 32) | np.int64(facility[of])) & where_mask
                    its_what = (
                        (np.int64(chip[of]) << 3) | (np.int64(purpose[of]) << 1) | np.int64(via_platform[of])
                    ) & what_mask
                    if its_where != where or its_what != what:
                        if counts[SERIES] >= len(known.keys):
                            why = SERIES_FULL
                            break
                        series = np.int64(find_series(its_where, its_what, known, counts))
                        where = its_where
                        what = its_what
                reach = max(reach, day - window_from)
                changed[here] = 0
            if (start >= within_from) & (start < within_to) & (end <= window_until):
                continue

            # The row began before the cut, or reaches over the end of the window.
            first = max(start, cut_from)
            last = min(end, cut_to)
            if first >= last:
                row += 1
                continue
            last_day = (last - 1 + UTC_PLUS_8_SECONDS) // DAY_SECONDS if by_day else np.int64(0)
            if counts[PARTS] + (last_day - day) + 2 * WINDOW_DAYS > most_parts:
                why = PARTS_FULL
                break
            cards = millicards[at]
            charge = charge_fen[at]
            counted = np.int64(sign[at])
            length = end - start
            charged = np.int64(0)
            if first > start:
                charged = _charged(charge, first - start, length)
            until = min(last, day_until)
            if first < until:  # the part on the day at hand
                through = _charged(charge, until - start, length)
                run_quantity += counted * cards * (until - first)
                run_fen += counted * (through - charged)
                run_pieces += counted
                run_lack += np.int64(0) if first == start else counted
                first = until
                charged = through
            its_day = day
            while first < last:
                its_day = (first + UTC_PLUS_8_SECONDS) // DAY_SECONDS if its_day == day else its_day + 1
                until = min(last, (its_day + 1) * DAY_SECONDS - UTC_PLUS_8_SECONDS)
                through = charge
                if until < end:
                    through = _charged(charge, until - start, length)
                its_place = its_day - window_from
                if its_place < WINDOW_DAYS:
                    _put(
                        window, its_place, counted * cards * (until - first), counted * (through - charged), counted, 0
                    )
                    reach = max(reach, its_place)
                else:
                    part = counts[PARTS]
                    part_keys[part] = (series << DAY_BITS) | its_day
                    part_sums[4 * part] = counted * cards * (until - first)
                    part_sums[4 * part + 1] = counted * (through - charged)
                    part_sums[4 * part + 2] = counted
                    part_sums[4 * part + 3] = 0
                    counts[PARTS] += 1
                first = until
                charged = through
            row += 1
        if run_pieces | run_lack | run_quantity | run_fen:
            _put(window, day - window_from, run_quantity, run_fen, run_pieces, run_pieces - run_lack)
        _hand_out(window, window_from, reach, series, part_keys, part_sums, counts)
        reach = np.int64(-1)
    counts[ROW] = row
    return why


@kernel(inline=True)
def _put(window: Array, place: Whole, quantity: Whole, fen: Whole, pieces: Whole, starts: Whole) -> None:
    """Add to one day of the window; rows of one block cannot overflow it."""
    at = np.uint64(4 * place)
    window[at] += quantity
    window[at + np.uint64(1)] += fen
    window[at + np.uint64(2)] += pieces
    window[at + np.uint64(3)] += starts


@kernel
def _hand_out(
    window: Array, window_from: Whole, reach: Whole, series: Whole, part_keys: Array, part_sums: Array, counts: Array
) -> None:
    """Make parts of the days of the window up to `reach`, and empty it."""
    part = counts[PARTS]
    for place in range(reach + 1):
        at = np.uint64(4 * place)
        to = np.uint64(4 * part)
        quantity, fen = window[at], window[at + np.uint64(1)]
        pieces, starts = window[at + np.uint64(2)], window[at + np.uint64(3)]
        if quantity | fen | pieces | starts:
            part_keys[part] = (series << DAY_BITS) | (window_from + place)
            part_sums[to] = quantity
            part_sums[to + np.uint64(1)] = fen
            part_sums[to + np.uint64(2)] = pieces
            part_sums[to + np.uint64(3)] = starts
            part += 1
            window[at] = 0
            window[at + np.uint64(1)] = 0
            window[at + np.uint64(2)] = 0
            window[at + np.uint64(3)] = 0
    counts[PARTS] = part


# long: mostly one kernel, which is compiled as one piece
