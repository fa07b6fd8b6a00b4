"""What the pages say: figures, reasons, steps, words; and how they lead from one to the other."""

from __future__ import annotations

import io
import json

import pytest
from python_calamine import CalamineWorkbook

from api.auth.roles import ROLES
from api.console.template import EVENT
from api.console.wording.roles import ROLE
from settlement.vocabulary import EVENTS
from tests.console import fixtures
from tests.console.console_session import ConsoleSession
from tests.console.fake import ROUNDS

HERE = f"/console/settlements/{fixtures.FIRST}"


async def test_the_list_shows_each_settlement_newest_first(finance: ConsoleSession) -> None:
    page = await finance.page("/console/settlements")
    shown = [link for link in page.links if link.startswith("/console/settlements/")]
    assert shown == [f"/console/settlements/{number}" for number in (fixtures.FORECAST, fixtures.FIRST, fixtures.MANY)]
    for text in ("246,913.57", "已批准", "测算", "4711", "2026-11-23 18:00:00"):
        assert text in page.text


async def test_the_list_without_settlements_says_so(finance: ConsoleSession) -> None:
    finance.queries.held.clear()
    assert "还没有结算" in (await finance.page("/console/settlements")).text


async def test_the_list_is_read_page_by_page(finance: ConsoleSession) -> None:
    one = finance.queries.held[0]
    finance.queries.held[:] = [one | {"id": f"anhui-2026-{n:04d}"} for n in range(1, 76)]
    seen: list[str] = []
    path = "/console/settlements"
    while path:
        page = await finance.page(path)
        seen += [link for link in page.links if "/anhui-2026-" in link]
        path = next((link for link in page.links if "before=" in link), "")
    assert len(set(seen)) == len(seen) == 75


async def test_a_settlement_shows_totals_lines_and_reports(finance: ConsoleSession) -> None:
    page = await finance.page(HERE)
    for text in (
        "246,913.57", "24691357 分", "合肥智能科技公司", "123,456.78", "合肥市", "（未登记）", "省外地区330100",
        "自建自用", "没有支出凭证", "1,000", "2025-08-16 至 2026-04-15", "按净额占用量的比例",
    ):  # fmt: skip
        assert text in page.text, text
    assert f"{HERE}/report.xlsx" in page.links
    assert f"{HERE}/report.csv" in page.links


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("region=340100", ["合肥智能科技公司", "合肥县域算法公司"]),
        ("status=held", ["合肥县域算法公司"]),  # some of it is payable
        ("status=nothing", ["（未登记）", "省外公司"]),
        ("q=芜湖", ["芜湖数据公司"]),
        ("q=91340200ma", ["芜湖数据公司"]),
        ("region=340100&q=县域&status=payable", ["合肥县域算法公司"]),
        ("q=没有这样的", []),
    ],
)
async def test_lines_are_filtered(finance: ConsoleSession, query: str, names: list[str]) -> None:
    page = await finance.page(f"{HERE}?{query}")
    everything = ["合肥智能科技公司", "合肥县域算法公司", "芜湖数据公司", "（未登记）", "省外公司"]
    assert sorted(name for name in everything if name in page.text) == sorted(names)
    assert ("没有符合条件的单位" in page.text) == (not names)


@pytest.mark.parametrize("query", ["region=34", "region=abcdef", "status=paid", "q=" + "长" * 65])
async def test_filters_that_are_none_are_refused(finance: ConsoleSession, query: str) -> None:
    await finance.page(f"{HERE}?{query}", 400)


async def test_lines_are_read_page_by_page_and_keep_the_filter(finance: ConsoleSession) -> None:
    here = f"/console/settlements/{fixtures.MANY}"
    path, pages, seen = f"{here}?region=340100", 0, set()
    while path:
        page, pages = await finance.page(path), pages + 1
        seen |= {link.partition("#")[0] for link in page.links if link.startswith(f"{here}/lines/")}
        path = next((link for link in page.links if f"&page={pages + 1}" in link), "")
        assert not path or "region=340100" in path
        assert "120 个单位" in page.text
    assert (pages, len(seen)) == (3, 120)


async def test_from_the_list_to_the_reason_are_three_clicks_at_most(finance: ConsoleSession) -> None:
    """List, settlement, line: there stand the steps with their words."""
    page, clicks = await finance.page("/console/settlements"), 0
    for wanted in (HERE, f"{HERE}/lines/{fixtures.AWARDED}"):
        link = next(link for link in page.links if link.partition("#")[0] == wanted)
        page, clicks = await finance.page(link), clicks + 1
    assert clicks <= 3
    assert "当算力补助量大于0时，才可计算补助" in page.text


async def test_a_line_shows_its_steps_one_under_the_other(finance: ConsoleSession) -> None:
    page = await finance.page(f"{HERE}/lines/{fixtures.AWARDED}")
    at = -1
    for text in (
        "金额的由来", "批次期间内的使用", "2025-08-16 00:00:00", "算力补助量=算力使用量-算力被使用量",
        "1,000 − 400 = 600 P时", "三（一）4", "被使用量归谁：按股权归投资方，并做集团口径", "补助金额",
        "617,283.90 × 0.2，向下取整到分 = 123,456.78 元", "12345678 分", "通知之外",
        "本服务的约定：精确分数计算，最后向下取整到分",
    ):  # fmt: skip
        found = page.text.find(text, at + 1)
        assert found > at, text
        at = found


async def test_a_line_explains_its_marks_and_what_was_not_counted(finance: ConsoleSession) -> None:
    page = await finance.page(f"{HERE}/lines/91330100MA00000053")
    for text in (
        "集团算力补助量不大于0", "所在关联企业集团合计不大于0", "GROUP_NET_NOT_POSITIVE", "R-GROUP", "自建自用",
        "不计入", "12.5", "0.99", "没有提示", "≈400.777778",
    ):  # fmt: skip
        assert text in page.text, text
    held = await finance.page(f"{HERE}/lines/91340123MA00000021")
    for text in ("用途未申明", "待核", "≈0.194444", "25.00"):
        assert text in held.text, text
    assert "精确值 7/36" in held.html


async def test_a_forecast_says_that_nothing_may_be_paid(finance: ConsoleSession) -> None:
    assert "不得支付" in (await finance.page(f"/console/settlements/{fixtures.FORECAST}")).text
    assert "不得支付" not in (await finance.page(HERE)).text


async def test_rounds_show_every_value_with_its_words_and_where_they_stand(finance: ConsoleSession) -> None:
    assert {f"/console/rounds/{number}" for number in ROUNDS} <= set((await finance.page("/console/rounds")).links)
    for number, of_round in ROUNDS.items():
        page = await finance.page(f"/console/rounds/{number}")
        for rule in of_round.rules.values():
            assert rule.id in page.text
            assert rule.title in page.text
            for words in (rule.source.quote, rule.source.ext):
                assert words is None or words in page.text, rule.id
        for deadline in of_round.deadlines:
            assert deadline.title in page.text
    assert "不作臆造" in (await finance.page("/console/rounds/anhui-2025")).text


@pytest.mark.parametrize(
    "path",
    [
        "/console/nothing", "/console/settlements/none", f"{HERE}/lines/none", "/console/rounds/none",
        f"{HERE}/report.pdf", f"{HERE}/report.csv?layout=poster", "/console/static/none.css",
        "/console/settlements/none/report.csv",
    ],
)  # fmt: skip
async def test_what_is_not_there_is_a_page_that_says_so(finance: ConsoleSession, path: str) -> None:
    assert "没有" in (await finance.page(path, 404)).text


async def test_reports_are_files_of_the_same_lines(finance: ConsoleSession) -> None:
    csv = await finance.client.get(f"{HERE}/report.csv")
    assert csv.headers["content-disposition"] == f'attachment; filename="{fixtures.FIRST}.csv"'
    assert csv.text.count("\n") == 1 + len(finance.queries.lines_of[fixtures.FIRST])
    xlsx = await finance.client.get(f"{HERE}/report.xlsx?region=340100")
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(xlsx.content)).get_sheet_by_name("明细").to_python()
    assert [row[2] for row in sheet[1:-1]] == ["340100", "340123"]
    assert sheet[-1][0] == "合计"
    for response in (csv, xlsx):
        assert response.headers["cache-control"] == "no-store"


async def test_who_works_for_a_city_sees_that_city_only(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("wuhu")
    page = await desk.page(HERE)
    assert "芜湖数据公司" in page.text
    assert "合肥智能科技公司" not in page.text
    assert "123,456.78" in page.text
    assert "246,913.57" not in page.html, "the sums of the province"
    assert "246,913.57" not in (await desk.page("/console/settlements")).html
    await desk.page(f"{HERE}/lines/{fixtures.AWARDED}", 404)
    await desk.page(f"{HERE}/lines/91340300MA00000047", 404)
    assert "芜湖数据公司" in (await desk.page(f"{HERE}/lines/91340200MA0000003X")).text
    for query in ("", "?region=340100", "?region=340000"):
        assert "合肥" not in (await desk.client.get(f"{HERE}/report.csv{query}")).text
        assert "合肥智能" not in (await desk.page(f"{HERE}{query}")).text
    body = json.loads((await desk.client.get(f"{HERE}/report.json")).text)
    assert body["settlement"]["totals"]["payable_fen"] == 12_345_678
    assert [line["region"] for line in body["lines"]] == ["340200"]
    await desk.page("/console/quarantine", 403)


def test_every_event_and_role_has_a_name() -> None:
    assert set(EVENT) == set(EVENTS)
    assert set(ROLE) == set(ROLES)


async def test_matches_adjustments_and_applications_are_shown_where_there_are_some(desk: ConsoleSession) -> None:
    match = {"id": "hf-1", "city": "340600", "city_paid_fen": 1_000_000_000, "share": "1/3", "award_fen": 333_333_333,
             "reasons": [], "document": None}  # fmt: skip
    late = match | {"id": "hf-2", "city": "340200", "award_fen": 0, "reasons": ["COMPLETED_LATE"]}
    settlement = desk.queries.held[0] | {
        "matches": [match, late],
        "adjusts": "anhui-2026-0000",
        "totals": desk.queries.held[0]["totals"] | {"adjustment_fen": -7},
    }
    desk.queries.held[0] = settlement
    awarded = desk.queries.lines_of[fixtures.FIRST][0]
    desk.queries.lines_of[fixtures.FIRST][0] = awarded | {"adjustment_fen": -1_234_567, "items": {"申请-1": 5_000_000}}
    desk.be_logged_in_as("finance")
    page = await desk.page(HERE)
    for text in ("淮北市", "3,333,333.33", "完成时间晚于2024年底", "-0.07", "对 anhui-2026-0000 的差额"):
        assert text in page.text, text
    line = await desk.page(f"{HERE}/lines/{fixtures.AWARDED}")
    for text in ("-12,345.67", "申请-1", "50,000.00"):
        assert text in line.text, text
    desk.be_logged_in_as("wuhu")
    page = await desk.page(HERE)
    assert "完成时间晚于2024年底" in page.text
    assert "3,333,333.33" not in page.text
