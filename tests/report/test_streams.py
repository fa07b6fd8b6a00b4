"""A report leaves while its lines are read: the beginning at once, never more of it in memory than some blocks."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from functools import cache
from typing import Any

import openpyxl
import polars as pl
import pytest

from settlement.report import FORMATS, LAYOUTS, render, report_blocks, workbook
from settlement.report.money import yuan_text
from settlement.report.source import Given
from settlement.rounds import load_rounds
from tests.report import example, reading

ROUND = load_rounds()["anhui-2026"]
MANY, AT_ONCE = 8_000, 1_000
LARGEST_PORTION = 3_000_000


class Watched:
    """So many lines, made when they are asked for; counts the blocks that were."""

    adjusted = False

    def __init__(self, count: int, at_once: int = AT_ONCE) -> None:
        self.count, self._at_once = count, at_once
        self.blocks_made = 0

    def blocks(self, *, excluded: bool) -> Iterator[pl.DataFrame]:
        """Yield the lines."""
        for first in range(0, self.count, self._at_once):
            self.blocks_made += 1
            yield block(first, min(first + self._at_once, self.count), excluded=excluded)


@cache
def block(first: int, end: int, *, excluded: bool) -> pl.DataFrame:
    """Some lines."""
    lines = [example.line(f"9134{n:014d}", f"单位{n}", f"34{n % 17 + 1:02d}00", n) for n in range(first, end)]
    parts = {line["uscc"]: example.excluded()["91340123MA00000021"] for line in lines}
    return next(Given(lines, parts).blocks(excluded=excluded))


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("layout", [None, *LAYOUTS])
def test_a_report_of_any_size_leaves_in_portions(form: str, layout: str | None) -> None:
    source = Watched(MANY)
    portions = [len(one) for one in report_blocks(form, layout, example.settlement(), source, ROUND)]
    assert max(portions) < LARGEST_PORTION
    assert source.blocks_made >= MANY / AT_ONCE


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("layout", [None, *LAYOUTS])
def test_the_first_bytes_wait_for_no_line(form: str, layout: str | None) -> None:
    source = Watched(MANY)
    portions = report_blocks(form, layout, example.settlement(), source, ROUND)
    assert next(portions)
    assert source.blocks_made == 0
    portions.close()


def test_whoever_stops_listening_ends_the_reading() -> None:
    source = Watched(MANY)
    portions = report_blocks("csv", None, example.settlement(), source, ROUND)
    next(portions), next(portions), next(portions)
    portions.close()
    assert source.blocks_made == 1


def test_the_lines_of_all_blocks_are_there_once_and_in_order() -> None:
    codes = [f"9134{n:014d}" for n in range(7)]
    bodies = {form: b"".join(report_blocks(form, None, example.settlement(), Watched(7, 2), ROUND)) for form in FORMATS}
    assert [line["uscc"] for line in json.loads(bodies["json"])["lines"]] == codes
    assert [row.split(",")[0] for row in bodies["csv"].decode().split("\r\n")[1:-1]] == [f"{one}\t" for one in codes]
    assert pl.read_parquet(bodies["parquet"])["uscc"].to_list() == codes
    assert reading.column(bodies["xlsx"], "明细", "统一社会信用代码") == codes
    assert reading.column(bodies["xlsx"], "未计入用量", "统一社会信用代码") == codes
    form = [row for row in reading.cells(bodies["xlsx"], "公示名单") if isinstance(row[0], (int, float))]
    assert [row[2] for row in form][:6] == [f"单位{n}" for n in range(1, 7)]


def test_a_sheet_that_is_full_goes_on_in_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbook, "ROWS_A_SHEET", 3)
    body = b"".join(report_blocks("xlsx", None, example.settlement(), Watched(7, 2), ROUND))
    assert [name for name in reading.sheets(body) if name.startswith("明细")] == ["明细", "明细2", "明细3"]
    rows = [reading.cells(body, name) for name in ("明细", "明细2", "明细3", "未计入用量3")]
    assert [len(one) - 1 for one in rows] == [3, 3, 2, 2], "the sums stand below the last row"
    assert rows[2][1][1] == rows[3][1][1] == "单位6"
    openpyxl.load_workbook(io.BytesIO(body))


def loaded(layout: str | None = "lines", **more: Any) -> Any:
    lines = [
        *example.lines(),
        example.line("91340400MA0000006Q", "=1+1 长长长长长长长长长长长长长长长长长", "340400", 7),
    ]
    lines[0] |= more
    body = render("xlsx", layout, example.settlement(), lines, example.excluded(), ROUND)
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
    return openpyxl.load_workbook(io.BytesIO(body))


def test_a_table_keeps_its_heads_its_filter_and_its_widths() -> None:
    book = loaded()
    lines = book["明细"]
    assert book.active is lines
    assert (lines.freeze_panes, lines.auto_filter.ref, lines.print_title_rows) == ("C2", "A1:U7", "$1:$1")
    assert lines.dimensions == "A1:U8"
    assert [round(lines.column_dimensions[name].width) for name in "ABC"] == [23, 33, 12]
    assert lines["A1"].font.b
    assert lines["A1"].fill.fgColor.rgb == "FFE7EDF3"
    assert lines.row_dimensions[1].height == 33.75


def test_every_cell_has_the_format_of_its_kind() -> None:
    row = loaded()["明细"][7]
    assert [cell.number_format for cell in row] == ["@"] * 3 + ["#,##0.000", "@"] * 3 + ["@"] + [
        "#,##0.000",
        "@",
    ] * 2 + ["#,##0.00"] * 5 + ["@"] * 2
    assert {cell.border.left.style for cell in row} == {"thin"}
    assert {cell.font.name for cell in row} == {"宋体"}
    assert [cell.alignment.horizontal for cell in row[:4]] == ["center", None, "center", "right"]
    assert row[1].quotePrefix
    assert not row[0].quotePrefix
    assert [cell.data_type for cell in row[:5]] == ["s", "s", "s", "n", "s"]
    assert row[18].value == 0.07


def test_a_row_is_as_high_as_its_longest_text() -> None:
    rows = loaded()["明细"].row_dimensions
    assert [rows[number].height for number in (2, 7)] == [18, 33]


def test_each_department_has_a_sheet_of_its_own_under_a_merged_title() -> None:
    form = loaded(layout=None)["合肥市"]
    assert "A1:E1" in [str(one) for one in form.merged_cells.ranges]
    assert form.page_setup.fitToHeight == 0
    assert form.page_setup.orientation == "landscape"


def test_the_sums_stand_below_the_rows_in_bold() -> None:
    lines = loaded()["明细"]
    row = lines[8]
    assert [cell.value for cell in row[:2]] == ["合计", "6 行"]
    assert (row[3].value, row[4].value) == (6000, "6000")
    assert not row[11].value, "what a group used stands on the line of each member"
    assert row[18].value == 246_913.64
    assert row[18].font.b


def test_blanks_at_an_end_and_what_xml_cannot_hold_come_back() -> None:
    name = " 前\x02后_x0041_ "
    book = render(
        "xlsx", None, example.settlement(), [example.line("91340100MA00000015", name, "340100", 5)], {}, ROUND
    )
    assert 'xml:space="preserve"> 前_x0002_后_x005F_x0041_ </t>' in reading.raw(book)
    assert reading.column(book, "明细", "单位名称") == [name]


def test_sums_of_a_city_that_64_bits_cannot_hold_are_exact_in_every_format() -> None:
    lines = [
        example.line(f"9134{n:014d}", f"单位{n}", "340100", 1, eligible_expenditure_fen=2**62, base_fen=2**62)
        for n in range(3)
    ]
    bodies = {form: render(form, "city", example.settlement(), lines, {}, ROUND) for form in FORMATS}
    assert json.loads(bodies["json"])["cities"][0]["base_fen"] == 3 * 2**62
    assert yuan_text(3 * 2**62).replace(",", "") in bodies["csv"].decode()
    assert int(pl.read_parquet(bodies["parquet"])["base_fen"].item()) == 3 * 2**62
    assert pl.read_parquet(bodies["parquet"]).schema["payable_fen"] == pl.Int64
    assert reading.column(bodies["xlsx"], "分市", "补助基数（元）") == [yuan_text(3 * 2**62)]
