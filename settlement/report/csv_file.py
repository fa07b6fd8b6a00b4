"""A sheet as CSV for people: UTF-8 with a byte order mark (spreadsheet programs ask for it), CRLF, Chinese heads.

Money is in yuan with two decimals or in 万元 with six, without separators; a quantity is a number and, beside it, its
exact text; lists of codes are their short names. Text that a spreadsheet program could run, or that begins with an
apostrophe, gets one in front; text that it would take for another number or a day (a credit code of digits, 7/36) gets
a tab behind. Programs read the parquet or json, which state their types.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import polars as pl

from settlement.report.cells import code_titles
from settlement.report.money import decimals, wan_texts
from settlement.report.safe import kept_texts, marked_texts
from settlement.report.sheet import Column, Kind, Sheet

_QUOTED = r'[,"\r\n]'


def csv_blocks(sheet: Sheet) -> Iterator[bytes]:
    """Yield the sheet, its heads first."""
    first = io.StringIO()
    csv.writer(first, lineterminator="\r\n").writerow([one.shown_head for one in sheet.columns])
    yield b"\xef\xbb\xbf" + first.getvalue().encode()
    for frame in sheet.frames():
        told = frame.with_columns(
            code_titles(frame[one.name]).alias(one.name) for one in sheet.columns if one.kind is Kind.CODES
        )
        rows = told.select(pl.concat_str([_cell(one) for one in sheet.columns], separator=",").alias("row"))["row"]
        yield "".join(f"{row}\r\n" for row in rows.to_list()).encode()


def _cell(column: Column) -> pl.Expr:
    """Return a column's cells as they stand between the commas."""
    value = pl.col(column.name)
    if column.kind is Kind.WAN:
        return wan_texts(value).fill_null("")
    if column.kind is Kind.YUAN:
        return decimals(value, 100, 2).fill_null("")
    if column.kind in (Kind.FEN, Kind.COUNT, Kind.NUMBER):
        return value.cast(pl.String).fill_null("")
    text = value.fill_null("")
    safe = marked_texts(text)
    if column.kind is Kind.QUANTITY:  # a decimal may begin with a minus: it is a number
        safe = pl.when(text.str.contains("/", literal=True)).then(safe).otherwise(text)
    shown = kept_texts(safe)
    quoted = pl.lit('"') + shown.str.replace_all('"', '""', literal=True) + pl.lit('"')
    return pl.when(shown.str.contains(_QUOTED)).then(quoted).otherwise(shown)
