"""What is locked was recomputed from the records themselves: a rollup that somebody bent is believed by nobody."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.support.api_client import ApiClient, good, problem
from tests.support.province import approved, decide, people_of, populate, run
from tests.support.records import usage

VOID = {"id": "void", "action": "void"}
BENT = """
with two as (select min(consumer) as one, max(consumer) as other from rollup),
gone as (delete from rollup returning *)
insert into rollup select last_batch, day,
    case consumer when two.one then two.other when two.other then two.one else consumer end,
    facility, chip, purpose, via_platform, millicard_seconds,
    charge_fen + case when consumer = two.one then 9 else 0 end, pieces, starts
from gone, two
"""


async def rolled_up(owner: asyncpg.Connection) -> None:
    """Wait until every record is in the rollup, so that a settlement reads nothing else."""
    for _ in range(600):
        if await owner.fetchval("select (select max(batch) from batch) = (select max(last_batch) from rollup_block)"):
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the rollup does not keep up")


async def test_a_bent_rollup_is_noticed_and_nothing_is_locked_on_it(app: ApiClient, owner: asyncpg.Connection) -> None:
    await populate(app)
    people = await people_of(app)
    await rolled_up(owner)
    straight = await run(people.clerk, number="straight")
    assert good(await people.clerk.get(f"/settlements/{straight['id']}/verify"))["rollup_equal"]
    async with owner.transaction():
        await owner.execute("set local role suanbu_service")
        await owner.execute(BENT)
    bent = await run(people.clerk, number="bent")
    verdict = good(await people.clerk.get(f"/settlements/{bent['id']}/verify"))
    assert (verdict["equal"], verdict["rollup_equal"]) == (False, False)
    assert verdict["different_lines"], "the lines are compared with the records, not with the rollup"
    await approved(people, bent["id"])
    assert problem(await decide(people.approver, bent["id"], "lock")) == (409, "NOT_REPRODUCED")
    assert good(await people.clerk.get(f"/settlements/{bent['id']}"))["status"] == "approved"


async def test_a_record_that_no_receipt_knows_is_noticed_and_nothing_is_locked_on_it(
    app: ApiClient, owner: asyncpg.Connection
) -> None:
    """Written by the service's own role under the number of a batch to come, it passes for a part of that batch."""
    people = await people_of(app)
    platform = await app.platform()
    await owner.execute("select set_config('suanbu.city', '*', false)")
    async with owner.transaction():
        await owner.execute("set local role suanbu_service")
        await owner.execute(
            """insert into entry select (jsonb_populate_record(e, jsonb_build_object('ordinal', 77, 'batch',
               (select max(batch) + 1 from batch)))).* from entry e where e.action = 0 limit 1"""
        )
    batch = (await platform.push(usage("innocent"), usage("taken back"), {**VOID, "corrects": "taken back"}))["batch"]
    made = await run(people.clerk, number="with a stranger")
    await approved(people, made["id"])
    answer = await decide(people.approver, made["id"], "lock")
    assert problem(answer) == (409, "NOT_REPRODUCED")
    assert f"batch {batch} " in answer.json()["detail"]
