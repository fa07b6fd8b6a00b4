"""The workbook (xlsx): the notice's form, then totals, lines, uncounted use, cities, and what it all means."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import xlsxwriter

from settlement.report.about import (
    code_rows,
    fact_rows,
    note_rows,
    outcome_rows,
    reading_rows,
    total_rows,
)
from settlement.report.cities import city_sheet
from settlement.report.form import FormTable, form_notes, form_tables, form_title
from settlement.report.lines import excluded_sheet, lines_sheet
from settlement.report.page import Page, Styles
from settlement.report.sheet import Column, Kind, Sheet
from settlement.rounds import Round

UNDATED = datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook's dates carry no zone
ROWS_A_SHEET = 1_000_000  # the format holds 1,048,576


def workbook_bytes(
    layout: str | None,
    settlement: Mapping[str, Any],
    lines: Sequence[Mapping[str, Any]],
    excluded: Mapping[str, Sequence[Mapping[str, Any]]],
    matches: Sequence[Mapping[str, Any]],
    of_round: Round,
    region: str | None,
) -> bytes:
    """The whole workbook, opening at the sheet of the layout (None: the form); its last sheet says what the file is."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties(
        {
            "title": f"{of_round.title} {settlement['id']}",
            "subject": form_title(of_round),
            "comments": str(settlement["digest"]),
            "created": _created(settlement),
        }
    )
    book.set_calc_mode("manual")  # nothing here is a formula
    styles = Styles(book)
    footer = f"&L{settlement['id']}&C第 &P 页，共 &N 页&R{str(settlement['digest'])[:23]}"
    _form(Page(book, styles, "申报汇总表", footer), lines, matches, of_round)
    _totals(Page(book, styles, "汇总", footer), settlement, lines, region)
    cities, everything = city_sheet(lines, of_round), lines_sheet(lines)
    for sheet in (*_parts(everything), cities, *_parts(excluded_sheet(lines, excluded, of_round))):
        Page(book, styles, sheet.title, footer).table(sheet, frozen_columns=2)
    _about(Page(book, styles, "说明", footer), settlement, lines, of_round, region)
    opened = {"lines": everything.title, "city": cities.title}.get(layout or "", "申报汇总表")
    book.get_worksheet_by_name(opened).activate()
    book.close()
    return out.getvalue()


def _created(settlement: Mapping[str, Any]) -> datetime:
    """The day the settlement was computed, so that the same settlement is the same file."""
    value = settlement.get("created_at")
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return moment.replace(tzinfo=None, microsecond=0) if isinstance(moment, datetime) else UNDATED


def _parts(sheet: Sheet) -> Iterator[Sheet]:
    """A sheet in as many parts as it has to have; none has rows without end."""
    yield Sheet(sheet.title, sheet.columns, sheet.rows[:ROWS_A_SHEET])
    for part, start in enumerate(range(ROWS_A_SHEET, len(sheet.rows), ROWS_A_SHEET), start=2):
        yield Sheet(f"{sheet.title}{part}", sheet.columns, sheet.rows[start : start + ROWS_A_SHEET])


def _form(
    page: Page, lines: Sequence[Mapping[str, Any]], matches: Sequence[Mapping[str, Any]], of_round: Round
) -> None:
    """The tables of the form one under the other, each department's on a printed page of its own."""
    tables: list[FormTable] = form_tables(lines, matches, of_round)
    notes = form_notes(of_round, lines)
    columns = tables[0].sheet.columns
    page.widths([column.width for column in columns])
    for place, table in enumerate(tables):
        if place:
            page.new_page()
        page.title(form_title(of_round), len(columns))
        for text in table.head:
            page.line(text)
        page.grid(table.sheet)
        page.amount_line("合计（万元）", table.sum_fen, len(columns))
        for note in notes:
            page.note(f"注：{note}")


def _totals(page: Page, settlement: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], region: str | None) -> None:
    page.widths([30, 24, 24, 24])
    page.section("全部结算合计" if region else "合计")
    money = (
        Column("name", "项目", Kind.TEXT),
        Column("yuan", "元", Kind.YUAN),
        Column("wan", "万元", Kind.WAN),
        Column("fen", "分", Kind.FEN),
    )
    page.grid(Sheet("汇总", money, [[name, fen, fen, fen] for name, fen in total_rows(settlement)]))
    page.section(f"单位数（地区 {region}）" if region else "单位数")
    counts = (Column("name", "项目", Kind.TEXT), Column("count", "数量", Kind.COUNT))
    page.grid(Sheet("单位数", counts, outcome_rows(lines)))


def _about(
    page: Page, settlement: Mapping[str, Any], lines: Sequence[Mapping[str, Any]], of_round: Round, region: str | None
) -> None:
    page.widths([26, 78, 78, 16, 10])
    page.section("结算")
    facts = [*fact_rows(settlement, of_round), *([("本文件限于地区", region)] if region else [])]
    two = (Column("name", "项目", Kind.TEXT), Column("text", "内容", Kind.TEXT))
    page.grid(Sheet("结算", two, facts))
    page.section("口径")
    page.grid(Sheet("口径", two, reading_rows(settlement)))
    page.section("原因与提示")
    words = (
        Column("kind", "性质", Kind.TEXT),
        Column("title", "名称（代码）", Kind.TEXT),
        Column("meaning", "含义", Kind.TEXT),
        Column("rule", "规则", Kind.CODE),
        Column("lines", "单位数", Kind.COUNT),
    )
    page.grid(Sheet("原因与提示", words, code_rows(lines)))
    page.section("说明")
    for note in note_rows():
        page.note(note)
