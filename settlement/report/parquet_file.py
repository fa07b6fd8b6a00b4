"""A sheet as Parquet: money as int64 fen (万元 as exact decimals), quantities as exact text, codes as lists."""

from __future__ import annotations

import io
from decimal import Decimal
from typing import Any

import polars as pl

from settlement.report.money import wan_text
from settlement.report.sheet import Kind, Sheet

_TYPES: dict[Kind, Any] = {
    Kind.TEXT: pl.String,
    Kind.CODE: pl.String,
    Kind.QUANTITY: pl.String,
    Kind.CODES: pl.List(pl.String),
    Kind.COUNT: pl.Int64,
    Kind.FEN: pl.Int64,
    Kind.YUAN: pl.Int64,
    Kind.WAN: pl.Decimal(38, 6),
}


def parquet_bytes(sheet: Sheet) -> bytes:
    """The sheet, rows in its order, one column a column, named for programs."""
    columns = {}
    for place, column in enumerate(sheet.columns):
        values = [row[place] for row in sheet.rows]
        if column.kind is Kind.WAN:
            values = [None if value is None else Decimal(wan_text(int(str(value)))) for value in values]
        columns[column.name] = pl.Series(column.name, values, dtype=_TYPES[column.kind], strict=True)
    out = io.BytesIO()
    pl.DataFrame(columns).write_parquet(out, compression="zstd", compression_level=3, statistics=True)
    return out.getvalue()
