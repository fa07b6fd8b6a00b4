"""The page of all files, and the list of the public notice as a page."""

from __future__ import annotations

from settlement.report import LAYOUTS
from tests.console import fixtures
from tests.console.console_session import ConsoleSession

HERE = f"/console/settlements/{fixtures.FIRST}"


async def test_every_layout_is_offered_as_files_that_there_are(finance: ConsoleSession) -> None:
    page = await finance.page(f"{HERE}/reports")
    files = [link for link in page.links if "/report." in link]
    assert {f"{HERE}/report.xlsx?layout={layout}" for layout in LAYOUTS} <= set(files)
    for link in files:
        assert (await finance.client.get(link)).status_code == 200, link
    assert f"{HERE}/reports" in (await finance.page(HERE)).links


async def test_the_list_of_the_notice_names_who_is_paid_and_nobody_else(finance: ConsoleSession) -> None:
    finance.queries.held[0]["events"].append(
        {"event": "publish", "actor": "key:2:approver", "at": "2026-11-24T01:00:00+00:00", "detail": {"days": 5}}
    )
    page = await finance.page(f"{HERE}/notice")
    lines = finance.queries.lines_of[fixtures.FIRST]
    for line in lines:
        assert (line["uscc"] in page.text) == bool(line["payable_fen"]), line["uscc"]
    assert "公示期：自 2026-11-24 起 5 天" in page.text
    assert "合肥市科技局 0551-63538227" in page.text
    assert f"合计 {sum(bool(line['payable_fen']) for line in lines)} 家" in page.text
    assert "123,456.78" in page.text


async def test_a_city_sees_its_own_part_of_the_list(finance: ConsoleSession) -> None:
    finance.be_logged_in_as("wuhu")
    page = await finance.page(f"{HERE}/notice")
    assert "合肥" not in page.text
    assert "芜湖市科技局 0553-3832973" in page.text


async def test_an_adjustment_lists_the_difference(finance: ConsoleSession) -> None:
    finance.queries.held[0] |= {"adjusts": fixtures.FORECAST}
    for line in finance.queries.lines_of[fixtures.FIRST]:
        line["adjustment_fen"] = -7 if line["uscc"] == fixtures.AWARDED else 0
    page = await finance.page(f"{HERE}/notice")
    assert "-0.07" in page.text
    assert "差额" in page.text
    assert "合计 1 家" in page.text
