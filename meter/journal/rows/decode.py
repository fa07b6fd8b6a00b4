"""The kernel that reads the measured columns of journal rows, as they are sent, for the rollup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from meter.journal.rows.encode import (
    CHARGE,
    CHIP,
    CONSUMER,
    ENDED,
    FACILITY,
    MILLICARDS,
    PURPOSE,
    STARTED,
    VIA_PLATFORM,
)
from meter.journal.rows.layout import POSTGRES_EPOCH, WIRE
from meter.kernels.kernel import Array, kernel


class Columns(NamedTuple):
    """The measured columns of so many rows; times in epoch seconds."""

    consumer: npt.NDArray[np.int32]
    facility: npt.NDArray[np.int32]
    chip: npt.NDArray[np.int32]
    millicards: npt.NDArray[np.int64]
    started: npt.NDArray[np.int64]
    ended: npt.NDArray[np.int64]
    charge_fen: npt.NDArray[np.int64]
    purpose: npt.NDArray[np.int8]
    via_platform: npt.NDArray[np.bool_]

    @classmethod
    def empty(cls, count: int) -> Columns:
        """Return columns to be filled."""
        return cls(
            np.empty(count, np.int32), np.empty(count, np.int32), np.empty(count, np.int32),
            np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64), np.empty(count, np.int64),
            np.empty(count, np.int8), np.empty(count, np.bool_),
        )  # fmt: skip


def measured_of(wires: Sequence[npt.NDArray[np.void]]) -> dict[str, npt.NDArray[Any]]:
    """Return the measured columns of rows (WIRE), laid end to end; times in epoch seconds."""
    count = sum(map(len, wires))
    columns = Columns.empty(count)
    first = 0
    for wire in wires:
        text = np.ascontiguousarray(wire).view(np.uint8)
        text.flags.writeable = False  # one type for the kernel, wherever the rows come from
        decode_measured(text, WIRE.itemsize, first, columns)
        first += len(wire)
    return columns._asdict()


@kernel(inline=True)
def get(text: Array, at: int, size: int) -> Any:
    """Read a big-endian integer of so many bytes, without a sign."""
    value = np.uint64(0)
    for step in range(size):
        value = value << np.uint64(8) | np.uint64(text[at + step])
    return value


@kernel
def decode_measured(text: Array, stride: int, first: int, columns: Columns) -> None:
    """Fill the columns, from the row `first` on, from rows that lie `stride` bytes apart."""
    consumer, facility, chip = columns.consumer[first:], columns.facility[first:], columns.chip[first:]
    millicards, started, ended = columns.millicards[first:], columns.started[first:], columns.ended[first:]
    charge_fen, purpose, via_platform = (
        columns.charge_fen[first:],
        columns.purpose[first:],
        columns.via_platform[first:],
    )
    for row in range(text.size // stride):
        at = row * stride
        consumer[row] = np.int32(get(text, at + CONSUMER, 4))
        facility[row] = np.int32(get(text, at + FACILITY, 4))
        chip[row] = np.int32(get(text, at + CHIP, 4))
        millicards[row] = np.int64(get(text, at + MILLICARDS, 8))
        started[row] = np.int64(get(text, at + STARTED, 8)) // 1_000_000 + POSTGRES_EPOCH
        ended[row] = np.int64(get(text, at + ENDED, 8)) // 1_000_000 + POSTGRES_EPOCH
        charge_fen[row] = np.int64(get(text, at + CHARGE, 8))
        purpose[row] = np.int8(get(text, at + PURPOSE, 2))
        via_platform[row] = text[at + VIA_PLATFORM] != 0
