"""The rows of a month as the sweeps need them: only those that still count, with where they stand in the journal."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from meter.kernels.kernel import Array, Whole, kernel

Columns: TypeAlias = Mapping[str, Array]

NEEDED: Final = (
    "batch", "ordinal", "consumer", "facility", "chip", "millicards", "started", "ended", "charge_fen", "sign",
    "corrected_batch", "corrected_ordinal", "order_digest",
)  # fmt: skip
ORDINAL_BITS: Final = 20  # a batch holds far fewer records than 2^20


class Rows(NamedTuple):
    """Rows that count, columns of equal length; `record` is batch << ORDINAL_BITS | ordinal."""

    record: Array
    consumer: Array
    facility: Array
    chip: Array
    millicards: Array
    started: Array
    ended: Array
    charge_fen: Array
    order_digest: Array


_TYPES: Final = (
    np.int64, np.int32, np.int32, np.int32, np.int64, np.int64, np.int64, np.int64, np.int64,
)  # fmt: skip


def no_rows() -> Rows:
    """Return no rows."""
    return Rows(*(np.empty(0, kind) for kind in _TYPES))


def chosen(rows: Rows, which: Array | slice) -> Rows:
    """Return the rows that a mask, an array of places or a slice chooses."""
    return Rows(*(array[which] for array in rows))


def joined(parts: Sequence[Rows]) -> Rows:
    """Return rows laid end to end."""
    return Rows(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True))) if parts else no_rows()


def load_month(
    chunks: Iterable[Callable[[], Columns]], threads: int = 2, before: Rows | None = None, most_rows: int = 0
) -> Rows:
    """Load the chunks of a month (columns NEEDED) and leave out what was corrected, with the reversals themselves.

    A reversal repeats the start of what it takes back, so both stand in the same month. Rows `before` are put first,
    as they are. Memory holds the rows about once, when `most_rows` says how many there may be. The order of the rows is
    that in which chunks came in: nothing may rest on it.
    """
    first = 0 if before is None else len(before.record)
    held = _Held(first + most_rows)
    if before is not None:
        held.add(before)
    todo = deque(chunks)
    corrected: list[Array] = []

    def work() -> None:
        while todo:
            try:
                load = todo.popleft()
            except IndexError:  # another thread took the last one
                return
            columns = load()
            back = columns["sign"] < 0
            if back.any():
                corrected.append(
                    (columns["corrected_batch"][back] << ORDINAL_BITS) | columns["corrected_ordinal"][back]
                )
            rows = _rows(columns)
            held.add(chosen(rows, ~back) if back.any() else rows)

    with ThreadPoolExecutor(threads) as pool:
        for job in [pool.submit(work) for _ in range(threads)]:
            job.result()
    gone = np.concatenate(corrected) if corrected else np.empty(0, np.int64)
    if len(gone):
        slots = np.full(1 << max(4, int(4 * len(gone)).bit_length()), -1, np.int64)
        enter_all(gone, slots)
        held.keep(not_among(held.rows().record[first:], slots), first)
    return held.rows()


class _Held:
    """Columns that rows are added to by several threads; room is doubled where it was not known."""

    def __init__(self, room: int) -> None:
        self._columns = [np.empty(max(room, 1), kind) for kind in _TYPES]
        self._count = 0
        self._alone = Lock()

    def add(self, rows: Rows) -> None:
        with self._alone:
            end = self._count + len(rows.record)
            for place, array in enumerate(rows):
                if end > len(self._columns[place]):
                    wider = np.empty(2 * end, array.dtype)
                    wider[: self._count] = self._columns[place][: self._count]
                    self._columns[place] = wider
                self._columns[place][self._count : end] = array
            self._count = end

    def keep(self, kept: Array, first: int) -> None:
        """Leave out rows from `first` on that are not `kept`."""
        end = first + int(kept.sum())
        for column in self._columns:
            column[first:end] = column[first : self._count][kept]
        self._count = end

    def rows(self) -> Rows:
        return Rows(*(column[: self._count] for column in self._columns))


def _rows(columns: Columns) -> Rows:
    record = (columns["batch"].astype(np.int64) << ORDINAL_BITS) | columns["ordinal"]
    others = (
        np.ascontiguousarray(columns[name], kind) for name, kind in zip(Rows._fields[1:], _TYPES[1:], strict=True)
    )
    return Rows(record, *others)


@kernel(inline=True)
def _home(record: Whole, mask: Whole) -> Whole:
    return np.int64(((np.uint64(record) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(32)) & np.uint64(mask))


@kernel
def enter_all(records: Array, slots: Array) -> None:
    """Enter records in an open-addressing set with more slots than records; -1 is an empty slot."""
    mask = len(slots) - 1
    for place in range(len(records)):
        slot = _home(records[place], mask)
        while slots[slot] != -1 and slots[slot] != records[place]:
            slot = (slot + 1) & mask
        slots[slot] = records[place]


@kernel
def not_among(records: Array, slots: Array) -> Array:
    """Return for each record whether it is not in the set."""
    mask = len(slots) - 1
    kept = np.empty(len(records), np.bool_)
    for place in range(len(records)):
        slot = _home(records[place], mask)
        while slots[slot] != -1 and slots[slot] != records[place]:
            slot = (slot + 1) & mask
        kept[place] = slots[slot] == -1
    return kept
