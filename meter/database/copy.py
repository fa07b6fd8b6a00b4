"""COPY in and out: rows of a table as numpy sees them, by the binary form, and query results as frames, by CSV.

The quick ways into PostgreSQL and out of it that keep every type exact. Queries are composed of constants and integers
only, since COPY takes no parameters.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from io import BytesIO

import asyncpg
import numpy as np
import numpy.typing as npt
import polars as pl

COPY_HEADER = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
COPY_TRAILER = b"\xff\xff"
STREAM_BYTES = 256 * 1024
PORTION_ROWS = 250_000


async def copy_in(
    connection: asyncpg.Connection, table: str, columns: Sequence[str], wire: npt.NDArray[np.void]
) -> None:
    """Append rows that are laid out as tuples of the binary form already."""
    await connection.copy_to_table(table, source=_pieces(wire), columns=list(columns), format="binary")


async def _pieces(wire: npt.NDArray[np.void]) -> AsyncIterator[bytes | memoryview]:
    """Give a whole stream of rows in pieces that the server can work on while the next is on its way."""
    yield COPY_HEADER
    body = np.ascontiguousarray(wire).view(np.uint8).data
    for start in range(0, len(body), STREAM_BYTES):
        yield body[start : start + STREAM_BYTES]
    yield COPY_TRAILER


async def copy_out(connection: asyncpg.Connection, query: str) -> memoryview:
    """Return the tuples of a query in the binary form, without header and trailer.

    Raises ValueError for a stream that is not complete.
    """
    chunks: list[bytes] = []

    async def collect(chunk: bytes) -> None:
        chunks.append(chunk)

    await connection.copy_from_query(query, output=collect, format="binary")
    stream = b"".join(chunks)
    if not stream.startswith(COPY_HEADER) or not stream.endswith(COPY_TRAILER):
        raise ValueError("the stream is not a complete binary COPY")
    return memoryview(stream)[len(COPY_HEADER) : -len(COPY_TRAILER)]


async def binary_rows(connection: asyncpg.Connection, query: str, columns: Mapping[str, str]) -> npt.NDArray[np.void]:
    """Return the rows of `query`: fields by `columns`, name -> big-endian type as wide as the column in PostgreSQL.

    No number is turned into text and back. Every column must be of that width and never null.
    """
    return _rows(await copy_out(connection, query), columns)


async def binary_portions(
    connection: asyncpg.Connection,
    query: str,
    columns: Mapping[str, str],
    take: Callable[[npt.NDArray[np.void]], Awaitable[None]],
) -> None:
    """Have the rows of `query` taken as they come, PORTION_ROWS at a time, as `binary_rows` gives them.

    One portion is taken while the next arrives, and never two at once.
    """
    width = _wire(columns).itemsize
    kept = bytearray()
    begun = False
    taking: asyncio.Future[None] | None = None

    async def hand_over(rows: npt.NDArray[np.void]) -> None:
        nonlocal taking
        if taking is not None:
            await taking
        taking = asyncio.ensure_future(take(rows))

    async def collect(chunk: bytes) -> None:
        nonlocal kept, begun
        kept += chunk
        if not begun and len(kept) >= len(COPY_HEADER):
            if not kept.startswith(COPY_HEADER):
                raise ValueError("the stream is no binary COPY")
            del kept[: len(COPY_HEADER)]
            begun = True
        # what is left may end with the trailer, which is shorter than any row
        if begun and len(kept) >= PORTION_ROWS * width + len(COPY_TRAILER):
            whole, kept = kept[: PORTION_ROWS * width], kept[PORTION_ROWS * width :]
            await hand_over(_rows(memoryview(whole), columns))

    try:
        await connection.copy_from_query(query, output=collect, format="binary")
        if not begun or not kept.endswith(COPY_TRAILER):
            raise ValueError("the stream is not a complete binary COPY")
        await hand_over(_rows(memoryview(kept)[: -len(COPY_TRAILER)], columns))
    finally:
        if taking is not None:
            await taking


def _wire(columns: Mapping[str, str]) -> np.dtype[np.void]:
    return np.dtype(
        [("fields", ">i2")]
        + [part for name, kind in columns.items() for part in ((f"{name} bytes", ">i4"), (name, kind))]
    )


def _rows(body: memoryview, columns: Mapping[str, str]) -> npt.NDArray[np.void]:
    wire = _wire(columns)
    if len(body) % wire.itemsize:
        raise ValueError("the rows are not as wide as they should be")
    rows = np.frombuffer(body, wire)
    for name, kind in columns.items():
        if (rows[f"{name} bytes"] != np.dtype(kind).itemsize).any():
            raise ValueError(f"column {name} is null, or not as wide as it should be")
    return rows


async def frame(
    connection: asyncpg.Connection, query: str, schema: Mapping[str, pl.DataType | type[pl.DataType]]
) -> pl.DataFrame:
    """Return the rows of `query`, whose columns stand in the order of `schema`; booleans selected as integers 0 and 1.

    Raises whatever the server says.
    """
    stream = BytesIO()
    await connection.copy_from_query(query, output=stream, format="csv")
    raw = {name: pl.Int8 if kind == pl.Boolean else kind for name, kind in schema.items()}
    if not stream.getbuffer().nbytes:
        return pl.DataFrame(schema=dict(schema))
    stream.seek(0)
    table = pl.read_csv(stream, has_header=False, schema=raw)
    return table.with_columns(pl.col(name).cast(pl.Boolean) for name, kind in schema.items() if kind == pl.Boolean)
