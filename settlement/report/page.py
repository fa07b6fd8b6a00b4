"""One worksheet that is written from top to bottom: titles, lines, grids; every cell with its stated type."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from settlement.report.about import LARGEST_NUMBER_FEN
from settlement.report.money import wan_text, yuan_text
from settlement.report.reason_words import titles
from settlement.report.safe import is_dangerous
from settlement.report.sheet import MONEY, Column, Kind, Sheet

LONGEST_TEXT = 32_767  # what a cell can hold
WIDE_CHARACTERS = 200
LINE_POINTS = 15
FONT = "宋体"
_NUMBER = {Kind.FEN: "#,##0", Kind.YUAN: "#,##0.00", Kind.WAN: "#,##0.000000", Kind.COUNT: "#,##0"}
_DIVISOR = {Kind.FEN: 1, Kind.YUAN: 100, Kind.WAN: 1_000_000}
_NOT_IN_XML = {0xFFFE: "\ufffd", 0xFFFF: "\ufffd", **dict.fromkeys(range(0xD800, 0xE000), "\ufffd")}


class Styles:
    """The formats of a workbook, made once."""

    def __init__(self, book: Any) -> None:
        base = {"font_name": FONT, "font_size": 10.5, "valign": "vcenter"}
        cell = {**base, "border": 1, "border_color": "#9aa5b1"}
        self.title = book.add_format({**base, "bold": True, "font_size": 15, "align": "center"})
        self.section = book.add_format({**base, "bold": True, "font_size": 12})
        self.line = book.add_format(base)
        self.note = book.add_format({**base, "font_size": 9.5, "font_color": "#52606d"})
        self.head = book.add_format({**cell, "bold": True, "bg_color": "#e7edf3", "align": "center", "text_wrap": True})
        self.sum = book.add_format({**base, "bold": True, "align": "right", "num_format": _NUMBER[Kind.WAN]})
        self.text = book.add_format({**cell, "text_wrap": True, "num_format": "@"})
        # a text that begins like a formula keeps its quote, so that editing the cell does not bring it to life
        self.quoted = book.add_format({**cell, "text_wrap": True, "num_format": "@", "quote_prefix": True})
        self.code = book.add_format({**cell, "num_format": "@", "align": "center"})
        self.exact = book.add_format({**cell, "num_format": "@", "align": "right"})
        self.number = {
            kind: book.add_format(
                {**cell, "num_format": shown, "align": "center" if kind is Kind.COUNT else "right", "indent": 0}
            )
            for kind, shown in _NUMBER.items()
        }


class Page:
    """A worksheet and the row that is next."""

    def __init__(self, book: Any, styles: Styles, name: str, footer: str) -> None:
        self._sheet = book.add_worksheet(name)
        self._styles = styles
        self._row = 0
        self._widths: Sequence[int] = ()
        self._breaks: list[int] = []
        self._sheet.set_default_row(LINE_POINTS + 3)
        self._sheet.set_landscape()
        self._sheet.fit_to_pages(1, 0)
        self._sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        self._sheet.set_footer(footer)
        self._sheet.hide_gridlines(2)

    def widths(self, characters: Sequence[int]) -> None:
        """Widths of the columns; a sheet that is wider than a hand can print goes on A3."""
        self._widths = characters
        self._sheet.set_paper(8 if sum(characters) > WIDE_CHARACTERS else 9)
        for place, width in enumerate(characters):
            self._sheet.set_column(place, place, width)

    def new_page(self) -> None:
        """What follows begins on a new printed page."""
        self._row += 1
        self._breaks.append(self._row)
        self._sheet.set_h_pagebreaks(self._breaks)

    def title(self, text: str, columns: int) -> None:
        """A heading over so many columns."""
        if self._row and self._row not in self._breaks:
            self._row += 1
        self._sheet.set_row(self._row, 28)
        if columns > 1:
            self._sheet.merge_range(self._row, 0, self._row, columns - 1, "", self._styles.title)
        self._sheet.write_string(self._row, 0, text, self._styles.title)
        self._row += 1

    def section(self, text: str) -> None:
        """A heading inside a sheet."""
        self._row += 1 if self._row else 0
        self._sheet.set_row(self._row, 24)
        self._sheet.write_string(self._row, 0, text, self._styles.section)
        self._row += 1

    def line(self, text: str) -> None:
        """A line of text above a table."""
        self._sheet.write_string(self._row, 0, text, self._styles.line)
        self._row += 1

    def note(self, text: str) -> None:
        """A line of small print."""
        self._sheet.write_string(self._row, 0, text, self._styles.note)
        self._row += 1

    def amount_line(self, name: str, fen: int, columns: int) -> None:
        """A sum outside the grid, in 万元: the form itself has no such row."""
        self._sheet.write_string(self._row, max(columns - 3, 0), name, self._styles.sum)
        self._money(self._row, max(columns - 2, 1), fen, Kind.WAN, self._styles.sum)
        self._row += 1

    def table(self, sheet: Sheet, frozen_columns: int) -> None:
        """A whole worksheet that is one table, with its head kept in sight and on every printed page."""
        self.widths([column.width for column in sheet.columns])
        self.grid(sheet)
        self._sheet.freeze_panes(1, frozen_columns)
        self._sheet.repeat_rows(0)
        self._sheet.autofilter(0, 0, max(self._row - 1, 1), len(sheet.columns) - 1)

    def grid(self, sheet: Sheet) -> None:
        """Heads and rows, in a frame."""
        self._sheet.set_row(self._row, 34)
        for place, column in enumerate(sheet.columns):
            self._sheet.write_string(self._row, place, _head(column), self._styles.head)
        self._row += 1
        writers = [self._writer(column.kind) for column in sheet.columns]
        wrapping = [place for place, column in enumerate(sheet.columns) if column.kind in (Kind.TEXT, Kind.CODES)]
        first = self._row
        for row in sheet.rows:
            for place, value in enumerate(row):
                writers[place](self._row, place, value)
            high = max((self._lines_in(row[place], place) for place in wrapping), default=1)
            if high > 1:
                self._sheet.set_row(self._row, LINE_POINTS * high + 3)
            self._row += 1
        if self._row > first:  # exact quantities and codes are text by intent: no green corners
            self._sheet.ignore_errors({"number_stored_as_text": _range(first, self._row - 1, len(sheet.columns) - 1)})

    def _lines_in(self, value: object, place: int) -> int:
        """How many lines a text needs in its column: no program is asked to guess a row's height."""
        shown = titles(value) if isinstance(value, (list, tuple)) else _text(value)
        room = max(self._widths[place] - 1, 1)
        if 2 * len(shown) < room:
            return 1
        wide = sum(2 if ord(character) > 0x2E80 else 1 for character in shown)
        return min(1 + wide // room, 20)

    def _writer(self, kind: Kind) -> Callable[[int, int, object], None]:
        styles, sheet = self._styles, self._sheet

        def text(row: int, place: int, value: object) -> None:
            shown = _text(value)
            style = styles.quoted if is_dangerous(shown) else styles.text
            sheet.write_string(row, place, shown, style) if shown else sheet.write_blank(row, place, None, styles.text)

        def code(row: int, place: int, value: object) -> None:
            sheet.write_string(row, place, _text(value), styles.code)

        def quantity(row: int, place: int, value: object) -> None:
            sheet.write_string(row, place, _text(value), styles.exact)

        def codes(row: int, place: int, value: object) -> None:
            sheet.write_string(row, place, titles(value), styles.text)

        def count(row: int, place: int, value: object) -> None:
            if value is None:
                sheet.write_blank(row, place, None, styles.number[kind])
            else:
                sheet.write_number(row, place, int(str(value)), styles.number[kind])

        def money(row: int, place: int, value: object) -> None:
            if value is None:
                sheet.write_blank(row, place, None, styles.number[kind])
            else:
                self._money(row, place, int(str(value)), kind, styles.number[kind])

        writers = {Kind.TEXT: text, Kind.CODE: code, Kind.QUANTITY: quantity, Kind.CODES: codes, Kind.COUNT: count}
        return money if kind in MONEY else writers[kind]

    def _money(self, row: int, place: int, fen: int, kind: Kind, style: Any) -> None:
        """Money as a number as far as a spreadsheet's numbers are exact (see LARGEST_NUMBER_FEN), else as text.

        The quotient of two exact integers is the nearest double of the amount, so rounding it to the fen when it is
        read back gives the amount again.
        """
        if abs(fen) <= LARGEST_NUMBER_FEN:
            self._sheet.write_number(row, place, fen if kind is Kind.FEN else fen / _DIVISOR[kind], style)
        else:
            shown = wan_text(fen) if kind is Kind.WAN else yuan_text(fen) if kind is Kind.YUAN else str(fen)
            self._sheet.write_string(row, place, shown, style)


def _head(column: Column) -> str:
    return f"{column.head}（分）" if column.kind is Kind.FEN and column.head != "分" else column.head


def _text(value: object) -> str:
    """A value as a cell's text: what XML cannot hold is replaced, what a cell cannot hold is cut and says so."""
    shown = "" if value is None else str(value).translate(_NOT_IN_XML)
    return shown if len(shown) <= LONGEST_TEXT else shown[: LONGEST_TEXT - 6] + "…（已截断）"


def _range(first: int, last: int, columns: int) -> str:
    from xlsxwriter.utility import xl_range

    return str(xl_range(first, 0, last, columns))
