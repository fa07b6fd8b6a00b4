"""What-if shows what would be settled, also after a lock; verify notices every stored sum that is not recomputed."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from settlement.explain.stored import whole_working
from tests.service.province import HEFEI, NORTH, send_province
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.worlds import every_line, post

ROUND = "anhui-2024-1"
TOTALS = """update settlement set totals = jsonb_set(totals, '{award_fen}', '1') where id = $1"""
MATCHES = """update settlement set match_lines = jsonb_set(match_lines, '{0,award_fen}', '1') where id = $1"""
LINE = """update settlement_line set line = replace(line::text, '"held_fen": 0', '"held_fen": 1')::json
          where settlement = $1"""


@pytest_asyncio.fixture(scope="module")
async def clerk(app: ApiClient) -> KeyClient:
    """Who runs settlements of a small province."""
    await send_province(app)
    return await app.holder("settlement:run", "report:read")


async def behind_the_door(app: ApiClient, statement: str, *values: object) -> None:
    """A statement that no role of the service may run, with no trigger in its way."""
    connection = await asyncpg.connect(app.url)
    try:
        async with connection.transaction():
            await connection.execute("set local session_replication_role = replica")
            await connection.execute(statement, *values)
    finally:
        await connection.close()


@pytest.mark.parametrize(("statement", "where"), [(TOTALS, "totals"), (MATCHES, "match_lines"), (LINE, None)])
async def test_a_stored_sum_that_is_not_what_is_recomputed_is_named(
    app: ApiClient, clerk: KeyClient, statement: str, where: str | None
) -> None:
    match = {
        "id": "m",
        "city": "340600",
        "new_single_site_pflops": "400",
        "completed": "2024-06-30",
        "city_paid_fen": 30,
    }
    body = {
        "round": ROUND if where else "anhui-2026",
        "order": {"rate": "0.2", "number": str(where)},
        "matches": [match],
    }
    number = (await post(clerk, "/settlements", body)).json()["id"]
    assert good(await clerk.get(f"/settlements/{number}/verify"))["equal"]
    await behind_the_door(app, statement, number)
    verdict = good(await clerk.get(f"/settlements/{number}/verify"))
    assert not verdict["equal"]
    assert verdict["different_sums"] == ([where] if where else [])
    assert bool(verdict["different_lines"]) == (where is None)


async def test_a_stored_step_that_is_not_what_is_recomputed_is_named(app: ApiClient, clerk: KeyClient) -> None:
    body = {"round": "anhui-2026", "order": {"rate": "0.2", "number": "steps"}}
    number = (await post(clerk, "/settlements", body)).json()["id"]
    assert good(await clerk.get(f"/settlements/{number}/verify"))["different_steps"] == []
    statement = """update settlement_line
                   set working = replace(working::text, '"all_charges_fen":', '"all_charges_fen":1')::json
                   where settlement = $1 and uscc = $2"""
    await behind_the_door(app, statement, number, HEFEI)
    told = await clerk.get(f"/settlements/{number}/lines/{HEFEI}")
    assert problem(told) == (409, "LINE_CONTRADICTS_ITSELF")
    verdict = good(await clerk.get(f"/settlements/{number}/verify"))
    assert (verdict["equal"], verdict["different_steps"], verdict["different_lines"]) == (False, [HEFEI], [])
    assert verdict["lines"] == 4
    await behind_the_door(app, "delete from settlement_line where settlement = $1 and uscc = $2", number, HEFEI)
    verdict = good(await clerk.get(f"/settlements/{number}/verify"))
    assert (verdict["equal"], verdict["lines"], verdict["different_lines"]) == (False, 3, [HEFEI])


async def test_a_settlement_kept_with_every_value_of_its_steps_verifies_as_before(
    app: ApiClient, clerk: KeyClient
) -> None:
    body = {"round": "anhui-2026", "order": {"rate": "0.2", "number": "whole workings"}}
    number = (await post(clerk, "/settlements", body)).json()["id"]
    statement = "update settlement_line set working = $3::json where settlement = $1 and uscc = $2"
    for line, working in await _stored(app, number):
        whole = json.dumps(whole_working(line, working))
        await behind_the_door(app, statement, number, line["uscc"], whole)
    verdict = good(await clerk.get(f"/settlements/{number}/verify"))
    assert (verdict["equal"], verdict["different_steps"], verdict["different_lines"]) == (True, [], [])
    for line, working in await _stored(app, number):
        other = whole_working(line, working)
        other["values"]["consumed_units"] += 1
        await behind_the_door(app, statement, number, line["uscc"], json.dumps(other))
    verdict = good(await clerk.get(f"/settlements/{number}/verify"))
    assert (verdict["equal"], len(verdict["different_steps"])) == (False, verdict["lines"])


async def _stored(app: ApiClient, number: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    connection = await asyncpg.connect(app.url)
    try:
        rows = await connection.fetch("select line, working from settlement_line where settlement = $1", number)
    finally:
        await connection.close()
    return [(json.loads(row["line"]), json.loads(row["working"])) for row in rows]


async def test_what_if_stands_on_the_lock_that_the_settlement_stands_on(app: ApiClient, clerk: KeyClient) -> None:
    wanted: dict[str, Any] = {"round": "anhui-2026", "order": {"rate": "0.10"}}
    first = (await post(clerk, "/settlements", wanted)).json()
    await behind_the_door(app, "update settlement set status = 'locked' where id = $1", first["id"])
    meant = {**wanted, "order": {"rate": "0.11"}, "other_terms": True}
    after = (await post(clerk, "/settlements", meant)).json()
    assert after["totals"]["adjustment_fen"] == after["totals"]["payable_fen"] - first["totals"]["payable_fen"]
    plain, uplifted = good(
        await post(
            clerk,
            "/settlements/compare",
            {"round": "anhui-2026", "orders": [{"rate": "0.11"}, {"rate": "0.11", "uplift": True}]},
        )
    )["items"]
    assert plain["digest"] == after["digest"]
    assert plain["totals"] == after["totals"]
    # the uplift moves the northern line and its city; every other line is the same to the last bit
    assert [one["uscc"] for one in uplifted["difference"]["entities"]] == [NORTH]
    assert {one["city"] for one in uplifted["difference"]["cities"] if one["lines_changed"]} == {"341300"}
    raised = (await post(clerk, "/settlements", {**meant, "order": {"rate": "0.11", "uplift": True}})).json()
    assert raised["digest"] == uplifted["digest"]
    lines = [{line["uscc"]: line for line in await every_line(clerk, one["id"])} for one in (after, raised)]
    assert {code: json.dumps(line) for code, line in lines[0].items() if code != NORTH} == {
        code: json.dumps(line) for code, line in lines[1].items() if code != NORTH
    }
    assert HEFEI in lines[0]
