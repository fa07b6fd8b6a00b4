"""Who acts for one entity sees that entity only: on every route, and by the database, whoever writes the SQL."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest
import pytest_asyncio

from api.auth.sessions import proof_of_session
from api.console.sessions import SESSION_COOKIE, session_form_token
from meter.database.roles import CITY_ROLE, SERVICE_ROLE
from meter.rollup.store import advance
from tests.security.test_cities import LIMITED, Province, filled, routes_of
from tests.support.api_client import good
from tests.support.people import session_of
from tests.support.postgres import Cluster
from tests.support.province import (
    CITIES,
    account_of,
    approved,
    code_of,
    decide,
    locked,
    people_of,
    populate,
    run,
)
from tests.support.records import usage
from tests.support.serving import in_process

OURS = code_of(CITIES[0], 0)
OTHERS = [(city, number) for city in CITIES for number in range(2) if code_of(city, number) != OURS]
CANARIES = [
    word
    for city, number in OTHERS
    for word in (code_of(city, number), f"{city}-{number} 有限公司", account_of(city, number)["account"])
] + ["note of"]
OPEN = tuple(
    f"/console/{name}" for name in ("company", "rounds", "password", "second-factor", "help", "static", "login")
)
FUNCTIONS = (
    "company_entity", "company_lines", "company_accounts", "company_confirmations", "company_payments", "company_use",
    "company_quarantine",
)  # fmt: skip
_NAMES = itertools.count(1)


@dataclass(frozen=True)
class Town(Province):
    """A province in which a locked settlement is paid, and another one is in public notice."""

    published: str


@pytest_asyncio.fixture(scope="module")
async def town(cluster: Cluster) -> AsyncIterator[Town]:
    async with cluster.database() as url, in_process(url) as door:
        platform = await populate(door)
        for city, number in ((CITIES[0], 0), (CITIES[1], 0)):
            await platform.push(usage("bad", consumer=code_of(city, number), cards=-1))
        people = await people_of(door)
        first = await locked(people)
        second = await run(people.clerk, number="second")
        await approved(people, second["id"])
        good(await decide(people.approver, second["id"], "publish", days=5))
        third = await run(people.clerk, number="third")
        good(await decide(people.clerk, third["id"], "submit"))
        for city in CITIES:
            said = {"city": city, "decision": "pass", "note": f"note of {city}"}
            good(await decide(people.reviewer, third["id"], "review", **said))
        for city, number in ((CITIES[0], 0), (CITIES[1], 0)):
            said = {"uscc": code_of(city, number), "note": f"note of the reviewer about {city}"}
            good(await decide(people.reviewer, second["id"], "objections", **said))
        while await advance(door.engine) < 1:
            pass
        yield Town(door, first["id"], third["id"], second["id"])


@pytest_asyncio.fixture
async def owner(town: Town) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(town.door.url)
    try:
        yield connection
    finally:
        await connection.close()


async def company(town: Town, uscc: str = OURS) -> str:
    """Somebody who acts for an entity; the session."""
    return await session_of(town.door, f"company-{next(_NAMES)}", "entity", uscc=uscc)


async def test_every_route_with_the_login_of_a_company(town: Town) -> None:
    """Its own data, or nothing: no answer names anybody else, and whatever is not the company's is closed."""
    session = await company(town)
    headers = {"Cookie": f"{SESSION_COOKIE}={session}"}
    form = {"token": session_form_token(session), "uscc": code_of(CITIES[1], 0), "round": "none", "decision": "pass"}
    shown, leaks, opened = 0, [], []
    routes = routes_of(town.door)
    assert len(routes) > 100
    for method, path in routes:
        full = path if path.startswith(("/v1", "/console")) else f"/console{path}"
        if path == "/logout":
            continue
        for target in filled(full, town, CITIES[1], thorough=True):
            answer = await town.door.client.request(
                method, target, headers=headers, data=form if method == "POST" else None
            )
            assert answer.status_code < 500, (method, target, answer.text[:300])
            if target.startswith("/v1"):
                assert answer.status_code in (400, 401, 404, 405, 415), (method, target, answer.status_code)
            elif answer.status_code == 200:
                shown += 1
                opened += [] if target.startswith(OPEN) else [(method, target)]
            elif answer.status_code == 303:
                assert answer.headers["location"] == "/console/company", (method, target)
            leaks += [(method, target, one) for one in CANARIES if one in answer.text and one not in target]
    assert not opened
    assert not leaks, leaks[:5]
    assert shown > 8


async def test_a_company_sees_its_own(town: Town) -> None:
    session = await company(town)

    async def page(path: str) -> str:
        answer = await town.door.client.get(
            f"/console/company{path}", headers={"Cookie": f"{SESSION_COOKIE}={session}"}
        )
        assert answer.status_code == 200, (path, answer.text[:300])
        assert not [one for one in CANARIES if one in answer.text and not one.startswith("note")], path
        return answer.text

    home = await page("")
    assert f"{CITIES[0]}-0 有限公司" in home
    assert "200.00" in home, "what the locked settlement pays"
    assert "****0000" in home
    assert "没有入库的记录" in home
    assert home.count('<td class="n" data-label="记录">1</td>') == 1, "of the two that were refused, its own"
    line = await page(f"/settlements/{town.published}")
    assert "金额的由来" in line
    assert "note of the reviewer about 340100" in line, "what was said about its own line"
    assert "note of the reviewer about 340200" not in line
    assert "算力补助计算说明" in await page(f"/settlements/{town.locked}/statement")
    use = await page("/use")
    assert "1,000.00" in use
    assert "2025-09" in use


async def test_what_is_not_public_yet_is_an_expectation_without_its_working(
    town: Town, owner: asyncpg.Connection
) -> None:
    session = await company(town)
    headers = {"Cookie": f"{SESSION_COOKIE}={session}"}
    here = f"/console/company/settlements/{town.submitted}"
    answer = await town.door.client.get(here, headers=headers)
    assert answer.status_code == 200
    assert "预计补助" in answer.text
    assert "区间尚未测算" in answer.text
    assert "金额的由来" not in answer.text
    assert (await town.door.client.get(f"{here}/statement", headers=headers)).status_code == 404
    reader = await town.door.holder("report:read")
    good(await reader.get(f"/settlements/{town.submitted}", interval=True))
    kept = await owner.fetchval("select count(*) from settlement_interval where settlement = $1", town.submitted)
    assert kept == 6
    answer = await town.door.client.get(here, headers=headers)
    assert re.search(r"补助在 [\d,.]+ 至 [\d,.]+ 元之间", answer.text)


@pytest.mark.parametrize("role", [SERVICE_ROLE, CITY_ROLE])
async def test_no_table_has_a_row_for_a_company_and_functions_tell_of_its_own(
    town: Town, owner: asyncpg.Connection, role: str
) -> None:
    session = await company(town)
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute(f"set local role {CITY_ROLE}")
    await owner.execute("select set_config('suanbu.city', '', true), set_config('suanbu.actor', $1, true)", "")
    for table in LIMITED:
        if await owner.fetchval("select has_table_privilege(current_user, $1, 'select')", table):
            assert await owner.fetchval(f"select count(*) from {table}") == 0, table
    for function in FUNCTIONS:
        assert await owner.fetch(f"select * from {function}()") == [], f"{function} without a session"
    await owner.execute("select set_config('suanbu.proof', $1, true)", proof_of_session(session))
    found = {function: await owner.fetch(f"select * from {function}()") for function in FUNCTIONS}
    assert [row["uscc"] for row in found["company_entity"]] == [OURS]
    assert {row["line"] and OURS in str(row["line"]) for row in found["company_lines"]} == {True}
    assert {row["id"] for row in found["company_lines"]} == {town.locked, town.published, town.submitted}
    assert [row["working"] is None for row in found["company_lines"] if row["id"] == town.submitted] == [True]
    assert len(found["company_payments"]) == 1
    assert not [one for one in CANARIES if one in str(found) and not one.startswith("note")]
    await transaction.rollback()
    assert role


async def test_nobody_else_is_a_company(town: Town, owner: asyncpg.Connection) -> None:
    session = await session_of(town.door, f"auditor-{next(_NAMES)}", "auditor")
    answer = await town.door.client.get("/console/company", headers={"Cookie": f"{SESSION_COOKIE}={session}"})
    assert answer.status_code == 403
    await owner.execute("select set_config('suanbu.proof', $1, false)", proof_of_session(session))
    for function in FUNCTIONS:
        assert await owner.fetch(f"select * from {function}()") == [], function
    for said in ("company_confirm('anhui-2026', null)", "company_propose_account('x', 'x', false)",
                 f"company_object('{town.published}', 'x')"):  # fmt: skip
        with pytest.raises(asyncpg.CheckViolationError):
            await owner.execute(f"select {said}")


async def test_a_company_is_bound_to_its_own_line_whatever_its_form_says(town: Town, owner: asyncpg.Connection) -> None:
    """Objections, confirmations and accounts are those of the session's entity; a stranger to the round has no line."""
    stranger = await company(town, code_of("349900", 7))
    headers = {"Cookie": f"{SESSION_COOKIE}={stranger}"}
    said = {"token": session_form_token(stranger), "note": "x", "uscc": OURS}
    here = f"/console/company/settlements/{town.published}"
    assert (await town.door.client.get(here, headers=headers)).status_code == 404
    assert (await town.door.client.post(f"{here}/objection", data=said, headers=headers)).status_code == 404
    await owner.execute("select set_config('suanbu.proof', $1, false)", proof_of_session(stranger))
    with pytest.raises(asyncpg.CheckViolationError, match="no line of yours"):
        await owner.execute("select company_object($1, 'x')", town.published)
    with pytest.raises(asyncpg.CheckViolationError, match="does not know"):
        await owner.execute("select company_propose_account('x', 'x', false)")
