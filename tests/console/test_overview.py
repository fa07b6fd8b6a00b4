"""The overview: what waits for whom, the round's money in pictures with their tables, the intake, the deadlines."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime, timedelta

import pytest

from api.auth.roles import ROLES
from api.console.drawing.bars import bars
from api.console.drawing.grid import grid
from api.console.drawing.map import PLACES, city_map
from api.console.drawing.waterfall import waterfall
from api.console.kept import Beside
from api.console.pages.overview import _wan
from tests.console import fixtures
from tests.console.console_session import ConsoleSession
from tests.console.fake import ROUNDS

HOSTILE = "<script>x</script>"


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_has_an_overview(desk: ConsoleSession, role: str) -> None:
    desk.be_logged_in_as(role)
    page = await desk.page("/console/overview?round=anhui-2026")
    assert "批次日程" in page.text
    assert ("svg" in page.tags) == (role not in ("payer", "admin", "entity"))
    assert ("从支出到补助" in page.text) == (role not in ("payer", "admin", "operator", "entity"))
    assert ("用量接收" in page.text) == (role not in ("payer", "admin", "entity"))
    await desk.page("/console/overview?round=none", 404)


async def test_what_waits_for_me_stands_first_and_the_rest_says_for_whom(desk: ConsoleSession) -> None:
    desk.queries.held[0] |= {"status": "reviewed", "events": []}
    desk.queries.held[1] |= {"status": "computed", "events": []}
    desk.be_logged_in_as("approver")
    page = await desk.page("/console/overview")
    assert f"/console/settlements/{fixtures.FIRST}/decide/approve" in page.links
    desk.be_logged_in_as("finance")
    page = await desk.page("/console/overview")
    assert f"/console/settlements/{fixtures.FIRST}/decide/approve" not in page.links
    assert "尚待：审批人批准或退回" in page.text
    assert f"/console/settlements/{fixtures.FORECAST}/decide/submit" in page.links


async def test_who_works_for_a_city_sees_no_other_city_and_no_intake(desk: ConsoleSession) -> None:
    desk.queries.held[1] |= {"status": "cancelled"}
    desk.be_logged_in_as("wuhu")
    page = await desk.page("/console/overview?round=anhui-2026")
    assert "仅限 芜湖市" in page.text
    assert "用量接收" not in page.text
    figures = page.text.partition("各市数字")[2]
    assert "芜湖市" in figures
    assert "合肥市" not in figures
    own = next(line for line in fixtures.lines_of()[fixtures.FIRST] if line["region"] == "340200")
    assert f"{own['payable_fen'] / 100:,.2f}" in page.text
    assert "93,401" not in page.text
    assert "统计期内费用" not in page.text, "the round's charges are the province's"


async def test_every_picture_has_its_numbers_beside_it(finance: ConsoleSession) -> None:
    page = await finance.page("/console/overview?round=anhui-2026")
    assert page.tags.count("svg") == 9
    assert page.html.count('role="img"') == 9
    for text in ("各市数字", "2025-09", "18,000", "来源", "platform", "2025-10-08", "7.00", "算力设施未登记"):
        assert text in page.text, text
    for deadline in ROUNDS["anhui-2026"].deadlines:
        assert deadline.title in page.text


async def test_each_figure_by_month_and_city_is_a_picture_and_a_table(finance: ConsoleSession) -> None:
    page = await finance.page("/console/overview?round=anhui-2026")
    shown = page.text.partition("各月各市")[2].partition("用量接收")[0]
    for title in ("使用量（P时）", "被使用量（P时）", "使用量减被使用量（P时）", "费用（元）", "当月锁定的补助（元）"):
        assert title in shown, title
    for text in ("合肥市", "未登记", "2025-09", "9.0", "10.4", "−1.4", "−0.4", "0.05", "12,345.00", "24,690.00"):
        assert text in shown, text
    assert "用途未说明、待核的费用" not in shown, "what is nothing everywhere is no picture"
    assert "合肥市 2025-10 −0.4" in page.html
    assert "截至 2025-10-09 08:00:00" in shown
    assert "没有分月的数，这里记在锁定之月" in shown
    finance.queries.adding_up = True
    page = await finance.page("/console/overview?round=anhui-2026")
    assert "正在汇总全省用量" in page.text
    assert "正在汇总用量" in page.text
    assert "使用量减被使用量" not in page.text
    assert "用量接收" in page.text


async def test_a_city_sees_its_own_months(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("wuhu")
    page = await desk.page("/console/overview?round=anhui-2026")
    shown = page.text.partition("各月各市")[2]
    for text in ("芜湖市", "9.0", "19.0", "12,345.00"):
        assert text in shown, text
    for text in ("合肥市", "未登记", "10.4", "24,690.00"):
        assert text not in shown, text


async def test_long_sums_are_added_up_beside_the_requests() -> None:
    kept, moment, begun, go = Beside(600, 0.01), datetime(2026, 11, 30, tzinfo=UTC), list[int](), asyncio.Event()

    async def read() -> int:
        begun.append(1)
        await go.wait()
        if len(begun) == 2:
            raise RuntimeError("the database is away")
        return len(begun)

    assert await kept.get(("k",), read, moment) is None, "nobody waits for the first"
    assert await kept.get(("k",), read, moment) is None
    assert len(begun) == 1, "it is added up once"
    go.set()
    await asyncio.sleep(0)
    assert await kept.get(("k",), read, moment) == (moment, 1)
    assert await kept.get(("k",), read, moment + timedelta(seconds=599)) == (moment, 1)
    assert len(begun) == 1
    later = moment + timedelta(seconds=601)
    for attempt in (2, 3):  # one that fails leaves what there is, and is tried again
        assert await kept.get(("k",), read, later) == (moment, 1), "the older is shown while a newer is read"
        await asyncio.sleep(0.01)
        assert len(begun) == attempt
    assert await kept.get(("k",), read, later) == (later, 3)


def test_pictures_escape_their_words_and_stay_in_their_frame() -> None:
    drawn = bars(HOSTILE, [(HOSTILE, [("paid", 0, HOSTILE), ("held", -5, HOSTILE)], HOSTILE)])
    drawn += waterfall(HOSTILE, [(HOSTILE, 0, 0, HOSTILE), ("b", 10, 4, "-6")])
    drawn += grid(HOSTILE, [HOSTILE], [(HOSTILE, [(3, HOSTILE)]), ("b", [(-1, "x")])])
    assert ">−</text>" in drawn, "less than nothing is not told by a shade"
    drawn += city_map(HOSTILE, {code: (HOSTILE, place, HOSTILE) for place, code in enumerate(PLACES)})
    assert "<script" not in drawn
    assert " style=" not in drawn
    for width in re.findall(r'width="(-?[0-9.]+)"', drawn):
        assert 0 <= float(width) <= 640


def test_the_map_has_every_city_of_the_rounds_once() -> None:
    assert {city.code for city in ROUNDS["anhui-2026"].cities} <= set(PLACES)
    assert len(set(PLACES.values())) == len(PLACES) == 16


@pytest.mark.parametrize("role", ROLES)
async def test_every_role_finds_its_tasks_first_in_the_help(desk: ConsoleSession, role: str) -> None:
    desk.be_logged_in_as(role)
    page = await desk.page("/console/help")
    assert page.text.index("您的角色") < page.text.index("各项决定的意思")
    assert page.text.count("您的角色") == 1
    assert "/console/help" in page.links


@pytest.mark.parametrize(
    ("fen", "shown"),
    [(0, "0 元"), (40_000, "400 元"), (42, "0.42 元"), (999_999, "9,999.99 元"), (1_000_000, "1.0 万"),
     (123_456_789, "123.5 万"), (-50, "-0.50 元")],
)  # fmt: skip
def test_a_small_sum_in_a_picture_does_not_read_as_nothing(fen: int, shown: str) -> None:
    assert _wan(fen) == shown
