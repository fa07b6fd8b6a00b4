"""Who is bound to a city sees that city only: on every route, in every role, and by the database's own row security."""

from __future__ import annotations

import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import APIRoute

from api.auth.roles import COMPANY, SCOPES, SCOPES_OF
from api.console.sessions import SESSION_COOKIE, session_form_token
from meter.database.roles import CITY_ROLE, SERVICE_ROLE
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.people import session_of
from tests.support.postgres import Cluster
from tests.support.province import CITIES, code_of, decide, locked, people_of, populate, run
from tests.support.serving import in_process
from tests.support.worlds import post

LIMITED = (
    "settlement", "settlement_line", "settlement_event", "payout_instruction", "payout_event", "clawback_claim", "job",
    "job_output",
    "claim_event",
)  # fmt: skip
OPEN_TO_ALL = {"alembic_version": "which shape the database has"}
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Province:
    """A province with a locked settlement and one under review."""

    door: ApiClient
    locked: str
    submitted: str


@pytest_asyncio.fixture(scope="module")
async def province(cluster: Cluster) -> AsyncIterator[Province]:
    async with cluster.database() as url, in_process(url) as door:
        await populate(door)
        people = await people_of(door)
        made = await locked(people)
        other = await run(people.clerk, number="second")
        good(await decide(people.clerk, other["id"], "submit"))
        for city in CITIES:
            said = {"city": city, "decision": "pass", "note": f"note of {city}"}
            good(await decide(people.reviewer, other["id"], "review", **said))
        yield Province(door, made["id"], other["id"])


@pytest_asyncio.fixture
async def owner(province: Province) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(province.door.url)
    try:
        yield connection
    finally:
        await connection.close()


async def keyed(door: ApiClient, city: str | None, *scopes: str) -> KeyClient:
    """Somebody bound to a city."""
    return await door.holder(*scopes, name=f"city-holder-{next(_NUMBERS)}", city=city)


def canaries(city: str) -> list[str]:
    """What gives away another city: codes and names of its entities, and its notes."""
    others = [other for other in CITIES if other != city]
    return [
        word
        for other in others
        for number in range(2)
        for word in (code_of(other, number), f"{other}-{number} 有限公司", f"6222{other}", f"note of {other}")
    ]


def routes_of(door: ApiClient) -> list[tuple[str, str]]:
    """Every method and path that the application answers."""
    transport = door.client._transport
    assert isinstance(transport, httpx.ASGITransport)
    app = transport.app
    assert isinstance(app, FastAPI)
    found: set[tuple[str, str]] = set()
    pending: list[tuple[str, Any]] = [("", route) for route in app.routes]
    while pending:
        prefix, route = pending.pop()
        if isinstance(route, APIRoute):
            found |= {(method, prefix + route.path) for method in route.methods or ()}
        elif (inner := getattr(route, "original_router", None)) is not None:
            # a router's own prefix stands in its routes, but not in those of routers that it includes
            pending += [(prefix if isinstance(one, APIRoute) else prefix + inner.prefix, one) for one in inner.routes]
    return sorted(found)


def filled(path: str, province: Province, city: str, *, thorough: bool) -> list[str]:
    """The path with every parameter given a value that exists: of this city, and of another."""
    other = next(one for one in CITIES if one != city)
    found = []
    for settlement in (province.locked, province.submitted) if thorough else (province.locked,):
        for code in (code_of(city, 0), code_of(other, 0)):
            values = {
                "number": settlement, "uscc": code, "kind": "json", "source": "holder-2", "record_id": "u1", "id": "u1",
                "batch": "4", "objection": "1", "round_id": "anhui-2026", "event": "review",
            }  # fmt: skip
            if path.startswith(("/v1/payout", "/v1/claims", "/console/payout")):
                values["number"] = "3"
            filled_in = re.sub(r"\{(\w+)(?::\w+)?\}", lambda m: values.get(m[1], "1"), path)  # noqa: B023 - at once
            found.append(filled_in)
            if "report" in path:
                kinds = (".csv", ".json?layout=lines", ".csv?layout=city")
                found += [filled_in.replace(".json", kind) for kind in kinds]
                found.append(filled_in + f"?region={other}")
            if path.endswith("/decide/{event}"):
                found += [filled_in.replace("/review", "/objection"), f"{filled_in}?city={other}"]
            if path.endswith("/payouts"):
                found += [filled_in.replace("/payouts", f"/payouts?settlement={settlement}")]
            if path == "/console/payouts/{number}":
                found += [f"/console/payouts/{number}" for number in range(1, 7)]
            if path.endswith("/lines"):
                found += [f"{filled_in}?q={code_of(other, 0)}", f"{filled_in}?region={other}"]
    return sorted(set(found))


async def test_every_table_is_limited_or_out_of_reach(owner: asyncpg.Connection) -> None:
    tables = await owner.fetch(
        """select c.relname as name, c.relrowsecurity as on, c.relforcerowsecurity as forced,
           (select count(*) from pg_policy p where p.polrelid = c.oid) as policies
           from pg_class c join pg_namespace n on n.oid = c.relnamespace
           where n.nspname = 'public' and c.relkind in ('r', 'p')"""
    )
    names = {table["name"] for table in tables}
    assert names >= {*LIMITED, *OPEN_TO_ALL, "entry", "entity_fact", "audit"}
    for table in tables:
        name = table["name"]
        if name in LIMITED:
            assert table["on"], name
            assert table["forced"], name
            assert table["policies"], name
            continue
        if name in OPEN_TO_ALL:
            continue
        for right in ("select", "insert", "update", "delete", "truncate"):
            assert (
                not await owner.fetchval("select has_any_column_privilege($1, $2, $3)", CITY_ROLE, name, right)
                if (right in ("select", "insert", "update"))
                else not await owner.fetchval("select has_table_privilege($1, $2, $3)", CITY_ROLE, name, right)
            ), name


async def test_the_roles_own_nothing_and_bypass_nothing(owner: asyncpg.Connection) -> None:
    for role in (SERVICE_ROLE, CITY_ROLE):
        row = await owner.fetchrow("select rolsuper, rolbypassrls, rolcanlogin from pg_roles where rolname = $1", role)
        assert tuple(row) == (False, False, False)
        assert await owner.fetchval("select count(*) from pg_class where pg_get_userbyid(relowner) = $1", role) == 0


@pytest.mark.parametrize("role", [SERVICE_ROLE, CITY_ROLE])
@pytest.mark.parametrize("city", [None, "", "999900"])
async def test_unset_or_unknown_means_no_rows(owner: asyncpg.Connection, role: str, city: str | None) -> None:
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute(f"set local role {role}")
    if city is not None:
        await owner.execute("select set_config('suanbu.city', $1, true)", city)
    reachable = [
        table
        for table in LIMITED
        if await owner.fetchval("select has_table_privilege(current_user, $1, 'select')", table)
    ]
    assert reachable
    for table in reachable:
        if city == "999900" and table in ("settlement", "settlement_event"):
            continue  # that there is a settlement is no city's secret
        assert await owner.fetchval(f"select count(*) from {table}") == 0, table
    await transaction.rollback()


@pytest.mark.parametrize("city", CITIES)
async def test_a_city_sees_its_own_lines_and_totals(province: Province, city: str) -> None:
    reader = await keyed(province.door, city, "report:read", "payout:read")
    lines = await reader.items(f"/settlements/{province.locked}/lines")
    assert [line["uscc"] for line in lines] == sorted(code_of(city, number) for number in range(2))
    totals = good(await reader.get(f"/settlements/{province.locked}"))["totals"]
    assert totals["payable_fen"] == sum(line["payable_fen"] for line in lines) == 40_000
    assert {one["uscc"] for one in await reader.items("/payouts")} == {line["uscc"] for line in lines}
    assert (await reader.get(f"/settlements/{province.locked}/lines/{lines[0]['uscc']}")).status_code == 200


async def test_every_route_in_every_role_for_every_city(province: Province) -> None:
    asked, answered, leaks = 0, 0, []
    routes = routes_of(province.door)
    assert len(routes) > 40
    for role, city in itertools.product((*SCOPES_OF, "every scope"), CITIES):
        scopes = SCOPES if role == "every scope" else tuple(sorted(SCOPES_OF[role]))
        if not scopes:
            continue  # such a role holds no key at all
        holder = await keyed(province.door, city, *scopes)
        for method, path in routes:
            if not path.startswith("/v1") or path.endswith(("/cancel", "/submit")):
                continue
            for target in filled(path, province, city, thorough=role == "every scope"):
                headers = {"Authorization": f"Bearer {holder.key}", "Content-Type": "application/json"}
                answer = await province.door.client.request(
                    method, target, headers=headers, content=b"{}" if method != "GET" else None
                )
                asked += 1
                answered += answer.status_code == 200
                assert answer.status_code < 500, (method, target, answer.text)
                named = [one for one in canaries(city) if one in answer.text and one not in target]
                if named:
                    leaks.append((role, city, method, target, answer.status_code, named))
    assert not leaks, leaks[:5]
    assert asked > 700
    assert answered > 150, "a matrix of refusals proves little"


async def test_every_page_of_the_console_in_every_role_for_every_city(province: Province) -> None:
    # the console's own routes do not name the place at which they are included
    pages = sorted(
        path if path.startswith("/console") else f"/console{path}"
        for method, path in routes_of(province.door)
        if method == "GET" and not path.startswith("/v1")
    )
    assert len(pages) > 5
    shown, leaks = 0, []
    for role, city in itertools.product(sorted(set(SCOPES_OF) - {COMPANY}), CITIES):
        name = f"{role}-{next(_NUMBERS)}"
        session = await session_of(province.door, name, role, city)
        for path in pages:
            for target in filled(path, province, city, thorough=role == "reviewer"):
                answer = await province.door.client.get(target, headers={"Cookie": f"{SESSION_COOKIE}={session}"})
                assert answer.status_code < 500, (role, target, answer.text[:500])
                shown += answer.status_code == 200
                leaks += [(role, target, one) for one in canaries(city) if one in answer.text and one not in target]
    assert not leaks, leaks[:5]
    assert shown > 50


async def test_a_person_of_a_city_decides_in_the_console_about_his_own_lines_only(province: Province) -> None:
    """Whatever a form says: the city is his own, and no other decision than a review or an objection is open."""
    client, first, second = province.door.client, *CITIES[:2]
    clerk = await province.door.holder("settlement:run", "report:read")
    made = await run(clerk, number="in the console")
    good(await decide(clerk, made["id"], "submit"))
    name = "reviewer at the console"
    session = await session_of(province.door, name, "reviewer", first)
    headers = {"Cookie": f"{SESSION_COOKIE}={session}"}
    here = f"/console/settlements/{made['id']}"
    token = session_form_token(session)
    for event in ("submit", "approve", "publish", "ruling", "lock", "cancel"):
        answer = await client.post(f"{here}/decide/{event}", data={"token": token}, headers=headers)
        assert answer.status_code == 403, event
    said = {"token": token, "decision": "return", "note": "x", "city": second}
    answer = await client.post(f"{here}/decide/review", data=said, headers=headers)
    assert answer.status_code == 403
    assert "只能办理本市" in answer.text
    said = {"token": token, "decision": "pass"}
    answer = await client.post(f"{here}/decide/review", data=said, headers=headers)
    assert answer.headers["location"] == f"{here}?done=review"
    (review,) = [event for event in good(await clerk.get(f"/settlements/{made['id']}"))["events"]
                 if event["event"] == "review"]  # fmt: skip
    assert (review["detail"]["city"], review["actor"]) == (first, f"person:{name}")


async def test_a_city_cannot_find_out_by_objecting_who_has_a_line_elsewhere(province: Province) -> None:
    clerk = await province.door.holder("settlement:run", "report:read")
    reviewer = await province.door.holder("settlement:review")
    approver = await province.door.holder("settlement:approve")
    made = await run(clerk, number="objections", budget_fen=1)
    for holder, event in ((clerk, "submit"), (reviewer, "review"), (approver, "approve"), (approver, "publish")):
        said: dict[str, object] = {"decision": "pass"} if event == "review" else {}
        if event == "publish":
            said = {"days": 1}
        good(await decide(holder, made["id"], event, **said))
    bound = await keyed(province.door, CITIES[0], "settlement:review", "report:read")
    there = await decide(bound, made["id"], "objections", note="x", uscc=code_of(CITIES[1], 0))
    nowhere = await decide(bound, made["id"], "objections", note="x", uscc=code_of("349900", 7))
    assert problem(there) == problem(nowhere) == (404, "NO_SUCH_LINE")
    good(await decide(bound, made["id"], "objections", note="x", uscc=code_of(CITIES[0], 0)))


async def test_a_city_reviews_its_own_lines_only(province: Province) -> None:
    clerk = await province.door.holder("settlement:run", "report:read")
    made = await run(clerk, number="by cities")
    good(await decide(clerk, made["id"], "submit"))
    first, second = CITIES[:2]
    reviewer = await keyed(province.door, first, "settlement:review", "report:read")
    answer = await decide(reviewer, made["id"], "review", city=second, decision="pass")
    assert problem(answer) == (403, "OTHER_CITY")
    assert good(await decide(reviewer, made["id"], "review", decision="pass"))["status"] == "submitted"
    events = good(await clerk.get(f"/settlements/{made['id']}"))["events"]
    assert events[-1]["detail"]["city"] == first


async def test_the_database_refuses_what_the_application_would_forget(
    province: Province, owner: asyncpg.Connection
) -> None:
    """The same decision past the application: row security says no by itself."""
    first, second = CITIES[:2]
    said = f'{{"city": "{second}", "decision": "return", "note": "x"}}'
    for city, why in ((None, asyncpg.InsufficientPrivilegeError), (first, asyncpg.CheckViolationError)):
        reviewer = await keyed(province.door, city, "settlement:review")
        transaction = owner.transaction()
        await transaction.start()
        await owner.execute(f"set local role {CITY_ROLE}")
        await owner.execute(
            "select set_config('suanbu.city', $1, true), set_config('suanbu.proof', $2, true)", first, reviewer.proof
        )
        with pytest.raises(why, match=r"row-level security|its own lines only"):
            await owner.execute(
                """insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
                   values ($1, 'review', '', '', $3, now(), 0, $2)""",
                province.submitted, said, f"key:{reviewer.name}",
            )  # fmt: skip
        await transaction.rollback()


async def test_without_a_city_everything_is_there(province: Province) -> None:
    reader = await keyed(province.door, None, "report:read")
    assert len(await reader.items(f"/settlements/{province.locked}/lines")) == 6
    assert problem(await post(await keyed(province.door, CITIES[0], *SCOPES), "/settlements/compare")) == (
        403, "city_limited",
    )  # fmt: skip


# long: everything that a city must not see, on one province
