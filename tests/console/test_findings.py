"""Findings stand beside the lines in review: counted in the list, told in words at the line, with their records."""

from __future__ import annotations

from typing import Any

from api.console.wording.findings import TITLE, counted, shown_findings
from tests.console import fixtures
from tests.console.console_session import ConsoleSession

HERE = f"/console/settlements/{fixtures.FIRST}"


def finding(kind: str, **more: Any) -> dict[str, Any]:
    """A finding about the awarded line."""
    return {
        "kind": kind, "facility": fixtures.HOSTILE, "chip": "card-a", "consumer": fixtures.AWARDED,
        "started_at": "2025-10-09T08:53:20+00:00",
        "ended_at": "2025-10-09T09:53:20+00:00", "found": 7_200_000, "expected": 3_600_000, "parties": [],
        "records": [{"batch": 7, "ordinal": 3}], **more,
    }  # fmt: skip


async def test_findings_stand_beside_the_lines(desk: ConsoleSession) -> None:
    desk.queries.found = [finding("metered_twice"), finding("price_stray", found=150_000_000, expected=220_000_000)]
    desk.be_logged_in_as("reviewer")
    page = await desk.page(HERE)
    assert page.text.count("疑点 2") == 1
    link = next(link for link in page.links if link.endswith("#findings"))
    line = await desk.page(link)
    for text in ("疑似重复计量", "可能重复 2 卡时", "单价偏离", "每卡时 1,500 元", "7/3", "2025-10-09 16:53:20"):
        assert text in line.text, text
    assert fixtures.HOSTILE in line.text
    assert fixtures.HOSTILE not in line.html
    desk.queries.found.append(finding("above_capacity", consumer=None, found=11_000, expected=10_000))
    assert "同时使用最多 11 卡，登记 10 卡" in (await desk.page(HERE)).text
    desk.be_logged_in_as("wuhu")
    assert "疑点" not in (await desk.page(HERE)).text


async def test_a_reviewer_of_a_city_sees_what_was_found_about_its_own_lines(desk: ConsoleSession) -> None:
    own = next(one["uscc"] for one in desk.queries.lines_of[fixtures.FIRST] if one["region"] == "340200")
    desk.queries.found = [
        finding("price_stray", consumer=own, found=150_000_000, expected=220_000_000), finding("metered_twice"),
    ]  # fmt: skip
    desk.be_logged_in_as("wuhu")
    page = await desk.page(HERE)
    assert page.text.count("疑点") == 1
    line = await desk.page(next(link for link in page.links if link.endswith("#findings")))
    assert "每卡时 1,500 元，与本设施的中位数相差较大" in line.text
    assert "1 条记录" in line.text
    assert not [link for link in line.links if "/records/" in link], "records are read by who works for the province"


def test_every_kind_has_words_and_one_of_tomorrow_is_shown_as_it_is() -> None:
    for kind in TITLE:
        (one,) = shown_findings([finding(kind, parties=["A", "B"])])
        assert one.title == TITLE[kind]
        assert not one.text.isascii()
    (one,) = shown_findings([finding("of_tomorrow", records=[{"batch": 1, "ordinal": n} for n in range(30)])])
    assert (one.title, one.more) == ("of_tomorrow", 10)


def test_who_is_part_of_a_ring_is_counted_too() -> None:
    ring = finding("ring", consumer=None, parties=["A", "B", "A"])
    assert counted([ring, finding("metered_twice")]) == {"A": 1, "B": 1, fixtures.AWARDED: 1}
