"""The kernel that makes of checked records the journal rows that COPY takes and the keys that the key file takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from meter.journal.rows.layout import BLANK, POSTGRES_EPOCH, WIRE
from meter.kernels.kernel import Array, kernel

_AT: dict[str, int] = {name: place[1] for name, place in (WIRE.fields or {}).items()}
ORDINAL, KEY, SOURCE = _AT["ordinal"], _AT["key"], _AT["source"]
CONSUMER, FACILITY, CHIP, MILLICARDS = _AT["consumer"], _AT["facility"], _AT["chip"], _AT["millicards"]
STARTED, ENDED, CHARGE = _AT["started_at"], _AT["ended_at"], _AT["charge_fen"]
PURPOSE, VIA_PLATFORM, ACTION, CORRECTS = _AT["purpose"], _AT["via_platform"], _AT["action"], _AT["corrects"]
ORDER, EVIDENCE = _AT["order_digest"], _AT["evidence_digest"]


@dataclass
class Rows:
    """Journal rows of one or more deliveries, their batch not yet numbered."""

    wire: npt.NDArray[np.void]
    """WIRE; batch is 0, consumers without a number are -1."""
    keys: npt.NDArray[np.uint64]
    """(n, 2): the two halves of each key."""
    corrections: int
    """How many rows correct something."""
    nameless: int
    """How many rows have a consumer without a number."""


def rows_of(records: npt.NDArray[Any], sources: npt.NDArray[np.int32]) -> Rows:
    """Return the rows of checked records (intake's RECORD) and the source of each."""
    count = len(records)
    matrix = np.empty((count, WIRE.itemsize), np.uint8)
    keys = np.empty((count, 2), np.uint64)
    corrections, nameless = encode_rows(records, sources, BLANK.view(np.uint8), matrix, keys.view(np.uint8))
    return Rows(matrix.view(WIRE)[:, 0], keys, corrections, nameless)


def joined(parts: Sequence[Rows]) -> Rows:
    """Return rows laid end to end."""
    if len(parts) == 1:
        return parts[0]
    # as bytes: numpy joins records into the machine's byte order
    matrix = np.concatenate([part.wire.view(np.uint8).reshape(-1, WIRE.itemsize) for part in parts])
    return Rows(
        matrix.view(WIRE)[:, 0],
        np.concatenate([part.keys for part in parts]),
        sum(part.corrections for part in parts),
        sum(part.nameless for part in parts),
    )


@kernel(inline=True)
def put(matrix: Array, row: int, at: int, value: int, size: int) -> None:
    """Write an integer big-endian."""
    for step in range(size):
        matrix[row, at + step] = (value >> (8 * (size - 1 - step))) & 0xFF


@kernel
def encode_rows(records: Array, sources: Array, blank: Array, matrix: Array, keys: Array) -> tuple[int, int]:
    """Fill `matrix` (n, row bytes) and `keys` (n, 16) from RECORD rows: (corrections, rows with nameless consumers)."""
    corrections = 0
    nameless = 0
    for row in range(records.shape[0]):
        record = records[row]
        for step in range(matrix.shape[1]):
            matrix[row, step] = blank[step]
        put(matrix, row, ORDINAL, record.index, 4)
        for step in range(16):
            matrix[row, KEY + step] = record.key[step]
            keys[row, step] = record.key[step]
        put(matrix, row, SOURCE, sources[row], 4)
        put(matrix, row, CONSUMER, record.consumer, 4)
        nameless += record.consumer == -1
        put(matrix, row, FACILITY, record.facility, 4)
        put(matrix, row, CHIP, record.chip, 4)
        put(matrix, row, MILLICARDS, record.millicards, 8)
        put(matrix, row, STARTED, (record.started - POSTGRES_EPOCH) * 1_000_000, 8)
        put(matrix, row, ENDED, (record.ended - POSTGRES_EPOCH) * 1_000_000, 8)
        put(matrix, row, CHARGE, record.charge_fen, 8)
        put(matrix, row, PURPOSE, record.purpose, 2)
        put(matrix, row, VIA_PLATFORM, 1 if record.via_platform else 0, 1)
        put(matrix, row, ORDER, record.order_digest, 8)
        put(matrix, row, EVIDENCE, record.evidence_digest ^ record.event_source, 8)
        if record.action != 0:
            corrections += 1
            put(matrix, row, ACTION, record.action, 2)
            for step in range(16):
                matrix[row, CORRECTS + step] = record.corrects[step]
    return corrections, nameless


@kernel
def repeats_inside(keys: Array) -> bool:
    """Return whether two of the keys (n, 2) begin with the same eight bytes: then one may repeat the other."""
    size = 16
    while size < 2 * keys.shape[0]:
        size *= 2
    mask = np.uint64(size - 1)
    seen = np.zeros(size, np.int32)
    for row in range(keys.shape[0]):
        slot = keys[row, 0] & mask
        while seen[slot] > 0:
            if keys[seen[slot] - 1, 0] == keys[row, 0]:
                return True
            slot = (slot + np.uint64(1)) & mask
        seen[slot] = row + 1
    return False
