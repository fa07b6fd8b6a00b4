"""A sheet as CSV: UTF-8 with a byte order mark (spreadsheet programs ask for it), CRLF, exact values.

Money in fen and counts are plain integers, money in 万元 has six decimals, quantities are the contract's exact strings,
lists of codes are joined by "|". Free text that a spreadsheet program could run, or that begins with an apostrophe,
gets one in front: a reader takes off the first. Programs that guess types may read a code of digits or 7/36
as something else: people open the xlsx, which states its types.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import polars as pl

from settlement.report.money import wan_texts
from settlement.report.safe import marked_texts
from settlement.report.sheet import MONEY, Column, Kind, Sheet

_QUOTED = r'[,"\r\n]'


def csv_blocks(sheet: Sheet, *, heads: bool) -> Iterator[bytes]:
    """Yield the sheet; with `heads` its first row is for people, else it has the columns' names."""
    first = io.StringIO()
    csv.writer(first, lineterminator="\r\n").writerow([one.head if heads else one.name for one in sheet.columns])
    yield b"\xef\xbb\xbf" + first.getvalue().encode()
    for frame in sheet.frames():
        rows = frame.select(pl.concat_str([_cell(one) for one in sheet.columns], separator=",").alias("row"))["row"]
        yield "".join(f"{row}\r\n" for row in rows.to_list()).encode()


def _cell(column: Column) -> pl.Expr:
    """Return a column's cells as they stand between the commas."""
    value = pl.col(column.name)
    if column.kind is Kind.WAN:
        return wan_texts(value).fill_null("")
    if column.kind in (*MONEY, Kind.COUNT):
        return value.cast(pl.String).fill_null("")
    text = value.list.join("|") if column.kind is Kind.CODES else value
    text = text.fill_null("")
    shown = text if column.kind in (Kind.CODES, Kind.QUANTITY) else marked_texts(text)
    quoted = pl.lit('"') + shown.str.replace_all('"', '""', literal=True) + pl.lit('"')
    return pl.when(shown.str.contains(_QUOTED)).then(quoted).otherwise(shown)
