"""The public notice (公示) and objections (异议): nothing is locked while either is open."""

from __future__ import annotations

import asyncpg

from tests.support.api_client import good, problem
from tests.support.clock import later
from tests.support.province import CITIES, People, approved, code_of, decide, run
from tests.support.worlds import post


async def published(people: People, name: str, days: int = 3) -> str:
    """A settlement whose public notice has begun."""
    number: str = (await run(people.clerk, number=name))["id"]
    await approved(people, number)
    good(await decide(people.approver, number, "publish", days=days))
    return number


async def test_the_lock_waits_for_the_last_day_of_the_notice(people: People, owner: asyncpg.Connection) -> None:
    number = await published(people, "wait", days=3)
    assert problem(await decide(people.approver, number, "lock")) == (409, "NOTICE_RUNNING")
    async with later(owner, days=2):
        assert problem(await decide(people.approver, number, "lock")) == (409, "NOTICE_RUNNING")
    async with later(owner, days=4):  # three whole days after the day of publication
        approved = await owner.fetchval("select status from settlement where id = $1", number)
        assert approved == "published"
    good(await decide(people.clerk, number, "cancel"))


async def test_the_notice_ends_at_a_midnight_of_the_province(people: People, owner: asyncpg.Connection) -> None:
    number = await published(people, "midnight", days=5)
    at, ends = await owner.fetchrow(
        """select at, (detail ->> 'ends_at')::timestamptz from settlement_event
           where settlement = $1 and event = 'publish'""",
        number,
    )
    local = (ends.timestamp() + 8 * 3600) % 86400
    assert local == 0
    assert 5 * 86400 < ends.timestamp() - at.timestamp() <= 6 * 86400
    good(await decide(people.clerk, number, "cancel"))


async def test_an_objection_holds_the_lock_until_it_is_dismissed(people: People, owner: asyncpg.Connection) -> None:
    number = await published(people, "objection", days=1)
    raised = good(await decide(people.reviewer, number, "objections", note="用量有误", uscc=code_of(CITIES[0], 0)))
    event = await owner.fetchval(
        "select id from settlement_event where settlement = $1 and event = 'objection'", number
    )
    assert raised["status"] == "published"
    async with later(owner, days=3):
        assert problem(await decide(people.approver, number, "lock")) == (409, "OBJECTION_OPEN")
    path = f"/settlements/{number}/objections/{event}"
    assert problem(await post(people.approver, path, {"decision": "maybe", "note": "x"})) == (400, "bad_request")
    good(await post(people.approver, path, {"decision": "dismissed", "note": "核对无误"}))
    assert problem(await post(people.approver, path, {"decision": "upheld", "note": "x"})) == (409, "ALREADY_RULED")
    async with owner.transaction():
        assert await owner.fetchval("select status from settlement where id = $1", number) == "published"
    good(await decide(people.clerk, number, "cancel"))


async def test_an_objection_that_is_upheld_leaves_only_the_cancellation(
    people: People, owner: asyncpg.Connection
) -> None:
    number = await published(people, "upheld", days=1)
    good(await decide(people.reviewer, number, "objections", note="不实"))
    event = await owner.fetchval(
        "select id from settlement_event where settlement = $1 and event = 'objection'", number
    )
    good(await post(people.approver, f"/settlements/{number}/objections/{event}", {"decision": "upheld", "note": "是"}))
    async with later(owner, days=9):
        assert problem(await decide(people.approver, number, "lock")) == (409, "OBJECTION_OPEN")
    assert good(await decide(people.clerk, number, "cancel"))["status"] == "cancelled"


async def test_an_objection_about_nobody_in_the_settlement_is_refused(people: People) -> None:
    number = await published(people, "nobody", days=1)
    answer = await decide(people.reviewer, number, "objections", note="x", uscc=code_of("341800", 9))
    assert problem(answer) == (404, "NO_SUCH_LINE")
    good(await decide(people.clerk, number, "cancel"))


async def test_an_order_that_asks_for_a_notice_is_obeyed(people: People) -> None:
    number = (await run(people.clerk, number="ordered", notice_days=7))["id"]
    await approved(people, number)
    assert problem(await decide(people.approver, number, "lock")) == (409, "NOTICE_MISSING")
    assert problem(await decide(people.approver, number, "publish", days=6)) == (409, "NOTICE_TOO_SHORT")
    good(await decide(people.approver, number, "publish"))
    assert problem(await decide(people.approver, number, "lock")) == (409, "NOTICE_RUNNING")
    good(await decide(people.clerk, number, "cancel"))


async def test_after_the_notice_the_settlement_is_locked(people: People, owner: asyncpg.Connection) -> None:
    """Last in this file: a round is locked once."""
    number = await published(people, "in the end", days=2)
    async with later(owner, days=4):
        assert good(await decide(people.approver, number, "lock"))["status"] == "locked"
    listed = await people.clerk.items("/payouts", settlement=number)
    assert {item["status"] for item in listed} == {"ready"}
    assert len(listed) == 6
