"""A sheet as CSV: UTF-8 with a byte order mark (spreadsheet programs ask for it), CRLF, exact values.

Money in fen and counts are plain integers, money in 万元 has six decimals, quantities are the contract's exact strings,
lists of codes are joined by "|". Free text that a spreadsheet program could run, or that begins with an apostrophe,
gets one in front: a reader takes off the first. Programs that guess types may read a code of digits or 7/36
as something else: people open the xlsx, which states its types.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

from settlement.report.money import wan_text
from settlement.report.safe import marked
from settlement.report.sheet import MONEY, Column, Kind, Sheet


def csv_bytes(sheet: Sheet, *, heads: bool) -> bytes:
    """The sheet; with `heads` its first row is for people, else it has the columns' names."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow([column.head if heads else column.name for column in sheet.columns])
    shown = [_cell(column) for column in sheet.columns]
    for row in sheet.rows:
        writer.writerow([cell(value) for cell, value in zip(shown, row, strict=True)])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _cell(column: Column) -> Callable[[object], str]:
    def plain(value: object) -> str:
        return "" if value is None else str(value)

    def money(value: object) -> str:
        return wan_text(int(str(value))) if value is not None else ""

    def codes(value: object) -> str:
        assert isinstance(value, (list, tuple))
        return "|".join(str(code) for code in value)

    def text(value: object) -> str:
        return marked(plain(value))

    if column.kind is Kind.WAN:
        return money
    if column.kind is Kind.CODES:
        return codes
    return plain if column.kind in (*MONEY, Kind.COUNT, Kind.QUANTITY) else text
