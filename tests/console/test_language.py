"""Chinese or English: chosen on every page, remembered by a cookie, and never both on one page."""

from __future__ import annotations

import re
from typing import Final

import httpx
import pytest

from api.console.language.reader import LANGUAGE_COOKIE, read_in
from api.console.language.text import phrase
from api.console.wording.roles import ROLE
from meter.database.errors import JournalUnavailable
from tests.console import fixtures
from tests.console.console_session import HOST, ConsoleSession, Page, browser
from tests.console.test_safety import PAGES, REFUSALS, sit
from tests.support.english import chinese_in

HERE: Final = f"/console/settlements/{fixtures.FIRST}"
MORE: Final = (
    "/console/help", f"{HERE}/reports", f"{HERE}/held", f"{HERE}/notice", "/console/password", "/console/second-factor",
    "/console/accounts", f"{HERE}/decide/objection", f"{HERE}/decide/cancel", f"/console/settlements/{fixtures.MANY}",
    f"/console/settlements/{fixtures.FORECAST}", "/console/settlements/none/verify", "/console/payouts?status=none",
    f"{HERE}?page=0", "/console/rounds/anhui-2024-1", "/console/rounds/anhui-2025",
)  # fmt: skip
DATA: Final = (
    "皖科资〔2026〕1号", "省外公司", "合肥智能科技公司", "合肥县域算法公司", "芜湖数据公司", fixtures.FORMULA,
    "<b>合肥</b>", "测试银行", *(f"单位{number:03d}" for number in range(130)),
)  # fmt: skip
"""What the fixtures put in: names, an order's number, a bank."""


def read_english(desk: ConsoleSession) -> None:
    """Have chosen English."""
    desk.client.cookies.set(LANGUAGE_COOKIE, "en", domain=HOST, path="/console")


@pytest.mark.parametrize("path", [*PAGES, *(path for path, _ in REFUSALS), *MORE])
async def test_an_english_page_says_nothing_in_chinese_but_data(finance: ConsoleSession, path: str) -> None:
    sit(finance, path)
    read_english(finance)
    answer = await finance.client.get(path)
    assert chinese_in(answer.text, DATA) == []


@pytest.mark.parametrize("name", ["auditor", "approver", "reviewer", "wuhu", "payer", "operator", "registrar", "admin"])
async def test_every_role_reads_english(desk: ConsoleSession, name: str) -> None:
    desk.be_logged_in_as(name)
    read_english(desk)
    for path in ("/console/help", "/console/overview", HERE, "/console/payouts", "/console/claims/1"):
        assert chinese_in((await desk.client.get(path)).text, DATA) == [], path


async def test_who_chose_nothing_reads_chinese_whatever_the_browser_asks_for(finance: ConsoleSession) -> None:
    answer = await finance.client.get("/console/rounds", headers={"Accept-Language": "en"})
    assert ("html", "lang", "zh-CN") in Page(answer.text).attributes
    finance.client.cookies.set(LANGUAGE_COOKIE, "tlh", domain=HOST, path="/console")
    assert "批次" in (await finance.page("/console/rounds")).text


@pytest.mark.parametrize("path", ["/console/login", "/console/rounds", f"{HERE}?region=340100&page=1", "/console/none"])
async def test_the_switch_stands_on_every_page_and_comes_back_to_it(finance: ConsoleSession, path: str) -> None:
    page = Page((await finance.client.get(path)).text)
    (to_english,) = (link for link in page.links if link.startswith("/console/language/"))
    answer = await finance.client.get(to_english)
    assert (answer.status_code, answer.headers["location"]) == (303, path)
    cookie = answer.headers["set-cookie"].lower()
    assert LANGUAGE_COOKIE in cookie
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    english = Page((await finance.client.get(path)).text)
    assert ("html", "lang", "en") in english.attributes
    assert "中文" in english.text
    (back,) = (link for link in english.links if link.startswith("/console/language/"))
    assert (await finance.client.get(back)).headers["location"] == path
    assert ("html", "lang", "zh-CN") in Page((await finance.client.get(path)).text).attributes


@pytest.mark.parametrize(
    "next_page",
    ["https://evil.test", "//evil.test", "/\\evil.test", "/console/../x", "/consoles", "javascript:alert(1)", ""],
)
async def test_the_switch_leads_nowhere_else(desk: ConsoleSession, next_page: str) -> None:
    answer = await desk.client.get("/console/language/en", params={"next": next_page})
    assert (answer.status_code, answer.headers["location"]) == (303, "/console")


async def test_a_language_that_there_is_not_is_no_page(desk: ConsoleSession) -> None:
    await desk.page("/console/language/tlh", 404)


async def test_over_https_the_choice_is_of_this_host_alone(desk: ConsoleSession) -> None:
    async with browser(desk.queries, "https") as client:
        answer = await client.get("/console/language/en")
        assert f"__Host-{LANGUAGE_COOKIE}=en" in answer.headers["set-cookie"]
        assert ("html", "lang", "en") in Page((await client.get("/console/login")).text).attributes


async def test_a_refused_form_is_answered_in_english_and_leads_back_to_its_page(desk: ConsoleSession) -> None:
    read_english(desk)
    form = (await desk.page("/console/login")).forms[0]
    answer = await desk.client.post(
        form.action, data={**form.fields, "name": "finance", "password": "wrong"},
        headers={"Referer": f"http://{HOST}/console/login?next=%2Fconsole%2Frounds"},
    )  # fmt: skip
    assert chinese_in(answer.text) == []
    assert "is not right" in answer.text
    (switch,) = (link for link in Page(answer.text).links if link.startswith("/console/language/"))
    assert (await desk.client.get(switch)).headers["location"] == "/console/login?next=%2Fconsole%2Frounds"


async def test_errors_are_pages_in_english(finance: ConsoleSession, monkeypatch: pytest.MonkeyPatch) -> None:
    read_english(finance)

    async def away(number: str) -> None:
        raise JournalUnavailable(number)

    async def mistaken(number: str) -> None:
        raise RuntimeError(number)

    answers: list[httpx.Response] = [await finance.client.post("/console/login", json={})]
    for wrong in (away, mistaken):
        monkeypatch.setattr(finance.queries, "settlement", wrong)
        answers.append(await finance.client.get(HERE))
    assert [answer.status_code for answer in answers] == [415, 503, 500]
    for answer in answers:
        assert chinese_in(answer.text) == [], answer.status_code


async def test_files_stay_chinese_whoever_asks_for_them(finance: ConsoleSession) -> None:
    before = [await finance.client.get(f"{HERE}/{name}") for name in ("lines.csv", "report.csv")]
    read_english(finance)
    after = [await finance.client.get(f"{HERE}/{name}") for name in ("lines.csv", "report.csv")]
    assert [one.content for one in before] == [one.content for one in after]
    assert "补助" in after[0].text


async def test_the_list_to_be_published_is_one_chinese_document(finance: ConsoleSession) -> None:
    list_of = re.compile(r"<article.*</article>", re.S)
    chinese = list_of.search((await finance.page(f"{HERE}/notice")).html)
    read_english(finance)
    english = list_of.search((await finance.page(f"{HERE}/notice")).html)
    assert chinese
    assert english
    assert chinese[0] == english[0]


def test_one_and_many_are_told_apart() -> None:
    with read_in("en"):
        assert phrase("{numbers} 个账户已批准。", numbers=1) == f"{1} 个账户已批准。", "no message"
        assert phrase("已批准 {numbers} 个账户。", numbers=1) == "1 account is approved."
        assert phrase("已批准 {numbers} 个账户。", numbers=2) == "2 accounts are approved."
    assert phrase("已批准 {numbers} 个账户。", numbers=1) == "已批准 1 个账户。"


def test_a_table_of_words_is_told_to_each_reader_in_his_language() -> None:
    assert (ROLE["finance"], ROLE.get("finance"), dict(ROLE.items())["finance"]) == ("财政", "财政", "财政")
    with read_in("en"):
        assert (ROLE["finance"], ROLE.get("finance"), dict(ROLE.items())["finance"]) == ("Finance",) * 3
        assert ROLE.get("none", "none") == "none"
        assert "Finance" in ROLE.values()
    assert ROLE["finance"] == "财政"


def test_the_check_sees_chinese_where_it_must_not_be() -> None:
    page = '<html lang="en"><p>{}</p><q lang="zh">引用<b>文</b></q><br><i title="{}">x</i></html>'
    assert chinese_in(page.format("Award", "award")) == []
    assert chinese_in(page.format("补助 Award", "award")) == ["补助 Award"]
    assert chinese_in(page.format("Award", "补助")) == ["补助"]
    assert chinese_in(page.format("Award，", "award")) == ["Award，"]
    assert chinese_in(page.format("公司", "award"), ["公司"]) == []
