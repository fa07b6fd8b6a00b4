"""Logging in and out: only with the right password, only from our own form, and only into our own pages."""

from __future__ import annotations

import httpx
import pytest

from api.console.sessions import FORM_COOKIE, SESSION_COOKIE, local_path
from tests.console import fixtures
from tests.console.console_session import ConsoleSession, browser
from tests.console.fake import FakeQueries

PATHS = [
    "/console", "/console/settlements", f"/console/settlements/{fixtures.FIRST}",
    f"/console/settlements/{fixtures.FIRST}/report.xlsx",
    f"/console/settlements/{fixtures.FIRST}/lines/{fixtures.AWARDED}",
    "/console/rounds", "/console/rounds/anhui-2026", "/console/quarantine",
]  # fmt: skip


@pytest.mark.parametrize("path", PATHS)
async def test_every_page_asks_for_a_login(desk: ConsoleSession, path: str) -> None:
    response = await desk.client.get(path)
    assert response.status_code == 303
    assert response.headers["location"].startswith("/console/login?next=%2Fconsole")
    assert not response.content


async def test_logging_in_leads_to_the_page_that_was_asked_for(desk: ConsoleSession) -> None:
    wanted = f"/console/settlements/{fixtures.FIRST}?status=held"
    sent = await desk.client.get(wanted)
    answer = await desk.log_in("finance", path=sent.headers["location"])
    assert (answer.status_code, answer.headers["location"]) == (303, wanted)
    assert "合肥县域算法公司" in (await desk.page(wanted)).text or "单位" in (await desk.page(wanted)).text


def cookie(response: httpx.Response, name: str) -> str:
    return next(value for value in response.headers.get_list("set-cookie") if value.startswith(f"{name}="))


async def test_the_cookies_are_for_our_site_and_no_script(desk: ConsoleSession) -> None:
    form = await desk.client.get("/console/login")
    answer = await desk.log_in("finance")
    for response, name in ((form, FORM_COOKIE), (answer, SESSION_COOKIE)):
        given = cookie(response, name)
        assert "HttpOnly" in given
        assert "SameSite=strict" in given
        assert "Path=/console" in given
        assert "Secure" not in given


async def test_over_https_the_cookies_stay_there(queries: FakeQueries) -> None:
    async with browser(queries, "https") as client:
        desk = ConsoleSession(client, queries)
        answers = (await client.get("/console/login"), f"__Host-{FORM_COOKIE}"), (
            await desk.log_in("finance"), f"__Host-{SESSION_COOKIE}",
        )  # fmt: skip
        for answer, name in answers:
            given = cookie(answer, name)
            assert "Secure" in given
            assert "Path=/;" in f"{given};"
            assert "Domain" not in given
            assert answer.headers["strict-transport-security"]
        leave = (await desk.page("/console/settlements")).forms[0]
        assert cookie(await client.post(leave.action, data=leave.fields), f"__Host-{SESSION_COOKIE}").startswith(
            f'__Host-{SESSION_COOKIE}=""; '
        )


async def test_behind_a_proxy_the_public_address_says_that_it_is_https(queries: FakeQueries) -> None:
    """TLS ends before us: what reaches us is http, and a cookie without the prefix opens nothing."""
    async with browser(queries) as client:
        transport = client._transport
        assert isinstance(transport, httpx.ASGITransport)
        transport.app.state.public_url = "https://suanbu.example"  # type: ignore[attr-defined]
        form = await client.get("/console/login")
        assert "Secure" in cookie(form, f"__Host-{FORM_COOKIE}")
        assert form.headers["strict-transport-security"]
        session = queries.session_of("finance")
        for name, status in ((SESSION_COOKIE, 303), (f"__Host-{SESSION_COOKIE}", 200)):
            answer = await client.get("/console/settlements", headers={"Cookie": f"{name}={session}"})
            assert answer.status_code == status, name


@pytest.mark.parametrize(
    ("name", "password"), [("finance", "wrong"), ("nobody", "nobodynobody"), ("finance", ""), ("", "")]
)
async def test_a_wrong_name_or_password_opens_nothing_and_says_the_same(
    desk: ConsoleSession, name: str, password: str
) -> None:
    answer = await desk.log_in(name, password)
    assert answer.status_code == 403
    assert "用户名、密码或动态口令不正确" in answer.text
    assert SESSION_COOKIE not in desk.client.cookies
    assert not desk.queries.sessions


async def test_who_has_a_second_factor_needs_its_code(desk: ConsoleSession) -> None:
    desk.queries.codes["finance"] = "123456"
    assert (await desk.log_in("finance")).status_code == 403
    assert (await desk.log_in("finance", code="654321")).status_code == 403
    assert (await desk.log_in("finance", code="123456")).status_code == 303


@pytest.mark.parametrize("token", [None, "", "guessed"])
async def test_a_form_that_is_not_ours_is_refused(desk: ConsoleSession, token: str | None) -> None:
    await desk.page("/console/login")
    fields = {"name": "finance", "password": "financefinance"} | ({} if token is None else {"token": token})
    assert (await desk.client.post("/console/login", data=fields)).status_code == 403
    assert not desk.queries.sessions


async def test_a_form_from_another_browser_is_refused(desk: ConsoleSession, queries: FakeQueries) -> None:
    form = (await desk.page("/console/login")).forms[0]
    async with browser(queries) as other:
        fields = {**form.fields, "name": "finance", "password": "financefinance"}
        assert (await other.post("/console/login", data=fields)).status_code == 403
    assert not queries.sessions


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b'{"name":"finance"}', "application/json", 415),
        (b"name=" + b"a" * 9000, "application/x-www-form-urlencoded", 413),
        (b"name=%ff%fe&%", "application/x-www-form-urlencoded", 400),
        (b"name=a&name=b", "application/x-www-form-urlencoded", 400),
        (b"&".join(b"f%d=1" % n for n in range(20)), "application/x-www-form-urlencoded", 400),
        (b"", "application/x-www-form-urlencoded", 403),
    ],
)
async def test_a_body_that_is_no_small_form_is_refused(
    desk: ConsoleSession, body: bytes, content_type: str, status: int
) -> None:
    answer = await desk.client.post("/console/login", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("text/html")


async def test_logging_out_ends_the_session_for_whoever_holds_it(finance: ConsoleSession) -> None:
    session = finance.client.cookies[SESSION_COOKIE]
    form = (await finance.page("/console/settlements")).forms[0]
    assert form.action == "/console/logout"
    answer = await finance.client.post(form.action, data=form.fields)
    assert answer.headers["location"] == "/console/login"
    assert SESSION_COOKIE not in finance.client.cookies
    finance.hold(session)
    assert (await finance.client.get("/console/settlements")).status_code == 303


@pytest.mark.parametrize("fields", [{}, {"token": "guessed"}])
async def test_nobody_is_logged_out_by_a_form_that_is_not_ours(finance: ConsoleSession, fields: dict[str, str]) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await finance.client.post("/console/logout", data=fields, headers=headers)
    assert answer.status_code == 403
    assert (await finance.client.get("/console/settlements")).status_code == 200


async def test_a_new_login_ends_the_session_before_it(finance: ConsoleSession) -> None:
    before = finance.client.cookies[SESSION_COOKIE]
    await finance.log_in("auditor")
    assert finance.client.cookies[SESSION_COOKIE] != before
    assert before not in finance.queries.sessions


@pytest.mark.parametrize(
    ("wanted", "gone_to"),
    [
        ("/console/rounds", "/console/rounds"),
        (f"/console/settlements/{fixtures.FIRST}?q=a", f"/console/settlements/{fixtures.FIRST}?q=a"),
        ("", "/console"),
        ("http://evil.test/console", "/console"),
        ("//evil.test/console/", "/console"),
        ("/\\evil.test", "/console"),
        ("/console\\..\\x", "/console"),
        ("/console/../v1", "/console"),
        ("/consolex", "/console"),
        ("javascript:alert(1)", "/console"),
        ("/console/\r\nSet-Cookie: a=b", "/console"),
        ("/v1/settlements", "/console"),
    ],
)
def test_the_login_leads_nowhere_else(wanted: str, gone_to: str) -> None:
    assert local_path(wanted) == gone_to


@pytest.mark.parametrize(
    ("role", "money", "quarantine"),
    [
        ("finance", 200, 200), ("reviewer", 200, 403), ("approver", 200, 403), ("payer", 403, 403),
        ("auditor", 200, 200), ("operator", 403, 200), ("admin", 403, 403),
    ],
)  # fmt: skip
async def test_each_role_sees_its_own_sections(desk: ConsoleSession, role: str, money: int, quarantine: int) -> None:
    desk.be_logged_in_as(role)
    links = (await desk.page("/console/rounds")).links
    for path, status in (("/console/settlements", money), ("/console/quarantine", quarantine)):
        assert (await desk.client.get(path)).status_code == status
        assert (path in links) == (status == 200)
    assert (await desk.client.get(f"/console/settlements/{fixtures.FIRST}/report.csv")).status_code == money
    home = (await desk.client.get("/console")).headers["location"]
    assert home == "/console/overview"
