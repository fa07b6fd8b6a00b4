"""Nothing hostile comes through: no script, nothing from elsewhere, nothing kept, everything escaped."""

from __future__ import annotations

import re

import pytest

from api.console.answer import POLICY
from tests.console import fixtures
from tests.console.console_session import ConsoleSession, Page

HERE = f"/console/settlements/{fixtures.FIRST}"
PAGES = [
    "/console/login", "/console/settlements", HERE, f"{HERE}/lines/{fixtures.AWARDED}",
    f"{HERE}/lines/91340500MA0000006Q", f"{HERE}/lines/91340600MA0000007K", "/console/rounds",
    "/console/rounds/anhui-2026", "/console/rounds/yinchuan-draft", "/console/quarantine", f"{HERE}/decide/cancel",
    "/console/overview", "/console/run", "/console/whatif", f"{HERE}/interval",
    f"{HERE}/lines/{fixtures.AWARDED}/statement", "/console/quarantine/1",
    "/console/payouts", "/console/payouts/2", "/console/claims", "/console/claims/1", "/console/audit",
]  # fmt: skip


def sit(desk: ConsoleSession, path: str) -> None:
    """Be somebody who sees the page."""
    desk.be_logged_in_as("auditor" if path == "/console/audit" else "finance")


REFUSALS = [("/console/none", 404), (f"{HERE}?status=none", 400), (f"{HERE}/lines/none", 404)]


@pytest.mark.parametrize(("path", "status"), [*((path, 200) for path in PAGES), *REFUSALS])
async def test_every_answer_carries_the_policy_and_is_not_kept(finance: ConsoleSession, path: str, status: int) -> None:
    sit(finance, path)
    response = await finance.client.get(path)
    assert response.status_code == status
    assert response.headers["content-security-policy"] == POLICY
    assert response.headers["cache-control"] == "no-store"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["x-frame-options"] == "DENY"
    assert response.headers["referrer-policy"] == "same-origin"


def test_the_policy_allows_no_script_and_nothing_from_elsewhere() -> None:
    rules = dict(rule.strip().split(" ", 1) for rule in POLICY.split(";"))
    assert rules["default-src"] == rules["frame-ancestors"] == rules["base-uri"] == "'none'"
    assert rules["style-src"] == rules["form-action"] == "'self'"
    assert rules["img-src"] == "'self' data:"
    assert "unsafe" not in POLICY
    assert "http" not in POLICY
    assert "script-src" not in rules


@pytest.mark.parametrize("path", PAGES)
async def test_pages_have_no_script_no_inline_style_and_ask_only_us(finance: ConsoleSession, path: str) -> None:
    sit(finance, path)
    page = await finance.page(path)
    assert "script" not in page.tags
    assert "style" not in page.tags
    assert not [name for _, name, _ in page.attributes if name == "style" or name.startswith("on")]
    for address in (*page.asked_for, *page.links, *(form.action for form in page.forms)):
        assert address.startswith(("/console", "#")), address
    assert page.asked_for


@pytest.mark.parametrize("path", PAGES)
async def test_every_page_is_chinese_and_has_one_main_heading(finance: ConsoleSession, path: str) -> None:
    sit(finance, path)
    page = await finance.page(path)
    assert ("html", "lang", "zh-CN") in page.attributes
    assert page.tags.count("h1") == page.tags.count("main") == 1
    assert ("meta", "name", "viewport") in page.attributes


async def test_hostile_names_are_text(finance: ConsoleSession) -> None:
    for path in (
        HERE, f"{HERE}/lines/91340500MA0000006Q", "/console/quarantine/1", "/console/payouts/2", "/console/claims",
        "/console/audit",
    ):  # fmt: skip
        sit(finance, path)
        page = await finance.page(path)
        assert fixtures.HOSTILE in page.text, "it is shown as it is"
        assert fixtures.HOSTILE not in page.html
    sit(finance, HERE)
    assert fixtures.FORMULA in (await finance.page(HERE)).text


@pytest.mark.parametrize("q", ['"><script>alert(1)</script>', "' onfocus=alert(1) x='", "{{7*7}}", "%00", "=1+1"])
async def test_what_is_typed_comes_back_as_text(finance: ConsoleSession, q: str) -> None:
    response = await finance.client.get(HERE, params={"q": q})
    page = Page(response.text)
    assert ("input", "value", q) in page.attributes
    assert "script" not in page.tags
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert "49" not in re.sub(r"\d{3,}", "", page.text.partition("没有符合")[2])


async def test_the_login_form_gives_back_a_hostile_name_as_text(desk: ConsoleSession) -> None:
    answer = await desk.log_in('"><script>', "wrong")
    assert "script" not in Page(answer.text).tags


async def test_static_files_may_be_kept_for_their_address_changes(desk: ConsoleSession) -> None:
    addresses = (await desk.page("/console/login")).asked_for
    assert addresses
    for address in addresses:
        response = await desk.client.get(address)
        assert response.status_code == 200
        assert "immutable" in response.headers["cache-control"]
        assert "?v=" in address
        assert response.headers["content-security-policy"] == POLICY
        assert "http" not in response.text.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize("name", ["../pages.py", "..%2Fpages.py", "%2e%2e/guard.py", "frame.html", ""])
async def test_nothing_else_is_served_as_a_file(desk: ConsoleSession, name: str) -> None:
    response = await desk.client.get(f"/console/static/{name}")
    assert response.status_code in (404, 307, 303)
    assert "import" not in response.text


async def test_a_database_that_is_away_is_a_page_too(finance: ConsoleSession, monkeypatch: pytest.MonkeyPatch) -> None:
    from meter.database.errors import JournalUnavailable

    async def away(number: str) -> None:
        raise JournalUnavailable(number)

    monkeypatch.setattr(finance.queries, "settlement", away)
    response = await finance.client.get(HERE)
    assert response.status_code == 503
    assert response.headers["retry-after"]
    assert "暂时无法连接数据库" in response.text
    assert response.headers["content-security-policy"] == POLICY
