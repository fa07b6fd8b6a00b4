"""The line's pictures, what would release it, and its statement with number, digest and receipt code."""

from __future__ import annotations

import re
from typing import Any

import pytest

from api.console.wording.release import _BY_CODE, releases_of
from settlement.report.reason_words import HELD, REFUSED, word_of
from settlement.rounds.reason_codes import DRAFT_REASONS, REASONS
from tests.console import fixtures
from tests.console.console_session import ConsoleSession

HERE = f"/console/settlements/{fixtures.FIRST}"
HELD_LINE = f"{HERE}/lines/91340123MA00000021"


def test_every_reason_that_holds_or_refuses_says_what_would_release_it() -> None:
    assert set(_BY_CODE) == {
        code for code in set(REASONS) - set(DRAFT_REASONS) if word_of(code).kind in (HELD, REFUSED)
    }
    line: dict[str, Any] = {"reasons": list(REASONS), "excluded": [
        {"status": "held", "reason": "PURPOSE_NOT_STATED", "charge_fen": 7},
        {"status": "excluded", "reason": "OUT_OF_PROVINCE", "charge_fen": 9},
    ]}  # fmt: skip
    found = {one.code: one for one in releases_of(line)}
    assert set(found) == set(_BY_CODE)
    assert found["PURPOSE_NOT_STATED"].charge_fen == 7
    assert not found["NOT_AI_ENTERPRISE"].held


async def test_a_held_line_says_what_would_have_to_be_true_and_who_can_do_it(finance: ConsoleSession) -> None:
    page = await finance.page(HELD_LINE)
    for text in ("怎样可以放行", "这些记录申明了支持范围内的用途", "来源方对这些记录报送更正"):
        assert text in page.text, text
    assert "怎样可以放行" not in (await finance.page(f"{HERE}/lines/{fixtures.AWARDED}")).text


async def test_the_earlier_settlement_stands_beside_an_adjusted_line(finance: ConsoleSession) -> None:
    finance.queries.held[0] |= {"adjusts": fixtures.FORECAST}
    page = await finance.page(f"{HERE}/lines/{fixtures.AWARDED}")
    assert "与前次结算对照" in page.text
    assert f"/console/settlements/{fixtures.FORECAST}/lines/{fixtures.AWARDED}" in page.links


async def test_the_statement_has_number_date_digest_and_a_code(finance: ConsoleSession) -> None:
    page = await finance.page(f"{HERE}/lines/{fixtures.AWARDED}/statement")
    for text in (
        f"{fixtures.FIRST}/{fixtures.AWARDED}", "2026-11-23", "sm3:" + "ab" * 32, "1,000 − 400 = 600 P时",
        "617,283.90 × 0.2，向下取整到分 = 123,456.78 元", "未锁定，金额可能变化",
    ):  # fmt: skip
        assert text in page.text, text
    assert page.tags.count("svg") == 1
    finance.queries.held[0] |= {"status": "locked"}
    assert "未锁定" not in (await finance.page(f"{HERE}/lines/{fixtures.AWARDED}/statement")).text
    await finance.page(f"{HERE}/lines/none/statement", 404)
    finance.be_logged_in_as("wuhu")
    await finance.page(f"{HERE}/lines/{fixtures.AWARDED}/statement", 404)


@pytest.mark.parametrize("repeated", [1, 40, 60])
async def test_the_statement_is_a_file_of_at_most_two_sides_with_its_letters_inside(
    finance: ConsoleSession, repeated: int
) -> None:
    line = next(one for one in finance.queries.lines_of[fixtures.FIRST] if one["uscc"] == fixtures.AWARDED)
    line["steps"] = [*fixtures.STEPS, *fixtures.STEPS[1:2] * repeated]
    bodies = [await finance.client.get(f"{HERE}/lines/{fixtures.AWARDED}/statement.pdf") for _ in range(2)]
    assert [body.headers["content-type"] for body in bodies] == ["application/pdf"] * 2
    assert f'filename="{fixtures.FIRST}_{fixtures.AWARDED}.pdf"' in bodies[0].headers["content-disposition"]
    assert bodies[0].content == bodies[1].content
    sides = len(re.findall(rb"/Type */Page\b", bodies[0].content))
    assert sides == (1 if repeated == 1 else 2)
    assert set(re.findall(rb"/BaseFont/[A-Z]{6}\+(\w+)", bodies[0].content)) == {b"NotoSansCJKsc"}
    assert b"/FontFile3" in bodies[0].content


async def test_what_a_statement_says_is_never_taken_for_its_typesetting(finance: ConsoleSession) -> None:
    line = next(one for one in finance.queries.lines_of[fixtures.FIRST] if one["uscc"] == fixtures.AWARDED)
    line["name"] = '#read("/etc/passwd") $x$ *b* \\ <sides> "'
    answer = await finance.client.get(f"{HERE}/lines/{fixtures.AWARDED}/statement.pdf")
    assert answer.status_code == 200
    assert answer.content.startswith(b"%PDF")


async def test_a_statement_of_another_city_is_no_file(finance: ConsoleSession) -> None:
    finance.be_logged_in_as("wuhu")
    assert (await finance.client.get(f"{HERE}/lines/{fixtures.AWARDED}/statement.pdf")).status_code == 404


async def test_held_money_is_a_work_list_that_leads_to_its_lines(finance: ConsoleSession) -> None:
    page = await finance.page(f"{HERE}/held")
    for text in ("用途未申明", "来源方对这些记录报送更正", "全部原因消除后才能放行"):
        assert text in page.text, text
    link = next(link for link in page.links if "reason=PURPOSE_NOT_STATED" in link)
    found = await finance.page(link.partition("#")[0])
    assert "1 个单位" in found.text
    assert "合肥县域算法公司" in found.text
    await finance.page(f"{HERE}?reason=NONE", 400)
    finance.be_logged_in_as("wuhu")
    assert "用途未申明" not in (await finance.page(f"{HERE}/held")).text
