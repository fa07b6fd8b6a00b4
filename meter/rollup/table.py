"""The table in which parts of records are added up; it grows as needed and refuses what overflows."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meter.rollup import groups, order, split
from meter.rollup.columns import Measured
from meter.rollup.frames import USE_KEY, USE_SCHEMA, USE_SUMS, check_use

EVER: Final = (-(2**62), 2**62)  # a cut that cuts nothing
FIRST_ROOM: Final = 1 << 12
WHAT_BITS: Final = 35  # of a kind: chip, purpose and via_platform
AFTER_ALL_DAYS: Final = order.DAY_MASK + 1


class SumOverflow(ArithmeticError):
    """A sum does not fit a 64-bit integer; names the group, so that its records can be looked at."""


class RowOutOfRange(ValueError):
    """A row breaks a limit that intake guarantees, so no sum over it could be trusted."""


class Held(NamedTuple):
    """Groups as they lie in memory, a key once or several times."""

    keys: NDArray[np.int64]
    sums: NDArray[np.int64]
    laps: NDArray[np.int32]  # how often sums left int64; empty when none did
    kinds: NDArray[np.int64]  # by the numbers that keys give


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
        self._by_day = "day" in by
        self._cut = cut
        self._where_mask = (-1 << 32 if "consumer" in by else 0) | (0xFFFF_FFFF if "facility" in by else 0)
        self._what_mask = (
            (0xFFFF_FFFF << 3 if "chip" in by else 0)
            | (0b110 if "purpose" in by else 0)
            | (0b001 if "via_platform" in by else 0)
        )
        self._counts = np.zeros(6, np.int64)
        self._part_keys = np.empty(max(parts, split.FEWEST_PARTS), np.int64)
        self._part_sums = np.empty((len(self._part_keys), 4), np.int64)
        self._allot_groups(1 << max(room - 1, groups.NEAR - 1).bit_length())  # slots are found by a mask
        self._allot_kinds(FIRST_ROOM)

    def _allot_groups(self, room: int) -> None:
        assert room >= groups.NEAR  # else a kernel writes behind the slots
        self._slots = np.full(4 * room, groups.EMPTY, np.int32)
        self._keys = np.empty(room, np.int64)
        self._sums = np.empty((room, 4), np.int64)
        self._wraps = np.zeros((room, 4), np.int32)  # hardly ever touched, so hardly ever given memory

    def _allot_kinds(self, kinds: int) -> None:
        self._kinds = np.zeros((kinds, 2), np.int64)
        self._kind_slots = np.full(2 * kinds, -1, np.int32)

    def __len__(self) -> int:
        """Return the number of groups touched, those that came to nothing included; one that waits in parts as many."""
        return int(self._counts[groups.GROUPS] + self._counts[groups.PARTS])

    def clear(self) -> None:
        """Forget all groups but keep the room they took."""
        if self._counts[groups.GROUPS]:
            self._slots.fill(groups.EMPTY)
        if self._counts[groups.WRAPPED]:
            self._wraps.fill(0)
        self._counts[[groups.GROUPS, groups.WRAPPED, groups.PARTS]] = 0

    def held(self) -> list[Held]:
        """Return the groups, and the parts that wait, as they lie in memory until the table is changed."""
        known, waiting = int(self._counts[groups.GROUPS]), int(self._counts[groups.PARTS])
        kinds = self._kinds[: int(self._counts[groups.KINDS])]
        laps = self._wraps[: known if self._counts[groups.WRAPPED] else 0]
        held = []
        if known:
            held.append(Held(self._keys[:known], self._sums[:known], laps, kinds))
        if waiting or not known:
            held.append(Held(self._part_keys[:waiting], self._part_sums[:waiting], laps[:0], kinds))
        return held

    def add_entries(self, rows: Measured) -> None:
        """Add rows of entries; raises RowOutOfRange at the first row no sum could be trusted with."""
        counts = self._counts
        row, why = 0, groups.KINDS_FULL
        while why != groups.DONE:
            counts[groups.ROW] = row
            why = split.split_rows(
                *rows, *self._cut, self._where_mask, self._what_mask, self._by_day,
                self._part_keys, self._part_sums.reshape(-1), self._kind_slots, self._kinds, counts,
            )  # fmt: skip
            row = int(counts[groups.ROW])
            if why == split.PARTS_FULL:
                self._add_parts()
            if why == split.BAD_ROW:
                plain = rows.row_by_row()
                at = int(
                    split.find_bad_row(
                        plain.consumer, plain.facility, plain.chip, plain.purpose,
                        plain.millicards, plain.started, plain.ended, plain.charge_fen, plain.sign,
                    )
                )  # fmt: skip
                values = {name: int(array[at]) for name, array in plain._asdict().items() if name != "kind_ends"}
                raise RowOutOfRange(f"row {at} breaks a limit of intake: {values}")
            if why == groups.KINDS_FULL:
                self._grow(why)

    def _add_parts(self) -> None:
        self._counts[groups.ROW] = 0
        while True:
            why = groups.add_parts(
                self._part_keys, self._part_sums.reshape(-1),
                self._slots, self._keys, self._sums, self._wraps, self._counts,
            )  # fmt: skip
            if why == groups.DONE:
                return
            self._grow(why)

    def _add_groups(
        self,
        where: NDArray[np.int64],
        what: NDArray[np.int64],
        day: NDArray[np.int32],
        amounts: NDArray[np.int64],
        laps: NDArray[np.int32],
    ) -> None:
        counts = self._counts
        counts[groups.ROW] = 0
        while True:
            why = groups.add_groups(
                where, what, day, amounts, laps,
                self._slots, self._keys, self._sums, self._wraps,
                self._kind_slots, self._kinds, counts,
            )  # fmt: skip
            if why == groups.DONE:
                return
            self._grow(why)

    def add_frame(self, use: pl.DataFrame, sign: int = 1) -> None:
        """Add (or with sign -1 take back) the sums of a `use` frame."""
        check_use(use)
        consumer, facility, chip, purpose, via_platform = (
            use[name].cast(pl.Int64).to_numpy() for name in ("consumer", "facility", "chip", "purpose", "via_platform")
        )
        amounts = np.ascontiguousarray(use.select(USE_SUMS).to_numpy(), np.int64).reshape(-1, 4)
        if sign == -1 and amounts.size and int(amounts.min()) == -(2**63):
            raise SumOverflow("a sum of -2^63 cannot be taken back")
        self._add_groups(
            np.ascontiguousarray((consumer << 32) | facility),
            np.ascontiguousarray((chip << 3) | (purpose << 1) | via_platform),
            np.ascontiguousarray(use["day"].to_numpy(), np.int32),
            amounts if sign == 1 else -amounts,
            np.empty((0, 4), np.int32),
        )

    def _grow(self, why: int) -> None:
        if why == groups.TABLE_FULL:
            count = int(self._counts[groups.GROUPS])
            keys, sums, wraps = self._keys, self._sums, self._wraps
            # One record of ten years alone needs 3,661 groups, so a small table is more than doubled.
            self._allot_groups(max(2 * len(keys), 1 << 13))
            self._keys[:count], self._sums[:count] = keys[:count], sums[:count]
            if self._counts[groups.WRAPPED]:
                self._wraps[:count] = wraps[:count]
            groups.place_groups(self._keys, count, self._slots)
        else:
            kinds = self._kinds
            self._allot_kinds(2 * len(kinds))
            self._kinds[: len(kinds)] = kinds
            groups.place_kinds(self._kinds, len(kinds), self._kind_slots)

    def frame(self) -> pl.DataFrame:
        """Return the groups that are not nothing as a `use` frame sorted by its key; columns not asked for are 0.

        Raises SumOverflow when a total does not fit.
        """
        return frame_of([self])


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

    Raises SumOverflow when a total does not fit.
    """
    return in_order([some for table in tables for some in table.held()], Scratch())[0]


def in_order(some: Sequence[Held], scratch: Scratch, until: int = AFTER_ALL_DAYS) -> tuple[pl.DataFrame, Held]:
    """Return the groups of days before `until` as `frame_of` does, and the other groups with their own memory."""
    by_day = np.zeros(AFTER_ALL_DAYS, np.int64)
    for each in some:
        order.count_by_day(each.keys, by_day)
    left = int(by_day[until:].sum())
    most = int(by_day[:until].sum())
    kinds, rank_of_kind = _rank_kinds([each.kinds for each in some])
    kept = Held(
        np.empty(left, np.int64),
        np.empty((left, 4), np.int64),
        np.zeros((left if any(len(each.laps) for each in some) else 0, 4), np.int32),
        kinds,
    )
    run_part, run_from, run_to, run_rank, ranked, rank = (
        scratch.take(name, most, np.int32) for name in ("run_part", "run_from", "run_to", "run_rank", "ranked", "rank")
    )
    runs = taken = 0
    for part, (each, ranks) in enumerate(zip(some, rank_of_kind, strict=True)):
        runs, taken = order.find_runs(
            *each[:3], part, ranks, until, runs, run_part, run_from, run_to, run_rank, taken, *kept[:3]
        )
    order.order_by_rank(run_rank[:runs], len(kinds), ranked)

    days = np.flatnonzero(by_day[:until])
    first_day, end = (int(days[0]), int(days[-1]) + 1) if len(days) else (0, 0)
    begins = np.cumsum(by_day[first_day:end]) - by_day[first_day:end]
    ends = begins.copy()
    laid = scratch.take("laid", most, np.int64, 4)
    over = scratch.take("over", most, np.int32, 4, zeros=True)
    keys, sums, laps = (_padded([each[place] for each in some]) for place in range(3))
    rows, lapped = order.lay_out(
        ranked[:runs], run_part, run_from, run_to, run_rank, keys, sums, laps, first_day, ends, rank, laid, over
    )
    columns = _columns(rows)
    amounts = columns.pop("amounts").reshape(4, -1)
    rows = order.write_columns(first_day, begins, ends, rank, laid, over, lapped, kinds, amounts, *columns.values())
    columns = {name: column[:rows] for name, column in columns.items()}
    if lapped:
        _refuse_overflow(over[:rows], columns)
        over.fill(0)
    columns |= {name: amounts[place, :rows] for place, name in enumerate(USE_SUMS)}
    return pl.DataFrame(columns, schema=USE_SCHEMA), kept


def added_up(some: Held) -> Held:
    """Return the same groups, each key once."""
    table = GroupTable(room=len(some.keys))
    kind = some.kinds[some.keys >> groups.DAY_BITS]
    table._add_groups(
        np.ascontiguousarray(kind[:, 0]),
        np.ascontiguousarray(kind[:, 1]),
        (some.keys & order.DAY_MASK).astype(np.int32),
        some.sums,
        some.laps,
    )
    return table.held()[0]


def _padded(arrays: list[NDArray[Any]]) -> tuple[NDArray[Any], ...]:
    """Return arrays as a tuple of 4, 8, 16 ... so that kernels are compiled for few lengths."""
    room = max(4, 1 << (len(arrays) - 1).bit_length())
    return (*arrays, *[arrays[0][:0]] * (room - len(arrays)))


def _rank_kinds(known: Sequence[NDArray[np.int64]]) -> tuple[NDArray[np.int64], list[NDArray[np.int32]]]:
    """Return all kinds in order, each once, and of the kinds of each table their ranks in it."""
    every = np.concatenate(known)
    places, place = np.unique(every[:, 0], return_inverse=True)
    found, rank = np.unique((place << WHAT_BITS) | every[:, 1], return_inverse=True)
    kinds = np.stack([places[found >> WHAT_BITS], found & ((1 << WHAT_BITS) - 1)], axis=1)
    return kinds, np.split(rank.astype(np.int32), np.cumsum([len(some) for some in known])[:-1])


def _columns(rows: int) -> dict[str, NDArray[Any]]:
    """Return empty columns for so many groups, cut from one piece of memory, which the system hands out faster."""
    types = {"amounts": (np.int64, 4), "day": (np.int32, 1), "consumer": (np.int32, 1), "facility": (np.int32, 1),
             "chip": (np.int32, 1), "purpose": (np.int8, 1), "via_platform": (np.bool_, 1)}  # fmt: skip
    whole = np.empty(rows * 50, np.uint8)
    columns: dict[str, NDArray[Any]] = {}
    begin = 0
    for name, (kind, count) in types.items():
        end = begin + rows * count * np.dtype(kind).itemsize
        columns[name] = whole[begin:end].view(kind)
        begin = end
    return columns


def _refuse_overflow(laps: NDArray[np.int32], columns: dict[str, NDArray[Any]]) -> None:
    rows, places = np.nonzero(laps)
    if len(rows):
        group = {name: array[rows[0]].item() for name, array in columns.items()}
        raise SumOverflow(
            f"{USE_SUMS[places[0]]} of {group} does not fit 64 bits ({len(set(rows.tolist()))} groups in all)"
        )


# long: the kernels of one table
