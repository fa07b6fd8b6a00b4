"""The table in which parts of records are added up; it grows as needed and refuses what overflows."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meter.rollup import split
from meter.rollup.columns import Measured
from meter.rollup.frames import USE_KEY, USE_SCHEMA, USE_SUMS, check_use

EVER: Final = (-(2**62), 2**62)  # a cut that cuts nothing
SMALLEST_TABLE: Final = 1 << 12


class SumOverflow(ArithmeticError):
    """A sum does not fit a 64-bit integer; names the group, so that its records can be looked at."""


class RowOutOfRange(ValueError):
    """A row breaks a limit that intake guarantees, so no sum over it could be trusted."""


class GroupTable:
    """Sums by group; add entries, use frames or other tables in any order, then read `frame()`.

    `by` names the columns that tell groups apart; entries are cut to `cut`, a half-open span of epoch seconds.
    One thread at a time may use a table; the kernels release the interpreter lock.
    """

    def __init__(self, by: Sequence[str] = USE_KEY, cut: tuple[int, int] = EVER) -> None:
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
        self._counts = np.zeros(4, np.int64)
        self._allot_groups(SMALLEST_TABLE)
        self._allot_kinds(SMALLEST_TABLE)

    def _allot_groups(self, slots: int) -> None:
        self._keys = np.full(slots, split.EMPTY, np.int64)
        self._sums = np.zeros((slots, 4), np.int64)
        self._wraps = np.zeros((slots, 4), np.int32)  # hardly ever touched, so hardly ever given memory

    def _allot_kinds(self, kinds: int) -> None:
        self._kinds = np.zeros((kinds, 2), np.int64)
        self._kind_slots = np.full(2 * kinds, -1, np.int32)

    def __len__(self) -> int:
        """Return the number of groups touched, those that came to nothing included."""
        return int(self._counts[split.GROUPS])

    def add_entries(self, rows: Measured) -> None:
        """Add rows of entries; raises RowOutOfRange at the first row no sum could be trusted with."""
        counts = self._counts
        counts[split.ROW] = 0
        while True:
            why = split.add_entries(
                *rows, *self._cut, self._where_mask, self._what_mask, self._by_day,
                self._keys, self._sums, self._wraps, self._kind_slots, self._kinds, counts,
            )  # fmt: skip
            if why == split.DONE:
                return
            if why == split.BAD_ROW:
                at = int(counts[split.ROW])
                values = {name: int(array[at]) for name, array in rows._asdict().items()}
                raise RowOutOfRange(f"row {at} breaks a limit of intake: {values}")
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
        counts[split.ROW] = 0
        while True:
            why = split.add_groups(
                where, what, day, amounts, laps,
                self._keys, self._sums, self._wraps, self._kind_slots, self._kinds, counts,
            )  # fmt: skip
            if why == split.DONE:
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

    def add_table(self, other: "GroupTable") -> None:
        """Add the groups of another table, laps beyond int64 included."""
        slots = np.flatnonzero(other._keys != split.EMPTY)
        where, what, day, amounts = other._gather(slots)
        wrapped = bool(other._counts[split.WRAPPED])
        self._add_groups(
            where, what, day, np.ascontiguousarray(amounts.T),
            other._wraps[slots] if wrapped else np.empty((0, 4), np.int32),
        )  # fmt: skip

    def _grow(self, why: int) -> None:
        if why == split.TABLE_FULL:
            keys, sums, wraps = self._keys, self._sums, self._wraps
            # One record of ten years alone needs 3,661 groups, so a small table is more than doubled.
            self._allot_groups(max(2 * len(keys), 1 << 14))
            split.move_groups(keys, sums, wraps, bool(self._counts[split.WRAPPED]), self._keys, self._sums, self._wraps)
        else:
            kinds = self._kinds
            self._allot_kinds(2 * len(kinds))
            self._kinds[: len(kinds)] = kinds
            split.place_kinds(self._kinds, len(kinds), self._kind_slots)

    def _gather(self, slots: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]:
        rows = len(slots)
        day = np.empty(rows, np.int32)
        where, what = np.empty(rows, np.int64), np.empty(rows, np.int64)
        amounts = np.empty((4, rows), np.int64)
        split.gather_groups(slots, self._keys, self._sums, self._kinds, day, where, what, amounts)
        return where, what, day, amounts

    def frame(self) -> pl.DataFrame:
        """Return the groups that are not nothing as a `use` frame sorted by its key; columns not asked for are 0.

        Raises SumOverflow when a total does not fit.
        """
        kinds = self._kinds[: int(self._counts[split.KINDS])]
        order = np.lexsort((kinds[:, 1], kinds[:, 0] & 0xFFFF_FFFF, kinds[:, 0] >> 32))
        rank_of_kind = np.empty(len(kinds), np.int32)
        rank_of_kind[order] = np.arange(len(kinds), dtype=np.int32)
        first_day, last_day = split.span_of_days(self._keys)
        slots = np.empty(len(self), np.int64)
        wrapped = bool(self._counts[split.WRAPPED])
        kept = split.order_groups(
            self._keys, self._sums, self._wraps, wrapped, rank_of_kind, first_day, last_day - first_day + 1, slots
        )
        slots = slots[:kept]
        where, what, day, amounts = self._gather(slots)
        columns: dict[str, NDArray[Any]] = {
            "day": day,
            "consumer": (where >> 32).astype(np.int32),
            "facility": (where & 0xFFFF_FFFF).astype(np.int32),
            "chip": (what >> 3).astype(np.int32),
            "purpose": ((what >> 1) & 3).astype(np.int8),
            "via_platform": (what & 1).astype(np.bool_),
        }
        if wrapped:
            _refuse_overflow(self._wraps[slots], columns)
        for place, name in enumerate(USE_SUMS):
            columns[name] = amounts[place]
        return pl.DataFrame(columns, schema=USE_SCHEMA)


def _refuse_overflow(laps: NDArray[np.int32], columns: dict[str, NDArray[Any]]) -> None:
    rows, places = np.nonzero(laps)
    if len(rows):
        group = {name: array[rows[0]].item() for name, array in columns.items()}
        raise SumOverflow(
            f"{USE_SUMS[places[0]]} of {group} does not fit 64 bits ({len(set(rows.tolist()))} groups in all)"
        )
