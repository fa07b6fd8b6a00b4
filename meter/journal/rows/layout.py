"""The journal row: one fixed-width numpy layout that is at once what is stored, what is hashed and what is read back.

`ENTRY` is the row in the machine's byte order, for computing. `WIRE` is the same row as a tuple of PostgreSQL's binary
COPY: big-endian values, each behind its length. An array of `WIRE` between COPY's header and trailer is
a complete stream, so nothing is formatted per record on the way in or out.
"""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import numpy.typing as npt

POSTGRES_EPOCH = int(datetime(2000, 1, 1, tzinfo=UTC).timestamp())  # timestamptz counts microseconds from here

RECORD, REPLACE, VOID = 0, 1, 2
NO_KEY = bytes(16)

# name, native type, wire type, bytes on the wire
_COLUMNS: tuple[tuple[str, str, str, int], ...] = (
    ("batch", "i8", ">i8", 8),
    ("ordinal", "i4", ">i4", 4),
    ("key", "V16", "V16", 16),
    ("source", "i4", ">i4", 4),
    ("consumer", "i4", ">i4", 4),
    ("facility", "i4", ">i4", 4),
    ("chip", "i4", ">i4", 4),
    ("millicards", "i8", ">i8", 8),
    ("started_at", "i8", ">i8", 8),
    ("ended_at", "i8", ">i8", 8),
    ("charge_fen", "i8", ">i8", 8),
    ("purpose", "i2", ">i2", 2),
    ("via_platform", "?", "?", 1),
    ("action", "i2", ">i2", 2),
    ("corrects", "V16", "V16", 16),
    ("order_digest", "i8", ">i8", 8),
    ("evidence_digest", "i8", ">i8", 8),
)
COLUMN_NAMES = tuple(name for name, *_ in _COLUMNS)
CONTENT = COLUMN_NAMES[COLUMN_NAMES.index("consumer") :]  # what makes two records the same by meaning
_TIMES = ("started_at", "ended_at")

ENTRY = np.dtype([(name, native) for name, native, _, _ in _COLUMNS])
"""One entry; started_at and ended_at are whole epoch seconds, key and corrects 16 raw bytes."""

WIRE = np.dtype(
    [("fields", ">i2")] + [part for name, _, wire, _ in _COLUMNS for part in ((f"{name}_length", ">i4"), (name, wire))]
)
"""One tuple of the binary COPY; started_at and ended_at are microseconds since 2000."""

BATCH_END = WIRE.fields["batch"][1] + 8  # type: ignore[index]
"""Bytes of a row up to and with its batch: the rest is what a batch's rows digest covers."""

BLANK = np.zeros(1, WIRE)
BLANK["fields"] = len(_COLUMNS)
for _name, _, _, _length in _COLUMNS:
    BLANK[f"{_name}_length"] = _length


def from_wire(wire: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Return COPY tuples (WIRE) as entries (ENTRY), in the same order."""
    entries = np.empty(len(wire), ENTRY)
    for name in COLUMN_NAMES:
        entries[name] = wire[name]
    for name in _TIMES:
        entries[name] = wire[name] // 1_000_000 + POSTGRES_EPOCH
    return entries


def parse_tuples(body: bytes | bytearray | memoryview) -> npt.NDArray[np.void]:
    """Return the tuples (WIRE) of a binary COPY of `entry`, without its header and trailer.

    Raises ValueError when it is not whole fixed-width tuples: then the table is not what this code believes.
    """
    if len(body) % WIRE.itemsize:
        raise ValueError("the stream is not a binary COPY of journal rows")
    wire = np.frombuffer(body, WIRE)
    for name, _, _, length in _COLUMNS:
        if len(wire) and not (wire[f"{name}_length"] == length).all():
            raise ValueError(f"column {name} of the journal is not {length} bytes wide everywhere")
    return wire
