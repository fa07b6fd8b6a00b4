"""Held money as a work list: found from everywhere, by reason, and each entity with where its reason is seen to."""

from __future__ import annotations

import pytest

from api.console.wording.release import CODES, place_of
from tests.console import fixtures
from tests.console.console_session import ConsoleSession

HERE = f"/console/settlements/{fixtures.FIRST}/held"
CODE = "AI_ENTERPRISE_NOT_ATTESTED"


def held_line(desk: ConsoleSession, *reasons: str) -> str:
    """Give a line of Hefei reasons to be held for; its code."""
    line = next(one for one in desk.queries.lines_of[fixtures.FIRST] if one["region"] == "340100")
    line |= {"reasons": list(reasons), "held_fen": 7_000, "payable_fen": 0}
    return str(line["uscc"])


async def test_it_is_found_from_everywhere(finance: ConsoleSession) -> None:
    finance.queries.held[1] |= {"status": "cancelled"}
    assert "/console/held" in (await finance.page("/console/rounds")).links
    answer = await finance.client.get("/console/held")
    assert answer.headers["location"] == HERE
    assert HERE in (await finance.page("/console/overview?round=anhui-2026")).links
    finance.queries.held.clear()
    assert "还没有结算" in (await finance.page("/console/held")).text


async def test_a_reason_opens_its_entities_and_each_leads_to_its_form(desk: ConsoleSession) -> None:
    uscc = held_line(desk, CODE, "EVIDENCE_MISSING")
    desk.be_logged_in_as("registrar")
    assert f"{HERE}?reason={CODE}" in (await desk.page(HERE)).links
    page = await desk.page(f"{HERE}?reason={CODE}")
    assert f"/console/registry/enter/entity?attest=1&uscc={uscc}" in page.links
    assert f"/console/settlements/{fixtures.FIRST}/lines/{uscc}" in page.links
    for text in ("70.00", "认定部门出具认定", "缺少"):
        assert text in page.text, text
    assert f"/console/registry/enter/expenditure?uscc={uscc}" in (
        await desk.page(f"{HERE}?reason=EVIDENCE_MISSING")
    ).links  # fmt: skip
    await desk.page(f"{HERE}?reason=none", 404)


async def test_who_enters_nothing_is_led_to_what_there_is(desk: ConsoleSession) -> None:
    uscc = held_line(desk, CODE)
    desk.be_logged_in_as("finance")
    assert f"/console/registry/entities/{uscc}" in (await desk.page(f"{HERE}?reason={CODE}")).links
    desk.be_logged_in_as("reviewer")
    page = await desk.page(f"{HERE}?reason={CODE}")
    assert f"/console/settlements/{fixtures.FIRST}/lines/{uscc}#release" in page.links
    desk.be_logged_in_as("wuhu")
    page = await desk.page(f"{HERE}?reason={CODE}")
    assert uscc not in page.html


@pytest.mark.parametrize("code", CODES)
@pytest.mark.parametrize("scopes", [frozenset[str](), frozenset({"registry:read"}), frozenset({"registry:write"})])
async def test_no_link_of_the_list_is_a_dead_end(code: str, scopes: frozenset[str]) -> None:
    label, path = place_of(code, fixtures.FIRST, fixtures.AWARDED, scopes)
    assert label
    assert path.startswith(("settlements/", "registry/"))
    assert fixtures.AWARDED in path
    assert path.startswith("registry/enter/") <= ("registry:write" in scopes)
