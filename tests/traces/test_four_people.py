"""A settlement of real traces, from its run to its lock by four people through the API; no shortcut is open."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest_asyncio

from api.auth.keys import NewKey, create_key
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.postgres import Cluster
from tests.support.province import decide
from tests.support.serving import Served, over_http
from tests.support.shortcuts import every_shortcut_is_refused
from tests.support.worlds import every_line, post
from tests.traces.client import build, push

MAKERS = ("run", "submit")


@pytest_asyncio.fixture
async def door(cluster: Cluster) -> AsyncIterator[ApiClient]:
    """Two workers over a fresh database."""
    async with cluster.database() as database:
        with Served.on(database, workers=2) as served:
            async with over_http(served.url, database) as opened:
                yield opened


async def of_a_city(door: ApiClient, city: str) -> KeyClient:
    """The reviewer of a city."""
    key = await create_key(
        door.commands,
        NewKey(f"reviewer of {city}", ["settlement:review", "report:read"], city=city),
        now=datetime.now(UTC),
    )
    return KeyClient(door.client, key, f"reviewer of {city}")


async def test_four_people_and_no_shortcut(door: ApiClient, tmp_path: Path) -> None:
    registrar, platform = await door.registrar(), await door.platform()
    build("ms_itp_2021", tmp_path, 1645)
    second = await door.holder("settlement:approve", "payout:read", name="second")
    push(tmp_path, str(door.client.base_url), registrar.key, platform.key, second.key)
    maker = await door.holder("settlement:run", "report:read", name="maker")
    approver = await door.holder("settlement:approve", "report:read", name="approver")
    locker = await door.holder("settlement:approve", "report:read", "payout:read", name="locker")
    proofs = {f"key:{one.name}": one.proof for one in (maker, approver, locker)}
    owner = await asyncpg.connect(door.url)
    try:
        answer = await post(maker, "/settlements", {"round": "anhui-2026", "order": {"rate": "0.20"}})
        made = answer.json()
        number, people, refused = made["id"], {"run": "key:maker"}, 0
        assert made["totals"]["payable_fen"] > 0
        lines = await every_line(maker, number)
        cities = sorted({f"{line['region'][:4]}00" for line in lines})
        assert len(cities) > 10

        refused += await every_shortcut_is_refused(owner, number, people, {"submit": ()}, proofs)
        good(await decide(maker, number, "submit"))
        people["submit"] = "key:maker"
        refused += await every_shortcut_is_refused(owner, number, people, {"review": MAKERS}, proofs)
        for city in cities:
            assert problem(await decide(approver, number, "approve")) == (409, "STATE_NOT_ALLOWED")
            people["review"] = f"key:reviewer of {city}"
            good(await decide(await of_a_city(door, city), number, "review", decision="pass"))
        parts = (*MAKERS, "review")
        refused += await every_shortcut_is_refused(owner, number, people, {"review": MAKERS, "approve": parts}, proofs)
        good(await decide(approver, number, "approve", digest=made["digest"]))
        people["approve"] = "key:approver"
        lock: dict[str, tuple[str, ...]] = {"approve": parts, "publish": MAKERS, "lock": parts}
        refused += await every_shortcut_is_refused(owner, number, people, lock, proofs)
        good(await decide(locker, number, "publish", days=0))
        lock = {"approve": parts, "objection": (), "lock": parts}
        refused += await every_shortcut_is_refused(owner, number, people, lock, proofs)
        assert good(await decide(locker, number, "lock"))["status"] == "locked"
        refused += await every_shortcut_is_refused(owner, number, people, {}, proofs)
        assert refused > 200
    finally:
        await owner.close()
    events = good(await maker.get(f"/settlements/{number}"))["events"]
    assert {event["actor"] for event in events} >= {"key:maker", "key:approver", "key:locker"}
    assert len([event for event in events if event["event"] == "review"]) == len(cities)
    instructions = await locker.items("/payouts", settlement=number, limit=1000)
    assert sum(one["amount_fen"] for one in instructions) == made["totals"]["payable_fen"]
    assert good(await maker.get(f"/settlements/{number}/verify"))["equal"]
