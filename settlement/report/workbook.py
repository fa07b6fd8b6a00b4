"""The workbook (xlsx): the notice's form, then totals, lines, uncounted use, cities, and what it all means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl

from settlement.report.about import code_rows, fact_rows, note_rows, outcome_rows, reading_rows, total_rows
from settlement.report.book import Book, Draw
from settlement.report.cities import city_sheet
from settlement.report.form import FormTable, form_notes, form_tables, form_title
from settlement.report.lines import excluded_sheet, lines_sheet
from settlement.report.page import Page
from settlement.report.sheet import Column, Kind, Sheet
from settlement.report.source import Source
from settlement.report.spill import Spill
from settlement.report.survey import Survey
from settlement.rounds import Round

ROWS_A_SHEET = 1_000_000  # the format holds 1,048,576
FORM, TOTALS, LINES, CITIES, ABOUT = "申报汇总表", "汇总", "明细", "分市", "说明"


def workbook_blocks(
    layout: str | None,
    settlement: Mapping[str, Any],
    source: Source,
    survey: Survey,
    matches: Sequence[Mapping[str, Any]],
    of_round: Round,
    region: str | None,
) -> Iterator[bytes]:
    """Yield the workbook, opening at the sheet of the layout (None: the form); its last sheet says what the file is.

    The lines are written first and once: what stands on the other sheets is gathered on the way.
    """
    excluded = Spill()
    opened = {"lines": LINES, "city": CITIES}.get(layout or "", FORM)
    book = Book(settlement, f"{of_round.title} {settlement['id']}", form_title(of_round), opened)
    lines = _pages(lines_sheet(source, of_round, survey, excluded))
    yield from book.begin({FORM: _nothing, TOTALS: _nothing, **lines}, list(lines))
    cities = city_sheet(survey, of_round, adjusted=source.adjusted)
    tables = form_tables(survey, matches, of_round)
    notes = form_notes(of_round, tables, adjusted=source.adjusted)
    yield from book.end(
        {
            FORM: lambda page: _form(page, tables, notes, form_title(of_round)),
            TOTALS: lambda page: _totals(page, settlement, survey, region),
            **lines,
            **_pages(cities),
            **_pages(excluded_sheet(excluded, of_round)),
            ABOUT: lambda page: _about(page, settlement, survey, of_round, region),
        }
    )
    excluded.close()


def _nothing(_: Page) -> None:
    """Draw nothing yet."""


def _pages(sheet: Sheet) -> dict[str, Draw]:
    """Return a sheet in as many pages as it has to have; none has rows without end."""
    if sheet.count <= ROWS_A_SHEET:
        return {sheet.title: _table(sheet)}
    rows = _Portions(sheet.frames())
    found: dict[str, Draw] = {}
    for start in range(0, sheet.count, ROWS_A_SHEET):
        title = f"{sheet.title}{start // ROWS_A_SHEET + 1}" if start else sheet.title
        count = min(ROWS_A_SHEET, sheet.count - start)
        found[title] = _table(Sheet(title, sheet.columns, count, partial(rows.next, count)))
    return found


def _table(sheet: Sheet) -> Draw:
    return partial(Page.table, sheet=sheet, frozen_columns=2)


class _Portions:
    """Gives rows away in portions, one after the other."""

    def __init__(self, frames: Iterator[pl.DataFrame]) -> None:
        self._frames = frames
        self._left: pl.DataFrame | None = None

    def next(self, rows: int) -> Iterator[pl.DataFrame]:
        """Yield the next so many rows."""
        while rows > 0:
            frame = self._left if self._left is not None else next(self._frames)
            yield frame.head(rows)
            self._left = frame.slice(rows) if frame.height > rows else None
            rows -= frame.height


def _form(page: Page, tables: Sequence[FormTable], notes: Sequence[str], title: str) -> None:
    """Write the tables of the form one under the other, each department's on a printed page of its own."""
    columns = tables[0].sheet.columns
    page.widths([column.width for column in columns])
    for place, table in enumerate(tables):
        if place:
            page.new_page()
        page.title(title, len(columns))
        for text in table.head:
            page.line(text)
        page.grid(table.sheet)
        page.amount_line("合计（万元）", table.sum_fen, len(columns))
        for note in notes:
            page.note(f"注：{note}")


def _totals(page: Page, settlement: Mapping[str, Any], survey: Survey, region: str | None) -> None:
    page.widths([30, 24, 24, 24])
    page.section("全部结算合计" if region else "合计")
    money = (
        Column("name", "项目", Kind.TEXT),
        Column("yuan", "元", Kind.YUAN),
        Column("wan", "万元", Kind.WAN),
        Column("fen", "分", Kind.FEN),
    )
    page.grid(Sheet.of(TOTALS, money, [[name, fen, fen, fen] for name, fen in total_rows(settlement)]))
    page.section(f"单位数（地区 {region}）" if region else "单位数")
    counts = (Column("name", "项目", Kind.TEXT), Column("count", "数量", Kind.COUNT))
    page.grid(Sheet.of("单位数", counts, outcome_rows(survey)))


def _about(page: Page, settlement: Mapping[str, Any], survey: Survey, of_round: Round, region: str | None) -> None:
    page.widths([26, 78, 78, 16, 10])
    page.section("结算")
    facts = [*fact_rows(settlement, of_round), *([("本文件限于地区", region)] if region else [])]
    two = (Column("name", "项目", Kind.TEXT), Column("text", "内容", Kind.TEXT))
    page.grid(Sheet.of("结算", two, facts))
    page.section("口径")
    page.grid(Sheet.of("口径", two, reading_rows(settlement)))
    page.section("原因与提示")
    words = (
        Column("kind", "性质", Kind.TEXT),
        Column("title", "名称（代码）", Kind.TEXT),
        Column("meaning", "含义", Kind.TEXT),
        Column("rule", "规则", Kind.CODE),
        Column("lines", "单位数", Kind.COUNT),
    )
    page.grid(Sheet.of("原因与提示", words, code_rows(survey)))
    page.section("说明")
    for note in note_rows():
        page.note(note)
