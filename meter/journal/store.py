"""The SQL of the journal: looking up keys, appending rows, reading batches back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

import asyncpg
import numpy as np
import numpy.typing as npt

from meter.journal.decide import Known
from meter.journal.row import COLUMN_NAMES, COPY_HEADER, COPY_TRAILER, WIRE, from_wire, parse_copy

_ENTRY_COLUMNS = ", ".join(COLUMN_NAMES)
_QUARANTINE_COLUMNS = (
    "batch", "ordinal", "source", "record_id", "status", "code", "detail", "record", "digest", "against", "consumer",
    "started_at", "ended_at",
)  # fmt: skip


async def lookup(connection: asyncpg.Connection, keys: Sequence[bytes]) -> Known:
    """The entries that stand under `keys` (16 bytes each), and which of the keys are corrected."""
    if not keys:
        return Known.nothing()
    listed = _uuids(keys)
    entries = await _entries(connection, f"select {_ENTRY_COLUMNS} from entry where key = any({listed})")
    corrected = await connection.fetch(f"select key from reversal where key = any({listed})")
    return Known(entries, frozenset(row["key"].bytes for row in corrected))


async def append_entries(connection: asyncpg.Connection, wire: npt.NDArray[np.void]) -> None:
    """COPY rows (WIRE) into the journal. Raises asyncpg.UniqueViolationError when a key is already there."""
    if len(wire):
        stream = BytesIO(COPY_HEADER + wire.tobytes() + COPY_TRAILER)
        await connection.copy_to_table("entry", source=stream, columns=list(COLUMN_NAMES), format="binary")


async def append_reversals(
    connection: asyncpg.Connection, corrections: Iterable[tuple[int, int, npt.NDArray[np.void]]]
) -> None:
    """Record what corrections take back: (batch, ordinal of the correction, the entry that no longer counts)."""
    from datetime import UTC, datetime
    from uuid import UUID

    from meter.journal.tables import MEASURED  # the table's own order of columns

    rows: list[tuple[Any, ...]] = []
    for number, ordinal, entry in corrections:
        row = entry[0]
        values = {name: row[name].item() for name in MEASURED}
        for name in ("started_at", "ended_at"):
            values[name] = datetime.fromtimestamp(values[name], UTC)
        rows.append((UUID(bytes=row["key"].tobytes()), number, ordinal, *(values[name] for name in MEASURED)))
    if rows:
        await connection.copy_records_to_table("reversal", records=rows, columns=["key", "batch", "ordinal", *MEASURED])


async def known_quarantine(connection: asyncpg.Connection, digests: Sequence[bytes]) -> dict[bytes, int]:
    """Digest -> batch of the quarantined records that are already kept."""
    if not digests:
        return {}
    rows = await connection.fetch("select digest, batch from quarantine where digest = any($1::bytea[])", digests)
    return {row["digest"]: row["batch"] for row in rows}


async def append_quarantine(connection: asyncpg.Connection, rows: Sequence[tuple[Any, ...]]) -> None:
    """Keep records for a person: tuples in the order of the table's columns after `id`."""
    if rows:
        await connection.copy_records_to_table("quarantine", records=rows, columns=list(_QUARANTINE_COLUMNS))


async def read_entries(connection: asyncpg.Connection, first: int, last: int) -> npt.NDArray[np.void]:
    """All entries (ENTRY) of the batches first..last, by batch and ordinal."""
    return from_wire(await read_wire(connection, first, last))


async def read_wire(connection: asyncpg.Connection, first: int, last: int) -> npt.NDArray[np.void]:
    """All rows (WIRE) of the batches first..last, by batch and ordinal, as they were hashed."""
    query = (
        f"select {_ENTRY_COLUMNS} from entry where batch between {int(first)} and {int(last)} order by batch, ordinal"
    )
    return await _wire(connection, query)


async def _entries(connection: asyncpg.Connection, query: str) -> npt.NDArray[np.void]:
    return from_wire(await _wire(connection, query))


async def _wire(connection: asyncpg.Connection, query: str) -> npt.NDArray[np.void]:
    chunks: list[bytes] = []

    async def collect(chunk: bytes) -> None:
        chunks.append(chunk)

    await connection.copy_from_query(query, output=collect, format="binary")
    stream = b"".join(chunks)
    return parse_copy(stream) if stream else np.empty(0, WIRE)


def _uuids(keys: Sequence[bytes]) -> str:
    """Our own 16-byte digests as an SQL array literal: hexadecimal only, so nothing can be injected."""
    return "'{" + ",".join(key.hex() for key in keys) + "}'::uuid[]"
