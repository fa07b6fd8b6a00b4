"""Query results as numpy rows, by binary COPY: no number is turned into text and back on the way."""

from __future__ import annotations

from collections.abc import Mapping

import asyncpg
import numpy as np
import numpy.typing as npt

_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
_TRAILER = b"\xff\xff"


async def binary_rows(connection: asyncpg.Connection, query: str, columns: Mapping[str, str]) -> npt.NDArray[np.void]:
    """The rows of `query`: fields by `columns`, name -> big-endian type as wide as the column is in PostgreSQL.

    Every column must be of that width and never null. `query` is composed of constants and integers only.
    """
    chunks: list[bytes] = []

    async def collect(chunk: bytes) -> None:
        chunks.append(chunk)

    await connection.copy_from_query(query, output=collect, format="binary")
    stream = b"".join(chunks)
    if not stream.startswith(_HEADER) or not stream.endswith(_TRAILER):
        raise ValueError("the stream is no complete binary COPY")
    wire = np.dtype(
        [("fields", ">i2")]
        + [part for name, kind in columns.items() for part in ((f"{name} bytes", ">i4"), (name, kind))]
    )
    if (len(stream) - len(_HEADER) - len(_TRAILER)) % wire.itemsize:
        raise ValueError("the rows are not as wide as they should be")
    rows = np.frombuffer(stream, wire, (len(stream) - len(_HEADER)) // wire.itemsize, len(_HEADER))
    for name, kind in columns.items():
        if (rows[f"{name} bytes"] != np.dtype(kind).itemsize).any():
            raise ValueError(f"column {name} is null, or not as wide as it should be")
    return rows
