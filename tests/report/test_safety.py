"""No text leaves as a formula, and every text comes back as it was."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import example as case
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.report import render
from settlement.report.safe import KEEP, MARK, is_dangerous, kept, marked
from settlement.rounds import load_rounds
from tests.report import example, reading

ROUND = load_rounds()["anhui-2026"]
HOSTILE = [
    '=HYPERLINK("http://x.test","点我")', "+1+1", "-1+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1",
    "＋1", "－1", "＠x", " =1", "\u3000=1", "'=1", "'", "{=1}", "=", '"=1"', "1,2;3", "<script>alert(1)</script>",
    "_x000D_=1", "a\x01b", "http://x.test/", "mailto:a@x.test", "007", "1e5", "7/36", "行一\n行二", "TRUE",
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_is_plain_text_in_the_workbook_and_reads_back_the_same(name: str) -> None:
    lines = [example.line("91340100MA00000015", name, "340100", 5)]
    body = render("xlsx", None, example.settlement(order={"rate": "0.20", "number": name}), lines, {}, ROUND)
    for mark in ("<f>", "<f ", "hyperlink", 't="b"'):
        assert mark not in reading.raw(body)
    assert reading.column(body, "明细", "单位名称") == [name]
    assert name in [row[1] for row in reading.cells(body, "合肥市")]
    assert name in [row[1] for row in reading.cells(body, "说明")]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(("layout", "column"), [("lines", "单位名称"), ("summary", "项目名称"), ("notice", "单位名称")])
def test_no_cell_of_the_csv_begins_like_a_formula_and_it_reads_back_the_same(
    name: str, layout: str, column: str
) -> None:
    lines = [example.line("91340100MA00000015", name, "340100", 5)]
    text = render("csv", layout, example.settlement(), lines, {}, ROUND).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert not is_dangerous(row[column])
    assert unmarked(row[column]) == name


def unmarked(text: str) -> str:
    """What a reader of the report does to have the text back."""
    return text[1:] if text.startswith(MARK) else text.removesuffix(KEEP)


@pytest.mark.parametrize(
    ("text", "left"),
    [("7/36", False), ("-7/36", False), ("123400004850012345", False), ("007", False), ("1e5", False), ("1-2", False),
     ("12:30", False), ("1,234", False), ("600", True), ("-12.5", True), ("340100", True), ("0", True), ("", True),
     ("123456789012345", True), ("0." + "1" * 40, False), ("91340100MA00000015", True), ("合肥1/2", True)],
)  # fmt: skip
def test_what_a_spreadsheet_would_read_as_something_else_gets_a_tab_behind(text: str, left: bool) -> None:
    assert kept(text) == (text if left else text + KEEP)


def test_codes_of_digits_and_fractions_stay_text_in_the_csv() -> None:
    lines = [example.line("123400004850012345", "全数字代码", "340100", 5, net_pflops_hours="-3607/9")]
    (row,) = csv.DictReader(
        io.StringIO(render("csv", "lines", example.settlement(), lines, {}, ROUND).decode("utf-8-sig"))
    )
    assert row["统一社会信用代码"] == "123400004850012345\t"
    assert row["集团算力被使用量精确值"] == "3607/9\t"
    assert (row["算力补助量（P时）"], row["算力补助量精确值"]) == ("-400.777778", "'-3607/9")


@given(st.text(max_size=20))
@case("'=")
@case("''")
@case("\t")
@case("a\t")
@settings(max_examples=500)
def test_the_mark_comes_off_again(text: str) -> None:
    # a tab at its end is told apart from ours only behind a mark
    assert unmarked(kept(marked(text))) == (text if marked(text) != text else text.removesuffix(KEEP))
    assert not is_dangerous(kept(marked(text)))


def test_csv_opens_as_chinese() -> None:
    assert render("csv", None, example.settlement(), example.lines(), {}, ROUND).startswith(b"\xef\xbb\xbf")


def test_exact_quantities_and_codes_stay_text_in_the_workbook() -> None:
    lines = [
        example.line("123400004850012345", "全数字代码", "340100", 5, group_supplied_pflops_hours="5000/9"),
        example.line("91340100MA00000015", "小数", "340100", 5, group_supplied_pflops_hours="0." + "1" * 40),
    ]
    body = render("xlsx", None, example.settlement(), lines, {}, ROUND)
    assert reading.column(body, "明细", "统一社会信用代码") == [line["uscc"] for line in lines]
    assert reading.column(body, "明细", "集团算力被使用量精确值") == ["5000/9", "0." + "1" * 40]
    numbers = reading.column(body, "明细", "集团算力被使用量（P时）")
    assert numbers == pytest.approx([5000 / 9, 1 / 9], abs=1e-6)


def test_what_a_cell_cannot_hold_is_replaced_or_cut_and_says_so() -> None:
    lines = [
        example.line("91340100MA00000015", "a\uffffb", "340100", 5),
        example.line("91340100MA00000023", "长" * 40_000, None, 5),
    ]
    body = render("xlsx", None, example.settlement(), lines, {}, ROUND)
    broken, long = reading.column(body, "明细", "单位名称")
    assert broken == "a\ufffdb"
    assert len(long) <= 32_767
    assert long.endswith("…（已截断）")
