"""What is recorded is closed, and a job decides what it was asked for: whoever runs SQL as the service adds nothing."""

from __future__ import annotations

import asyncpg
import pytest_asyncio

from tests.security.test_shown_hands import EVENT, Town
from tests.support.api_client import ApiClient, good
from tests.support.province import decide, people_of, populate, run
from tests.support.records import usage


@pytest_asyncio.fixture(scope="module")
async def province(app: ApiClient) -> ApiClient:
    """A province with usage."""
    await populate(app)
    return app


@pytest_asyncio.fixture
async def town(province: ApiClient, owner: asyncpg.Connection) -> Town:
    """Fresh people in it."""
    return Town(province, await people_of(province), owner)


async def test_no_fact_is_slipped_into_a_batch_of_another_day_and_hand(town: Town) -> None:
    """It would be known to runs of long ago, under the name of who recorded the rest of the batch."""
    tables = ("entity_fact", "facility_fact", "facility_owner", "chip_fact", "holding_fact", "expenditure_fact",
              "control_total")  # fmt: skip
    registrar = await town.door.registrar()
    for table in tables:
        copied = f"""insert into {table} select (jsonb_populate_record(f, '{{"ordinal": 9999}}')).* from {table} f
                     limit 1"""
        before = await town.owner.fetchval(f"select count(*) from {table}")
        if table in ("entity_fact", "facility_fact", "facility_owner", "chip_fact"):
            assert before, table
        assert await town.tried(registrar.proof, copied) == ("batch_closed" if before else ""), table
    unguarded = await town.owner.fetch(
        """select c.relname from pg_class c where c.relname = any($1) and not exists (select from pg_trigger t
           where t.tgrelid = c.oid and t.tgfoid = 'facts_of_this_batch()'::regprocedure)""",
        tables,
    )  # fmt: skip
    assert unguarded == []


async def test_no_record_is_slipped_into_a_batch_of_another_day_and_hand(town: Town) -> None:
    """Nor taken back: what a settlement of long ago was computed from stays as it was."""
    platform = await town.door.platform()
    assert (await platform.push(usage("kept"), {**usage("bad"), "facility": "hf-99"}))["refused"] == 1
    for sql in (
        """insert into entry select (jsonb_populate_record(e, '{"ordinal": 77, "charge_fen": 99999900}')).*
           from entry e limit 1""",
        """insert into reversal select e.key, e.batch, e.ordinal, e.consumer, e.facility, e.chip, e.millicards,
           e.started_at, e.ended_at, e.charge_fen, e.purpose, e.via_platform from entry e limit 1""",
        """insert into quarantine (batch, ordinal, source, record_id, status, code, detail, record, digest)
           select batch, 77, source, 'x', 'refused', code, detail, record, '\\x00' from quarantine limit 1""",
    ):
        assert await town.tried("", sql) == "batch_closed", sql


async def test_a_job_decides_what_it_was_asked_for_and_nothing_else(town: Town) -> None:
    """Whoever runs SQL as the service claims a job, and has not the rights of who asked for it."""
    people, owner = town.people, town.owner
    mine, other = [(await run(people.clerk, number=f"job {n}"))["id"] for n in range(2)]
    for number in (mine, other):
        good(await decide(people.clerk, number, "submit"))
        good(await decide(people.reviewer, number, "review", decision="pass"))
    good(await decide(people.approver, mine, "approve"))
    job = await owner.fetchval(
        """insert into job (kind, lane, parameters, asked_by, scopes, fresh, state, stage, done, attempts, fence,
           asked_at, started_at, worker, lease_until)
           values ('lock', 'short', jsonb_build_object('settlement', $1::text), $2, '{settlement:approve}', true,
                   'running', '', 0, 1, 1, now(), now(), 'w', now() + interval '1 minute') returning id""",
        mine, f"key:{people.approver.name}",
    )  # fmt: skip
    actor = f"key:{people.approver.name}"
    try:
        assert await town.tried(f"job:{job}:1", EVENT, mine, "lock", actor, "{}") == ""
        assert await town.tried(f"job:{job}:2", EVENT, mine, "lock", actor, "{}") == "actor_unproven"
        assert await town.tried(f"job:{job}:1", EVENT, other, "approve", actor, "{}") == "actor_unproven"
        assert await town.tried(f"job:{job}:1", EVENT, mine, "publish", actor, '{"days": 1}') == "actor_unproven"
    finally:
        await owner.execute("delete from job where id = $1", job)
