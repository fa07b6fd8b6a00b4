"""Query results as Polars frames, by CSV COPY: the quickest way out of PostgreSQL that keeps every type exact."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

import asyncpg
import polars as pl


async def frame(
    connection: asyncpg.Connection, query: str, schema: Mapping[str, pl.DataType | type[pl.DataType]]
) -> pl.DataFrame:
    """The rows of `query`, whose columns stand in the order of `schema`; booleans must be selected as integers 0 and 1.

    `query` is composed of constants and integers only. Raises whatever the server says.
    """
    stream = BytesIO()
    await connection.copy_from_query(query, output=stream, format="csv")
    raw = {name: pl.Int8 if kind == pl.Boolean else kind for name, kind in schema.items()}
    if not stream.getbuffer().nbytes:
        return pl.DataFrame(schema=dict(schema))
    stream.seek(0)
    table = pl.read_csv(stream, has_header=False, schema=raw)
    return table.with_columns(pl.col(name).cast(pl.Boolean) for name, kind in schema.items() if kind == pl.Boolean)
