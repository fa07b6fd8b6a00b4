"""A sheet as Parquet: money as int64 fen (万元 as exact decimals), quantities as exact text, codes as lists."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from settlement.report.money import wan_texts
from settlement.report.outlet import Outlet
from settlement.report.sheet import MONEY, TYPES, Column, Kind, Sheet

GROUP_ROWS: Final = 20_000
_LARGEST: Final = 2**63 - 1


def parquet_blocks(sheet: Sheet) -> Iterator[bytes]:
    """Yield the sheet, rows in its order, one column a column, named for programs.

    Sums of a city that 64 bits cannot hold make their column one of whole decimals.
    """
    outlet = Outlet()
    groups = _groups(sheet)
    first = next(groups)
    types = {column.name: _type(column, first) for column in sheet.columns}
    schema = _table(first.clear(), sheet, types).schema
    with pq.ParquetWriter(outlet, schema, compression="zstd", compression_level=3) as writer:
        yield outlet.taken()
        writer.write_table(_table(first, sheet, types))
        for group in groups:
            yield outlet.taken()
            writer.write_table(_table(group, sheet, types))
    yield outlet.taken()


def _groups(sheet: Sheet) -> Iterator[pl.DataFrame]:
    """Yield the rows in portions of about GROUP_ROWS; at least one, which may be empty."""
    kept = [pl.DataFrame(schema={column.name: TYPES[column.kind] for column in sheet.columns})]
    rows, given = 0, False
    for frame in sheet.frames():
        kept.append(frame)
        rows += frame.height
        if rows >= GROUP_ROWS:
            yield pl.concat(kept)
            kept, rows, given = kept[:1], 0, True
    if rows or not given:
        yield pl.concat(kept)


def _type(column: Column, rows: pl.DataFrame) -> Any:
    """Return the type of a column in the file."""
    if column.kind is Kind.WAN:
        return pl.Decimal(38, 6)
    if column.kind not in MONEY:
        return TYPES[column.kind]
    largest = rows[column.name].abs().max()
    return pl.Int64 if largest is None or int(str(largest)) <= _LARGEST else pl.Decimal(38, 0)


def _table(rows: pl.DataFrame, sheet: Sheet, types: dict[str, Any]) -> pa.Table:
    def typed(column: Column) -> pl.Expr:
        value = wan_texts(pl.col(column.name)) if column.kind is Kind.WAN else pl.col(column.name)
        return value.cast(types[column.name]).alias(column.name)

    return rows.select(typed(column) for column in sheet.columns).to_arrow()
