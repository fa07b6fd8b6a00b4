"""The table in which parts of records are added up; it grows as needed, and its sums are exact beyond 64 bits."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meter.rollup import groups, order, split
from meter.rollup.columns import Measured
from meter.rollup.frames import USE_KEY, USE_SCHEMA, USE_SUMS, check_use

EVER: Final = (-(2**62), 2**62)  # a cut that cuts nothing
FIRST_ROOM: Final = 1 << 12
WHAT_BITS: Final = 35  # of a series: chip, purpose and via_platform
AFTER_ALL_DAYS: Final = order.DAY_MASK + 1
ROW_MOST: Final = 2**62  # of one sum in one row: a group whose sum is larger has several rows


class RowOutOfRange(ValueError):
    """A row breaks a limit that intake guarantees, so no sum over it could be trusted."""


class GroupTable:
    """Sums by group; add entries, use frames or other tables in any order, then read `frame()`.

    `by` names the columns that tell groups apart; entries are cut to `cut`, a half-open span of epoch seconds; `room`
    is for how many groups memory is set aside to begin with. Up to `parts` parts of entries only wait in a row: sorted
    entries make few, which are added up while they are brought into order. Beyond that they go to a hash table.
    One thread at a time may use a table; the kernels release the interpreter lock.
    """

    def __init__(
        self, by: Sequence[str] = USE_KEY, cut: tuple[int, int] = EVER, room: int = FIRST_ROOM,
        parts: int = split.FEWEST_PARTS,
    ) -> None:  # fmt: skip
        unknown = set(by) - set(USE_KEY)
        if unknown:
            raise ValueError(f"usage is not grouped by {sorted(unknown)}; choose from {USE_KEY}")
        where_mask = (-1 << 32 if "consumer" in by else 0) | (0xFFFF_FFFF if "facility" in by else 0)
        what_mask = (
            (0xFFFF_FFFF << 3 if "chip" in by else 0)
            | (0b110 if "purpose" in by else 0)
            | (0b001 if "via_platform" in by else 0)
        )
        self._asked = split.Asked(*cut, where_mask, what_mask, "day" in by)
        self._counts = np.zeros(6, np.int64)
        parts = max(parts, split.FEWEST_PARTS)
        self._parts = groups.Parts(np.empty(parts, np.int64), np.empty(4 * parts, np.int64))
        self._groups = _room_for_groups(1 << max(room - 1, groups.NEAR - 1).bit_length())  # slots are found by a mask
        self._series = _room_for_series(FIRST_ROOM)

    def __len__(self) -> int:
        """Return the number of groups touched, those that came to nothing included; one that waits in parts as many."""
        return int(self._counts[groups.GROUPS] + self._counts[groups.PARTS])

    def clear(self) -> None:
        """Forget all groups but keep the room they took."""
        if self._counts[groups.GROUPS]:
            self._groups.slots.fill(groups.EMPTY)
        if self._counts[groups.WRAPPED]:
            self._groups.wraps.fill(0)
        self._counts[[groups.GROUPS, groups.WRAPPED, groups.PARTS]] = 0

    def held(self) -> list[order.Held]:
        """Return the groups, and the parts that wait, as they lie in memory until the table is changed."""
        known, waiting = int(self._counts[groups.GROUPS]), int(self._counts[groups.PARTS])
        series = self._series.keys[: int(self._counts[groups.SERIES])]
        laps = self._groups.wraps[: known if self._counts[groups.WRAPPED] else 0]
        held = []
        if known:
            held.append(order.Held(self._groups.keys[:known], self._groups.sums[:known], laps, series))
        if waiting or not known:
            held.append(
                order.Held(self._parts.keys[:waiting], self._parts.sums.reshape(-1, 4)[:waiting], laps[:0], series)
            )
        return held

    def add_entries(self, rows: Measured) -> None:
        """Add rows of entries; raises RowOutOfRange at the first row no sum could be trusted with."""
        counts = self._counts
        row, why = 0, groups.SERIES_FULL
        while why != groups.DONE:
            counts[groups.ROW] = row
            why = split.split_rows(rows, self._asked, self._parts, self._series, counts)
            row = int(counts[groups.ROW])
            if why == split.PARTS_FULL:
                self._add_parts()
            if why == split.BAD_ROW:
                plain = rows.row_by_row()
                at = int(split.find_bad_row(plain))
                values = {name: int(array[at]) for name, array in plain._asdict().items() if name != "series_ends"}
                raise RowOutOfRange(f"row {at} breaks a limit of intake: {values}")
            if why == groups.SERIES_FULL:
                self._grow(why)

    def _add_parts(self) -> None:
        self._counts[groups.ROW] = 0
        while True:
            why = groups.add_parts(self._parts, self._groups, self._counts)
            if why == groups.DONE:
                return
            self._grow(why)

    def _add_groups(self, finished: groups.Finished) -> None:
        self._counts[groups.ROW] = 0
        while True:
            why = groups.add_groups(finished, self._groups, self._series, self._counts)
            if why == groups.DONE:
                return
            self._grow(why)

    def add_frame(self, use: pl.DataFrame, sign: int = 1, laps: NDArray[np.int32] | None = None) -> None:
        """Add (or with sign -1 take back) the sums of a `use` frame; `laps` (rows, 4) says how often each laps 2^64."""
        check_use(use)
        consumer, facility, chip, purpose, via_platform = (
            use[name].cast(pl.Int64).to_numpy() for name in ("consumer", "facility", "chip", "purpose", "via_platform")
        )
        amounts = np.ascontiguousarray(use.select(USE_SUMS).to_numpy(), np.int64).reshape(-1, 4)
        if laps is None:
            laps = np.empty((0, 4), np.int32)
        if sign == -1:
            least = amounts == -(2**63)  # taken back it is 2^63, which is itself again, one lap on
            laps = -laps if len(laps) else laps
            laps = laps + least if len(laps) else least.astype(np.int32) if least.any() else laps
            amounts = -amounts
        self._add_groups(
            groups.Finished(
                np.ascontiguousarray((consumer << 32) | facility),
                np.ascontiguousarray((chip << 3) | (purpose << 1) | via_platform),
                np.ascontiguousarray(use["day"].to_numpy(), np.int32),
                amounts,
                laps,
            )
        )

    def _grow(self, why: int) -> None:
        if why == groups.TABLE_FULL:
            count = int(self._counts[groups.GROUPS])
            old = self._groups
            # One record of ten years alone needs 3,661 groups, so a small table is more than doubled.
            self._groups = _room_for_groups(max(2 * len(old.keys), 1 << 13))
            self._groups.keys[:count], self._groups.sums[:count] = old.keys[:count], old.sums[:count]
            if self._counts[groups.WRAPPED]:
                self._groups.wraps[:count] = old.wraps[:count]
            groups.place_groups(self._groups.keys, count, self._groups.slots)
        else:
            known = self._series.keys
            self._series = _room_for_series(2 * len(known))
            self._series.keys[: len(known)] = known
            groups.place_series(self._series, len(known))

    def frame(self) -> pl.DataFrame:
        """Return the groups that are not nothing as a `use` frame sorted by its key; columns not asked for are 0."""
        return frame_of([self])


def _room_for_groups(room: int) -> groups.Groups:
    assert room >= groups.NEAR  # else a kernel writes behind the slots
    return groups.Groups(
        np.full(4 * room, groups.EMPTY, np.int32),
        np.empty(room, np.int64),
        np.empty((room, 4), np.int64),
        np.zeros((room, 4), np.int32),  # hardly ever touched, so hardly ever given memory
    )


def _room_for_series(room: int) -> groups.Series:
    return groups.Series(np.full(2 * room, -1, np.int32), np.zeros((room, 2), np.int64))


class Scratch:
    """Memory that is used again and again: on many machines memory never touched before costs more than the work."""

    def __init__(self) -> None:
        self._buffers: dict[str, NDArray[Any]] = {}

    def take(self, name: str, length: int, kind: type[np.generic], width: int = 0, zeros: bool = False) -> NDArray[Any]:
        """Return an array of that length, and width if it has rows.

        Its content is anything; with `zeros` it is all zero, if whoever takes it leaves it so.
        """
        buffer = self._buffers.get(name)
        if buffer is None or len(buffer) < length:
            room = length + length // 4
            buffer = (np.zeros if zeros else np.empty)((room, width) if width else room, kind)
            self._buffers[name] = buffer
        return buffer[:length]


def frame_of(tables: Sequence[GroupTable]) -> pl.DataFrame:
    """Return what tables hold together as one `use` frame, sorted by its key, without groups that came to nothing.

    A group has one row, or, where a sum is beyond ROW_MOST either way, as many as it takes, one after the other.
    """
    return in_order([some for table in tables for some in table.held()], Scratch())[0]


def in_order(
    some: Sequence[order.Held], scratch: Scratch, until: int = AFTER_ALL_DAYS
) -> tuple[pl.DataFrame, order.Held]:
    """Return the groups of days before `until` as `frame_of` does, and the other groups with their own memory."""
    by_day = np.zeros(AFTER_ALL_DAYS, np.int64)
    for each in some:
        order.count_by_day(each.keys, by_day)
    left = int(by_day[until:].sum())
    most = int(by_day[:until].sum())
    series, rank_of_series = _rank_series([each.series for each in some])
    kept = order.Held(
        np.empty(left, np.int64),
        np.empty((left, 4), np.int64),
        np.zeros((left if any(len(each.laps) for each in some) else 0, 4), np.int32),
        series,
    )
    found = order.Runs(*(scratch.take(f"run_{name}", most, np.int32) for name in order.Runs._fields))
    ranked = scratch.take("ranked", most, np.int32)
    runs = taken = 0
    for part, (each, ranks) in enumerate(zip(some, rank_of_series, strict=True)):
        runs, taken = order.find_runs(each, part, ranks, until, found, runs, kept, taken)
    order.order_by_rank(found.rank[:runs], len(series), ranked)

    days = np.flatnonzero(by_day[:until])
    first_day, end = (int(days[0]), int(days[-1]) + 1) if len(days) else (0, 0)
    begins = np.cumsum(by_day[first_day:end]) - by_day[first_day:end]
    ends = begins.copy()
    laid = order.LaidOut(
        scratch.take("rank", most, np.int32),
        scratch.take("laid", most, np.int64, 4),
        scratch.take("over", most, np.int32, 4, zeros=True),
    )
    gathered = order.Gathered(*(_padded([each[place] for each in some]) for place in range(3)))
    rows, lapped = order.lay_out(ranked[:runs], found, gathered, first_day, ends, laid)
    written = _columns(rows)
    rows = order.write_columns(first_day, begins, ends, laid, lapped, series, written)
    columns = {name: getattr(written, name)[:rows] for name in order.Columns._fields[1:]}
    columns |= {name: written.amounts[place, :rows] for place, name in enumerate(USE_SUMS)}
    use = pl.DataFrame(columns, schema=USE_SCHEMA)
    if lapped:
        use = _in_several_rows(use, laid.laps[:rows])
        laid.laps.fill(0)
    return use, kept


def added_up(some: order.Held) -> order.Held:
    """Return the same groups, each key once."""
    table = GroupTable(room=len(some.keys))
    series = some.series[some.keys >> groups.DAY_BITS]
    table._add_groups(
        groups.Finished(
            np.ascontiguousarray(series[:, 0]),
            np.ascontiguousarray(series[:, 1]),
            (some.keys & order.DAY_MASK).astype(np.int32),
            some.sums,
            some.laps,
        )
    )
    return table.held()[0]


def _padded(arrays: list[NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    """Return arrays as a tuple of 4, 8, 16 ... so that kernels are compiled for few lengths."""
    room = max(4, 1 << (len(arrays) - 1).bit_length())
    return (*arrays, *[arrays[0][:0]] * (room - len(arrays)))


def _rank_series(known: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], list[NDArray[np.int32]]]:
    """Return all series in order, each once, and of the series of each table their ranks in it."""
    every = np.concatenate(known)
    places, place = np.unique(every[:, 0], return_inverse=True)
    found, rank = np.unique((place << WHAT_BITS) | every[:, 1], return_inverse=True)
    series = np.stack([places[found >> WHAT_BITS], found & ((1 << WHAT_BITS) - 1)], axis=1)
    return series, np.split(rank.astype(np.int32), np.cumsum([len(some) for some in known])[:-1])


def _columns(rows: int) -> order.Columns:
    """Return empty columns for so many groups, cut from one piece of memory, which the system hands out faster."""
    whole = np.empty(rows * 50, np.uint8)
    types = (np.int64, np.int32, np.int32, np.int32, np.int32, np.int8, np.bool_)
    cut: list[NDArray[Any]] = []
    begin = 0
    for place, each in enumerate(types):
        end = begin + rows * np.dtype(each).itemsize * (1 if place else 4)
        cut.append(whole[begin:end].view(each))
        begin = end
    return order.Columns(cut[0].reshape(4, -1), *cut[1:])


def _in_several_rows(use: pl.DataFrame, laps: NDArray[np.int32]) -> pl.DataFrame:
    """Return the frame with every group that lapped 2^64 in as many rows as its sums take; its pieces go with them."""
    more: list[tuple[int, dict[str, int]]] = []
    first = {name: use[name].to_numpy().copy() for name in USE_SUMS}
    for row in np.flatnonzero(laps.any(axis=1)).tolist():
        totals = {name: int(first[name][row]) + (int(laps[row, place]) << 64) for place, name in enumerate(USE_SUMS)}
        rests, steps = {}, {}
        for name, total in totals.items():
            count, rest = divmod(abs(total), ROW_MOST)
            rests[name], steps[name] = (rest, count) if total >= 0 else (-rest, -count)
        count = max(abs(step) for step in steps.values())
        for at in range(count):
            full = {name: (step > 0) - (step < 0) if at < abs(step) else 0 for name, step in steps.items()}
            chunk = {name: ROW_MOST * sign for name, sign in full.items()}
            if rests["pieces"] > 1:  # thousands of records make such a sum: every row stands for some
                chunk["pieces"] += 1
                rests["pieces"] -= 1
            more.append((row, chunk))
        for name in USE_SUMS:
            first[name][row] = rests[name]
    whole = use.with_columns(pl.Series(name, first[name]) for name in USE_SUMS)
    if not more:
        return whole
    rows = [row for row, _ in more]
    added = whole[rows].with_columns(pl.Series(name, [chunk[name] for _, chunk in more]) for name in USE_SUMS)
    places = pl.Series([*range(use.height), *rows])
    return pl.concat([whole, added])[places.arg_sort()]


# long: the kernels of one table
