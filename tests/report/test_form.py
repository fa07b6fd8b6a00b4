"""The notice's own form: its heads in its order, a table for each department, nothing invented."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from settlement.report import FORMATS, LAYOUTS, NotAReport, render
from settlement.rounds import load_rounds
from tests.report import example, reading

ROUNDS = load_rounds()
MATCH = {
    "id": "hf-1", "city": "340600", "city_paid_fen": 1_000_000_001, "share": "1/3", "award_fen": 333_333_333,
    "reasons": [], "document": None,
}  # fmt: skip
UNPROVEN = MATCH | {"id": "hf-2", "award_fen": 0, "reasons": ["CITY_MONEY_NOT_PROVEN"]}


HEADS = ["序号", "项目名称", "依据政策条款", "拟申请兑现金额 (万元)", "项目联系人及 联系方式"]


def form(round_id: str, sheet: str = "申报汇总表", **more: object) -> list[list[Any]]:
    body = render("xlsx", "summary", example.settlement(round_id, **more), example.lines(), {}, ROUNDS[round_id])
    return reading.cells(body, sheet)


def test_2026_has_a_sheet_for_each_department_under_the_heads_of_the_notice() -> None:
    rows = form("anhui-2026", "合肥市")
    firsts = [str(row[0]) for row in rows]
    assert firsts[:3] == ["兑现申报（汇总）表", "归口管理部门（盖章）：合肥市科技局", "联系人及联系方式：0551-63538227"]
    at = rows.index(HEADS)
    contact = "合肥市科技局 0551-63538227"
    assert rows[at + 1] == [1, "合肥智能科技公司", "3.降低算力使用成本", 12.345678, contact]
    assert rows[at + 2][3:] == [0.000001, contact]
    assert rows[at + 3][2:4] == ["合计（万元）", 12.345679]
    assert any("填表人（签字）" in text and "负责人（签字）" in text for text in firsts)
    assert any("推定" in text for text in firsts)
    assert "归口管理部门（盖章）：芜湖市科技局" in [row[0] for row in form("anhui-2026", "芜湖市")]


def test_a_department_without_money_has_a_form_that_says_so() -> None:
    rows = form("anhui-2026", "宣城市")
    at = rows.index(HEADS)
    assert rows[at + 1][0] == "本批次无拟申请兑现的项目（零申报）。"
    assert rows[at + 2][2:4] == ["合计（万元）", 0]
    assert any("填表人（签字）" in str(row[0]) for row in rows)


def test_the_sheet_of_departments_lists_all_of_them_and_their_sum() -> None:
    rows = form("anhui-2026")
    at = rows.index(["序号", "归口管理部门", "联系方式", "项目数", "拟申请兑现金额（万元）", "备注"])
    listed = rows[at + 1 : at + 17]
    assert [row[1] for row in listed] == [
        f"{city.name}科技局" for city in sorted(ROUNDS["anhui-2026"].cities, key=lambda one: one.code)
    ]
    assert listed[0][2:] == ["0551-63538227", 2, 12.345679, ""]
    assert listed[15][3:] == [0, 0, "零申报"]
    assert rows[at + 17][1:5] == ["合计", "", 3, 24.691357]
    assert reading.sheets(
        render("xlsx", "summary", example.settlement(), example.lines(), {}, ROUNDS["anhui-2026"], region="340123")
    ) == ["申报汇总表", "合肥市", "汇总", "说明"]


def test_money_of_a_seat_that_the_annex_does_not_list_has_a_sheet_without_a_department() -> None:
    lines = [example.line("91330100MA00000053", "省外公司", "330100", 7)]
    body = render("xlsx", None, example.settlement(), lines, {}, ROUNDS["anhui-2026"])
    rows = reading.cells(body, "省外地区330100")
    assert rows[1][0] == "归口管理部门（盖章）：（省外地区330100：通知未列归口管理部门）"
    assert rows[rows.index(HEADS) + 1][3:] == [0.000007, ""]


def test_2025_says_that_its_annex_is_not_published() -> None:
    rows = form("anhui-2025", "合肥市")
    assert any("附件2（样表）未公布" in str(row[0]) for row in rows)
    assert any("占位版式" in str(row[0]) for row in rows)
    assert next(row for row in rows if row[0] == "序号")[:3] == ["序号", "单位名称", "金额（万元）"]


def test_2024_has_one_table_with_the_cities_own_money_only_where_it_is_known() -> None:
    rows = form("anhui-2024-1", matches=[MATCH, UNPROVEN])
    heads = ["序号", "所在市", "项目名称", "依据条款", "所在市补助金额（万元）", "申请兑现金额（万元）"]
    at = rows.index(heads)
    assert rows[at + 1][:3] == [1, "合肥市", "合肥智能科技公司"]
    assert rows[at + 1][4:] == ["", 12.345678]
    assert rows[at + 4] == [
        4,
        "淮北市",
        "智算中心建设 hf-1",
        "一、强化智能算力供给（一）加快智算中心建设。",
        1000.000001,
        333.333333,
    ]
    assert "hf-2" not in json.dumps(rows, ensure_ascii=False)


def test_lines_without_money_are_not_claimed_and_an_empty_form_says_so() -> None:
    nothing = [line | {"payable_fen": 0} for line in example.lines()]
    body = render("xlsx", None, example.settlement(order={}), nothing, {}, ROUNDS["anhui-2026"])
    rows = reading.cells(body, "申报汇总表") + reading.cells(body, "合肥市")
    assert any("没有拟申请兑现的金额" in str(row[0]) for row in rows)
    assert not any("合肥智能科技公司" in str(cell) for row in rows for cell in row)
    assert any("按上限 0.2 测算" in str(row[1]) for row in reading.cells(body, "说明"))


def test_after_a_lock_the_form_asks_for_the_difference() -> None:
    lines = [example.lines()[0] | {"adjustment_fen": -345_678}]
    text = render("csv", "summary", example.settlement(), lines, {}, ROUNDS["anhui-2026"]).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["拟申请兑现金额 (万元)"] == "-0.345678"


def test_a_region_keeps_its_own_seats_and_their_counties() -> None:
    def codes(region: str) -> list[str]:
        body = render("json", "lines", example.settlement(), example.lines(), {}, ROUNDS["anhui-2026"], region=region)
        return [line["region"] for line in json.loads(body)["lines"]]

    assert codes("340100") == ["340100", "340123"]
    assert codes("340123") == ["340123"]
    assert codes("340000") == codes("34") == ["340100", "340123", "340200"]
    with pytest.raises(NotAReport, match="a report's region is a province"):
        codes("341")


def test_json_is_the_contract() -> None:
    value = json.loads(
        render("json", None, example.settlement(), example.lines(), example.excluded(), ROUNDS["anhui-2026"])
    )
    assert value["settlement"]["digest"] == example.settlement()["digest"]
    assert [{k: v for k, v in line.items() if k != "excluded"} for line in value["lines"]] == example.lines()
    assert value["lines"][1]["excluded"] == example.excluded()["91340123MA00000021"]
    assert value["summary"]["tables"][0]["sum_fen"] == 12_345_679


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("layout", [None, *LAYOUTS])
@pytest.mark.parametrize("round_id", sorted(ROUNDS))
def test_every_file_is_the_same_bytes_again_and_an_empty_settlement_is_a_file_too(
    kind: str, layout: str | None, round_id: str
) -> None:
    settlement = example.settlement(round_id)
    for lines in (example.lines(), []):
        bodies = {render(kind, layout, settlement, lines, example.excluded(), ROUNDS[round_id]) for _ in range(2)}
        assert len(bodies) == 1
        assert min(map(len, bodies)) > 10


def test_the_layout_chooses_the_sheets_and_without_one_all_are_there() -> None:
    def made(layout: str | None) -> bytes:
        settlement = example.settlement("anhui-2024-1")
        return render("xlsx", layout, settlement, example.lines(), example.excluded(), ROUNDS["anhui-2024-1"])

    assert reading.sheets(made("summary")) == ["申报汇总表", "汇总", "说明"]
    assert reading.sheets(made("lines")) == ["明细", "未计入用量", "说明"]
    assert reading.sheets(made("city")) == ["分市", "汇总", "说明"]
    assert reading.sheets(made("notice")) == ["公示名单"]
    body = made(None)
    assert reading.sheets(body) == ["申报汇总表", "汇总", "明细", "分市", "未计入用量", "公示名单", "说明"]
    assert reading.column(body, "未计入用量", "原因") == ["用途未申明", "自建自用"]
    assert reading.column(body, "明细", "原因")[-1] == "集团算力补助量不大于0；自建自用"


def test_unknown_formats_and_layouts_are_refused() -> None:
    with pytest.raises(NotAReport, match="not 'pdf'"):
        render("pdf", None, example.settlement(), [], {}, ROUNDS["anhui-2026"])
    with pytest.raises(NotAReport, match="not 'poster'"):
        render("csv", "poster", example.settlement(), [], {}, ROUNDS["anhui-2026"])
