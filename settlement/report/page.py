"""One worksheet that is written from top to bottom: titles, lines, grids; every cell with its stated type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xlsxwriter.utility import xl_range

from settlement.report.about import LARGEST_NUMBER_FEN
from settlement.report.cells import LINE_POINTS, CellStyles
from settlement.report.money import wan_text, yuan_text
from settlement.report.sheet import Kind, Sheet

WIDE_CHARACTERS = 200
FONT = "宋体"
_NUMBER = {
    Kind.FEN: "#,##0", Kind.YUAN: "#,##0.00", Kind.WAN: "#,##0.000000", Kind.COUNT: "#,##0", Kind.NUMBER: "#,##0.000",
}  # fmt: skip
_DIVISOR = {Kind.FEN: 1, Kind.YUAN: 100, Kind.WAN: 1_000_000}


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
        self.number = _numbers(book, cell)
        summed = {**cell, "bold": True, "bg_color": "#f4f6f8"}
        self.total_text = book.add_format({**summed, "num_format": "@"})
        self.total_exact = book.add_format({**summed, "num_format": "@", "align": "right"})
        self.total_number = _numbers(book, summed)
        # a format has no number before a cell has it; here they are numbered in one order, whatever is written first
        for style in (self.title, self.section, self.line, self.note, self.head, self.sum):
            style._get_xf_index()
        self.cells = CellStyles(
            text=self.text._get_xf_index(),
            quoted=self.quoted._get_xf_index(),
            code=self.code._get_xf_index(),
            exact=self.exact._get_xf_index(),
            number={kind: style._get_xf_index() for kind, style in self.number.items()},
        )
        text = self.total_text._get_xf_index()
        self.totals = CellStyles(
            text=text,
            quoted=text,
            code=text,
            exact=self.total_exact._get_xf_index(),
            number={kind: style._get_xf_index() for kind, style in self.total_number.items()},
        )


def _numbers(book: Any, cell: Mapping[str, Any]) -> dict[Kind, Any]:
    """Return a format for every kind of number, on the ground of a cell's."""
    return {
        kind: book.add_format(
            {**cell, "num_format": shown, "align": "center" if kind is Kind.COUNT else "right", "indent": 0}
        )
        for kind, shown in _NUMBER.items()
    }


@dataclass(frozen=True)
class Grid:
    """Where the rows of a sheet belong: below so many rows of the page, in columns of so many characters."""

    sheet: Sheet
    above: int
    widths: Sequence[int]
    styles: CellStyles


class Page:
    """A worksheet and the row that is next."""

    def __init__(self, book: Any, styles: Styles, name: str, footer: str) -> None:
        self._sheet = book.add_worksheet(name)
        self._styles = styles
        self._row = 0
        self._widths: Sequence[int] = ()
        self._as_text: list[str] = []
        self.grids: list[Grid] = []
        self._sheet.set_default_row(LINE_POINTS + 3)
        self._sheet.set_landscape()
        self._sheet.fit_to_pages(1, 0)
        self._sheet.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
        self._sheet.set_footer(footer)
        self._sheet.hide_gridlines(2)

    def widths(self, characters: Sequence[int]) -> None:
        """Set the widths of the columns; a sheet that is wider than a hand can print goes on A3."""
        self._widths = characters
        self._sheet.set_paper(8 if sum(characters) > WIDE_CHARACTERS else 9)
        for place, width in enumerate(characters):
            self._sheet.set_column(place, place, width)

    def title(self, text: str, columns: int) -> None:
        """Write a heading over so many columns."""
        self._row += 1 if self._row else 0
        self._sheet.set_row(self._row, 28)
        if columns > 1:
            self._sheet.merge_range(self._row, 0, self._row, columns - 1, "", self._styles.title)
        self._sheet.write_string(self._row, 0, text, self._styles.title)
        self._row += 1

    def section(self, text: str) -> None:
        """Write a heading inside a sheet."""
        self._row += 1 if self._row else 0
        self._sheet.set_row(self._row, 24)
        self._sheet.write_string(self._row, 0, text, self._styles.section)
        self._row += 1

    def line(self, text: str) -> None:
        """Write a line of text above a table."""
        self._sheet.write_string(self._row, 0, text, self._styles.line)
        self._row += 1

    def note(self, text: str) -> None:
        """Write a line of small print."""
        self._sheet.write_string(self._row, 0, text, self._styles.note)
        self._row += 1

    def amount_line(self, name: str, fen: int, columns: int) -> None:
        """Write a sum outside the grid, in 万元: the form itself has no such row."""
        self._sheet.write_string(self._row, max(columns - 3, 0), name, self._styles.sum)
        self._money(self._row, max(columns - 2, 1), fen, Kind.WAN, self._styles.sum)
        self._row += 1

    def signatures(self, places: Sequence[str], columns: int) -> None:
        """Leave room for signatures, in one line below the table."""
        self._row += 1
        self._sheet.set_row(self._row, 30)
        self._sheet.merge_range(self._row, 0, self._row, max(columns - 1, 1), "", self._styles.line)
        self._sheet.write_string(self._row, 0, "　　　　　　　　".join(places), self._styles.line)
        self._row += 1

    def remark(self, text: str, columns: int) -> None:
        """Write one row across a table that has no rows."""
        self._sheet.merge_range(self._row, 0, self._row, max(columns - 1, 1), "", self._styles.text)
        self._sheet.write_string(self._row, 0, text, self._styles.text)
        self._row += 1

    def table(self, sheet: Sheet, frozen_columns: int) -> None:
        """Write a whole worksheet that is one table, with its head kept in sight and on every printed page."""
        self.widths([column.width for column in sheet.columns])
        self.grid(sheet)
        self._sheet.freeze_panes(1, frozen_columns)
        self._sheet.repeat_rows(0)
        self._sheet.autofilter(0, 0, max(sheet.count, 1), len(sheet.columns) - 1)

    def grid(self, sheet: Sheet) -> None:
        """Heads, and room for the rows, in a frame. The last row is marked: where it stands all of them are put in."""
        self._sheet.set_row(self._row, 34)
        for place, column in enumerate(sheet.columns):
            self._sheet.write_string(self._row, place, column.shown_head, self._styles.head)
        self._row += 1
        if not sheet.count:
            return
        first = self._row
        self._room(sheet, self._styles.cells)
        if sheet.total is not None:
            self._room(sheet.total_sheet(), self._styles.totals)
        # exact quantities and codes are text by intent: no green corners
        self._as_text.append(xl_range(first, 0, self._row - 1, len(sheet.columns) - 1))
        self._sheet.ignore_errors({"number_stored_as_text": " ".join(self._as_text)})

    def _room(self, sheet: Sheet, styles: CellStyles) -> None:
        """Leave room for the rows of a sheet and mark the last."""
        last = self._row + sheet.count - 1
        for place in range(len(sheet.columns)):
            self._sheet.write_blank(last, place, None, self._styles.text)
        self.grids.append(Grid(sheet, self._row, self._widths[: len(sheet.columns)], styles))
        self._row = last + 1

    def _money(self, row: int, place: int, fen: int, kind: Kind, style: Any) -> None:
        """Write money as a number as far as a spreadsheet's numbers are exact (see LARGEST_NUMBER_FEN), else as text.

        The quotient of two exact integers is the nearest double of the amount, so rounding it to the fen when it is
        read back gives the amount again.
        """
        if abs(fen) <= LARGEST_NUMBER_FEN:
            self._sheet.write_number(row, place, fen if kind is Kind.FEN else fen / _DIVISOR[kind], style)
        else:
            shown = wan_text(fen) if kind is Kind.WAN else yuan_text(fen) if kind is Kind.YUAN else str(fen)
            self._sheet.write_string(row, place, shown, style)
