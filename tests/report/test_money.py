"""Money survives the way into a file and back, to the fen."""

from __future__ import annotations

import csv
import io
from decimal import Decimal
from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settlement.report import render
from settlement.report.money import wan_text, yuan_text
from settlement.rounds import load_rounds
from tests.report import example, reading

ROUND = load_rounds()["anhui-2026"]
LARGEST = 10**15
AMOUNTS = sorted(
    {0, 1, 99, 100, 10**6 - 1, 10**6, 123_456_789, 2**53 // 9, LARGEST - 1, LARGEST}
    | {LARGEST - k * 1_000_003 for k in range(1, 150)}
    | {k**7 % LARGEST for k in range(1, 150)}
)


def paying(amounts: list[int]) -> list[dict[str, Any]]:
    return [example.line(f"9134{n:014d}", f"单位{n}", "340100", fen) for n, fen in enumerate(amounts)]


def fen_of_number(value: Any, divisor: int) -> int:
    """A spreadsheet's number as fen: what is nearest, and it must be near."""
    exact = Fraction(value.replace(",", "") if isinstance(value, str) else value) * divisor
    assert abs(exact - round(exact)) < Fraction(1, 5), "the number no longer tells a fen from the next"
    return round(exact)


def test_numbers_in_the_workbook_give_every_fen_back_up_to_ten_to_the_fifteen() -> None:
    body = render("xlsx", None, example.settlement(), paying(AMOUNTS), {}, ROUND)
    assert [fen_of_number(value, 100) for value in reading.column(body, "明细", "应付金额（元）")] == AMOUNTS
    form = [row for row in reading.cells(body, "合肥市") if isinstance(row[0], (int, float))]
    assert [fen_of_number(row[3], 10**6) for row in form] == [fen for fen in AMOUNTS if fen]


def test_negative_adjustments_are_numbers_too() -> None:
    lines = [line | {"adjustment_fen": -line["payable_fen"]} for line in paying(AMOUNTS)]
    body = render("xlsx", None, example.settlement(), lines, {}, ROUND)
    assert [fen_of_number(value, 100) for value in reading.column(body, "明细", "调整金额（元）")] == [
        -fen for fen in AMOUNTS
    ]


@pytest.mark.parametrize("fen", [LARGEST + 1, 2**53 + 1, 2**63 - 1])
def test_what_a_number_could_lose_is_text(fen: int) -> None:
    line = example.line("91340100MA00000015", "单位", "340100", 5, eligible_expenditure_fen=fen)
    body = render("xlsx", None, example.settlement(), [line], {}, ROUND)
    (shown,) = reading.column(body, "明细", "计入支出（元）")
    assert shown == yuan_text(fen)
    totals = example.settlement(totals={"award_fen": fen, "held_fen": 0, "payable_fen": fen})
    rows = reading.cells(render("xlsx", None, totals, [], {}, ROUND), "汇总")
    award = next(row for row in rows if row[0] == "补助金额")
    assert award[1:4] == [yuan_text(fen), wan_text(fen), str(fen)]


@given(st.integers(-(2**63), 2**63))
@settings(max_examples=300)
def test_texts_of_money_are_exact(fen: int) -> None:
    assert Decimal(wan_text(fen)) * 10**6 == fen
    assert Decimal(yuan_text(fen).replace(",", "")) * 100 == fen


def test_csv_and_parquet_carry_every_fen() -> None:
    amounts = [*AMOUNTS, 2**63 // 5 - 1]
    lines = paying(amounts)
    rows = list(
        csv.DictReader(io.StringIO(render("csv", None, example.settlement(), lines, {}, ROUND).decode("utf-8-sig")))
    )
    assert [int(Decimal(row["应付金额（元）"]) * 100) for row in rows] == amounts
    table = pl.read_parquet(render("parquet", "lines", example.settlement(), lines, {}, ROUND))
    assert table.schema["payable_fen"] == pl.Int64
    assert table["payable_fen"].to_list() == amounts
    form = pl.read_parquet(render("parquet", "summary", example.settlement(), lines, {}, ROUND))
    assert [int(value * 10**6) for value in form["claimed"]] == [fen for fen in amounts if fen]


def test_the_cities_sum_to_the_lines() -> None:
    table = pl.read_parquet(render("parquet", "city", example.settlement(), example.lines(), {}, ROUND))
    assert table["entities"].sum() == len(example.lines())
    for name in ("award_fen", "held_fen", "payable_fen", "base_fen"):
        assert table[name].sum() == sum(line[name] for line in example.lines())
    assert table.filter(pl.col("region") == "340100")["payable_fen"].item() == 12_345_679
