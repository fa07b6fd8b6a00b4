"""Every route and every parameter with values that nobody should send: answered with 4xx, never with a fault."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
import pytest_asyncio

from api.auth.people import create_person
from api.auth.roles import SCOPES
from tests.console.console_session import Page
from tests.openapi.routes import Route, all_routes
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.records import usage


def cursor_of(mark: object) -> str:
    """A cursor that holds a mark."""
    return base64.urlsafe_b64encode(json.dumps(mark).encode()).decode().rstrip("=")


HOSTILE = (
    "%00", "A%00", "%ED%A0%80", "%FF", "%C0%80", "%EF%BF%BF", "%F0%9F%98%80", "", "%20", "-1", "0", "1e400", "1e5",
    "NaN", "9" * 30, "9" * 5000, "9223372036854775808", "-9223372036854775809", "0001-01-01", "9999-12-31",
    "0001-01-01T00:00:00%2B23:59", "9999-12-31T23:59:59-23:59", "2025-13-45", "2025-02-30T00:00:00Z", "2025-01-01",
    "2025-01-01T00:00:00", "x" * 3000, "'%20or%201=1--", "%25", "%5B" * 1000, "true", "null", "%F3%A0%80%81",
)  # fmt: skip
MARKS: tuple[object, ...] = (
    ["a", "b"], ["0001-01-01T00:00:00+23:59", "x"], ["9999-12-31T23:59:59-23:59", "x"], [1, 2], [1, 2**63], 2**63, -1,
    -(2**70), 1.5, True, None, {}, "a", "\0", "\ud800", "x" * 1500, ["2025-01-01", "\0"], [], [[[]]], "2025-01-01",
)  # fmt: skip
CURSORS = (
    base64.urlsafe_b64encode(b"[" * 1000).decode(), base64.urlsafe_b64encode(b"9" * 1400).decode(), "%C3%BC", "=",
    *(cursor_of(mark) for mark in MARKS),
)  # fmt: skip
NEEDED = {"from": "2025-01-01", "to": "2025-01-02"}  # what one route cannot do without
METHODS = ("GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")


def requests_of(route: Route) -> Iterator[str]:
    """Paths with queries: each parameter in turn with each hostile value, the others as they usually are."""
    usual = dict.fromkeys(route.in_path, "1")
    needed = {name: value for name, value in NEEDED.items() if name in route.in_query}
    for name in route.in_path:
        for value in HOSTILE:
            yield _filled(route.path, usual | {name: value}, needed)
    for name in route.in_query:
        for value in (*HOSTILE, *(CURSORS if name == "cursor" else ())):
            yield _filled(route.path, usual, needed | {name: value})


def _filled(path: str, values: dict[str, str], query: dict[str, str]) -> str:
    for name, value in values.items():
        path = path.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
    return path + ("?" + "&".join(f"{name}={value}" for name, value in query.items()) if query else "")


@pytest_asyncio.fixture(scope="module")
async def everyone(app: ApiClient, registrar: KeyClient) -> KeyClient:
    """A key that may do everything, so that no scope keeps a value from where it does harm."""
    assert registrar.key
    holder = await app.holder(*SCOPES, source="hostile")
    await holder.push(usage("h1"), usage("h2", cards=0))
    return holder


@pytest_asyncio.fixture(scope="module")
async def administrator(app: ApiClient) -> dict[str, str]:
    """The cookies of somebody who is logged in at the console."""
    await create_person(
        app.commands, name="审计", role="auditor", city=None, password="correct horse", now=datetime.now(UTC)
    )
    form = Page((await app.client.get("/console/login")).text).forms[0]
    answer = await app.client.post(form.action, data={**form.fields, "name": "审计", "password": "correct horse"})
    assert answer.status_code == 303, answer.text
    cookies = dict(app.client.cookies)
    app.client.cookies.clear()
    return cookies


ROUTES = {f"{one.method} {one.path}": one for one in all_routes() if one.in_path or one.in_query}


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
async def test_no_value_of_a_parameter_is_our_mistake(
    app: ApiClient, everyone: KeyClient, administrator: dict[str, str], route: Route
) -> None:
    headers = {"Authorization": f"Bearer {everyone.key}"}
    if route.is_page:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in administrator.items())}
    for path in requests_of(route):
        answer = await app.client.request(route.method, path, headers=headers)
        assert answer.status_code < 500, f"{route.method} {path[:200]}: {answer.status_code} {answer.text[:300]}"


@pytest.mark.parametrize("route", ROUTES.values(), ids=ROUTES.keys())
async def test_text_that_nothing_can_hold_is_refused_by_every_parameter(
    app: ApiClient, everyone: KeyClient, administrator: dict[str, str], route: Route
) -> None:
    headers = {"Authorization": f"Bearer {everyone.key}"}
    if route.is_page:
        headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in administrator.items())}
    needed = {name: value for name, value in NEEDED.items() if name in route.in_query}
    for value in ("%00", "x%00", "%ED%A0%80", "%FF", "%EF%BF%BF"):
        for name in route.in_path:
            path = _filled(route.path, dict.fromkeys(route.in_path, "1") | {name: value}, needed)
            assert (await app.client.request(route.method, path, headers=headers)).status_code == 404, path
        for name in route.in_query:
            path = _filled(route.path, dict.fromkeys(route.in_path, "1"), needed | {name: value})
            assert (await app.client.request(route.method, path, headers=headers)).status_code == 400, path


LISTS = [one.path for one in all_routes() if "cursor" in one.in_query]


@pytest.mark.parametrize("path", LISTS)
async def test_a_cursor_that_no_list_gave_out_is_refused(app: ApiClient, everyone: KeyClient, path: str) -> None:
    settlement = (await app.client.post(
        "/v1/settlements", json={"round": "anhui-2026"}, headers={"Authorization": f"Bearer {everyone.key}"}
    )).json()["id"]  # fmt: skip
    path = path.removeprefix("/v1").replace("{number}", settlement if "settlements" in path else "1")
    query = NEEDED if "reconciliation" in path else {}
    for cursor in (cursor_of({}), cursor_of([[]]), base64.urlsafe_b64encode(b"[" * 1000).decode(), "=", "x" * 3000):
        assert problem(await everyone.get(path, cursor=cursor, **query)) == (400, "bad_cursor"), cursor[:80]


UNDER = {f"{one.method} {one.path}": one for one in all_routes() if one.path.startswith("/v1")}


@pytest.mark.parametrize("route", UNDER.values(), ids=UNDER.keys())
async def test_a_parameter_that_a_route_does_not_declare_is_refused(
    app: ApiClient, everyone: KeyClient, route: Route
) -> None:
    headers = {"Authorization": f"Bearer {everyone.key}"}
    path = _filled(route.path, dict.fromkeys(route.in_path, "1"), {})
    for query, code in (
        ("credit_code=X", "unknown_parameter"),
        ("limits=1", "unknown_parameter"),
        ("=", "unknown_parameter"),
        *((f"{name}=1&{name}=1", "repeated_parameter") for name in route.in_query),
    ):
        answer = await app.client.request(route.method, f"{path}?{query}", headers=headers)
        assert problem(answer) == (400, code), query


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"])
async def test_head_is_answered_as_get_without_the_body(app: ApiClient, path: str) -> None:
    answer, full = await app.client.head(path), await app.client.get(path)
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"] == full.headers["content-type"]
    assert full.content


async def test_a_slash_too_many_is_no_redirect(app: ApiClient, everyone: KeyClient) -> None:
    headers = {"Authorization": f"Bearer {everyone.key}", "Host": "elsewhere.example"}
    for method, path in (
        ("POST", "/v1/usage-records/"),
        ("GET", "/v1/rounds/"),
        ("PUT", "/v1/chips/"),
        ("GET", "/docs/"),
    ):
        assert problem(await app.client.request(method, path, headers=headers)) == (404, "no_such_path")


@pytest.mark.parametrize("path", sorted({one.path for one in all_routes() if not one.is_page}))
async def test_a_method_that_a_path_does_not_know_is_told_which_it_knows(app: ApiClient, path: str) -> None:
    path = re.sub(r"\{[^}]*\}", "1", path)
    known = {one.method for one in all_routes() if one.takes(path)}
    for method in set(METHODS) - known:
        answer = await app.client.request(method, path)
        assert problem(answer) == (405, "method_not_allowed"), method
        assert known <= {name.strip() for name in answer.headers["allow"].split(",")}, method


async def test_headers_that_nothing_can_hold_are_refused(app: ApiClient, everyone: KeyClient) -> None:
    for value in (b"Bearer suanbu_\xff_x", b"Bearer suanbu_a\0b_x", b"\xe4\xbd\xa0", b"Bearer " + b"_" * 5000):
        answer = await app.client.get("/v1/rounds", headers={b"Authorization": value})
        assert answer.status_code in (400, 401), value
    for name in ("Suanbu-Time", "Suanbu-Nonce", "Suanbu-Signature", "Content-Type", "Content-Encoding"):
        headers = [(b"Authorization", f"Bearer {everyone.key}".encode()), (name.encode(), b"\xff\xfe")]
        answer = await app.client.post("/v1/usage-records", content=b"[]", headers=httpx.Headers(headers))
        assert answer.status_code < 500, name


async def test_a_list_of_rounds_comes_in_portions(everyone: KeyClient) -> None:
    found, cursor = [], None
    while True:
        portion = good(await everyone.get("/rounds", limit=1, cursor=cursor))
        assert len(portion["items"]) == 1
        found += portion["items"]
        cursor = portion["next"]
        if cursor is None:
            break
    assert found == await everyone.items("/rounds")
    assert len(found) > 1
