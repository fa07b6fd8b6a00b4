"""The workbook (xlsx): the notice's form, then totals, lines, uncounted use, cities, and what it all means."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import polars as pl

from settlement.report.about import code_rows, fact_rows, note_rows, outcome_rows, reading_rows, total_rows
from settlement.report.book import Book, Draw
from settlement.report.cities import city_sheet
from settlement.report.form import (
    NIL,
    SIGNATURES,
    FormTable,
    by_department,
    departments_sheet,
    form_notes,
    form_tables,
    form_title,
)
from settlement.report.lines import excluded_sheet, lines_sheet, survey_of
from settlement.report.notice import notice_lines, notice_sheet, notice_title, telephone_rows
from settlement.report.page import Page
from settlement.report.sheet import Column, Kind, Sheet
from settlement.report.source import Source
from settlement.report.spill import Spill
from settlement.report.survey import Survey
from settlement.rounds import Round

ROWS_A_SHEET = 1_000_000  # the format holds 1,048,576
LONGEST_NAME = 31  # of a sheet
FORM, TOTALS, NOTICE, ABOUT = "申报汇总表", "汇总", "公示名单", "说明"


def workbook_blocks(
    layout: str | None,
    settlement: Mapping[str, Any],
    source: Source,
    survey: Survey,
    matches: Sequence[Mapping[str, Any]],
    of_round: Round,
    region: str | None,
) -> Iterator[bytes]:
    """Yield the workbook with the sheets of the layout (None: all of them); its last sheet says what the file is.

    The lines are written first and once: what stands on the other sheets is gathered on the way.
    """
    excluded = Spill()
    book = Book(settlement, f"{of_round.title} {settlement['id']}", form_title(of_round))
    lines: dict[str, Draw] = {}
    if layout in (None, "lines"):
        lines = _pages(lines_sheet(source, of_round, survey, excluded, people=True))
        before = {} if layout else {FORM: _nothing, TOTALS: _nothing}
        yield from book.begin({**before, **lines}, list(lines))
    else:
        survey_of(source, survey)
    tables = form_tables(survey, matches, of_round, region)
    notes = form_notes(of_round, tables, adjusted=source.adjusted)
    forms = _forms(tables, notes, of_round)
    totals = {TOTALS: lambda page: _totals(page, settlement, survey, region)}
    cities = _pages(city_sheet(survey, of_round, adjusted=source.adjusted, people=True))
    about = {ABOUT: lambda page: _about(page, settlement, survey, of_round, region)}
    notice = {NOTICE: lambda page: _notice(page, settlement, survey, of_round, region, adjusted=source.adjusted)}
    first = {FORM: forms.pop(FORM)}
    pages: dict[str | None, dict[str, Draw]] = {
        None: {
            **first,
            **totals,
            **lines,
            **cities,
            **_pages(excluded_sheet(excluded, of_round)),
            **notice,
            **forms,
            **about,
        },
        "summary": {**first, **forms, **totals, **about},
        "lines": {**lines, **_pages(excluded_sheet(excluded, of_round)), **about},
        "city": {**cities, **totals, **about},
        "notice": notice,
    }
    yield from book.end(pages[layout])
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
        last = start + count == sheet.count
        portion = Sheet(title, sheet.columns, count, partial(rows.next, count), sheet.total if last else None)
        found[title] = _table(portion)
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


def _forms(tables: Sequence[FormTable], notes: Sequence[str], of_round: Round) -> dict[str, Draw]:
    """Return the form on one sheet, or a sheet of all departments and one for the form of each."""
    title = form_title(of_round)
    if not by_department(of_round):
        return {FORM: lambda page: _form(page, tables[0], notes, title)}
    forms = {FORM: lambda page: _departments(page, tables, notes, title)}
    return forms | {_sheet_name(table): partial(_form, table=table, notes=notes, title=title) for table in tables}


def _sheet_name(table: FormTable) -> str:
    """Return what a department's sheet is called: by its city, without what a name cannot have."""
    return re.sub(r"[\[\]:*?/\\\\]", "", table.city)[:LONGEST_NAME]


def _departments(page: Page, tables: Sequence[FormTable], notes: Sequence[str], title: str) -> None:
    sheet = departments_sheet(tables)
    page.widths([column.width for column in sheet.columns])
    page.title(title, len(sheet.columns))
    page.line("各归口管理部门的表在以各市命名的工作表中，分别打印、盖章。")
    page.grid(sheet)
    page.signatures(SIGNATURES, len(sheet.columns))
    for note in notes:
        page.note(f"注：{note}")


def _form(page: Page, table: FormTable, notes: Sequence[str], title: str) -> None:
    """Write one table of the form, with its head, its sum and room for the signatures."""
    columns = table.sheet.columns
    page.widths([column.width for column in columns])
    page.title(title, len(columns))
    for text in table.head:
        page.line(text)
    page.grid(table.sheet)
    if not table.sheet.count:
        page.remark(NIL, len(columns))
    page.amount_line("合计（万元）", table.sum_fen, len(columns))
    page.signatures(SIGNATURES, len(columns))
    for note in notes:
        page.note(f"注：{note}")


def _notice(
    page: Page, settlement: Mapping[str, Any], survey: Survey, of_round: Round, region: str | None, *, adjusted: bool
) -> None:
    sheet = notice_sheet(survey, of_round)
    page.widths([column.width for column in sheet.columns])
    page.title(notice_title(of_round), len(sheet.columns))
    for text in notice_lines(settlement, of_round, adjusted=adjusted):
        page.line(text)
    page.grid(sheet)
    if not sheet.count:
        page.remark("没有拟兑现的单位。", len(sheet.columns))
    telephones = telephone_rows(of_round, region)
    if telephones:
        page.section("受理异议的归口管理部门")
        three = (
            Column("number", "序号", Kind.COUNT),
            Column("name", "部门", Kind.TEXT),
            Column("telephone", "联系方式", Kind.TEXT),
        )
        rows = [[number, *row] for number, row in enumerate(telephones, start=1)]
        page.grid(Sheet.of(NOTICE, three, rows))


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
