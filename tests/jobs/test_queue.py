"""The queue: a job is done once, by whoever holds its newest lease, and is seen by who asked and nobody's neighbour."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

import asyncpg
import pytest

from api.http.problem import Problem
from api.queue import store
from api.queue.job import Asker, Job
from api.queue.jobs import OPEN_JOBS_MAX
from api.queue.work import SERVICE, JobLost, Work
from api.settings import Settings
from meter.database.connect import driver
from meter.database.roles import CITY_ROLE, SERVICE_ROLE
from meter.database.scope import Scope, acting
from tests.jobs.queue import CLERK, HEFEI, OF_HEFEI_TOO, OTHER, WUHU, Queue, loses, over
from tests.support.clock import later


async def test_each_of_many_jobs_is_done_by_one_of_many_workers(queue: Queue) -> None:
    did: list[int] = []

    async def work(job: Work) -> dict[str, int]:
        did.append(job.job.parameters["n"])
        await asyncio.sleep(0)
        return {"n": job.job.parameters["n"]}

    asked = [await queue.ask(CLERK, n=n) for n in range(40)]
    async with queue.workers({"settle": work}, [("long",)] * 4):
        ended = await over(queue, *asked)
    assert Counter(did) == Counter(range(40))
    assert [(one.state, one.result, one.attempts) for one in ended] == [("done", {"n": n}, 1) for n in range(40)]


async def test_who_was_overtaken_changes_nothing_and_its_effect_is_undone(queue: Queue, owner: Any) -> None:
    asked = await queue.ask(CLERK)
    first = await queue.claim("first", lease_ms=60_000)
    assert first is not None
    assert await queue.claim("second") is None, "a lease that stands is nobody else's"
    async with later(owner, minutes=2):
        second = await queue.claim("second")
    assert second is not None
    assert (second.id, second.fence, second.attempts) == (asked.id, first.fence + 1, 2)
    assert await loses(queue, first)
    with acting(SERVICE):
        async with queue.engine.connect() as held:
            connection = await driver(held)

            async def effect(job: Job) -> None:
                async with connection.transaction():
                    await connection.execute("insert into source (id, name) values ($1, $2)", job.fence, job.worker)
                    await Work(queue.engine, Settings(queue.url), job).end_within(connection, {"by": job.worker})

            with pytest.raises(JobLost):
                await effect(first)
            await effect(second)
            assert [row["name"] for row in await connection.fetch("select name from source")] == ["second"]
    ended = await queue.state(asked)
    assert (ended.state, ended.result, ended.worker) == ("done", {"by": "second"}, "second")
    assert await loses(queue, second), "what has ended stays as it ended"


async def test_a_cancelled_job_has_no_effect_whether_it_waits_or_runs(queue: Queue) -> None:
    waiting = await queue.ask(CLERK, n="waiting")
    with queue.acting_as(CLERK):
        assert await queue.jobs.cancel(waiting.id)
        assert not await queue.jobs.cancel(waiting.id), "it has ended"
    assert await queue.claim("any") is None
    begun, stopped = asyncio.Event(), asyncio.Event()

    async def work(_: Work) -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    running = await queue.ask(CLERK, n="running")
    async with queue.workers({"settle": work}, [("long",)]):
        await begun.wait()
        taken = await queue.state(running)
        with queue.acting_as(CLERK):
            assert await queue.jobs.cancel(running.id)
        async with asyncio.timeout(60):
            await stopped.wait()  # the worker hears of it and lets go
        assert await loses(queue, taken)
        (ended,) = await over(queue, running)
    assert (ended.state, ended.result, ended.error) == ("cancelled", None, None)


async def test_a_job_that_fails_tells_why_and_one_that_nobody_can_finish_is_given_up(queue: Queue, owner: Any) -> None:
    async def refuses(_: Work) -> None:
        raise Problem(422, "CHIP_NOT_RATED", "no rating")

    async def breaks(_: Work) -> None:
        raise ZeroDivisionError("a secret of the code")

    asked = [await queue.ask(CLERK, "settle"), await queue.ask(CLERK, "verify")]
    async with queue.workers({"settle": refuses, "verify": breaks}, [("long",)]):
        refused, broken = await over(queue, *asked)
    assert refused.error == {"status": 422, "code": "CHIP_NOT_RATED", "detail": "no rating"}
    assert broken.error is not None
    assert (broken.state, broken.error["status"], broken.error["code"]) == ("failed", 500, "internal_error")
    assert "secret" not in broken.error["detail"]
    lost = await queue.ask(CLERK, n="lost")
    for ahead in range(1, 4):
        async with later(owner, hours=ahead):
            assert await queue.claim(f"worker {ahead}") is not None
    async with later(owner, hours=5):
        assert await queue.claim("worker 4") is None
    ended = await queue.state(lost)
    assert ended.error is not None
    assert (ended.state, ended.error["code"], ended.attempts) == ("failed", "job_given_up", 3)


async def test_a_worker_that_stops_hands_its_job_back_untouched(queue: Queue) -> None:
    begun = asyncio.Event()

    async def endless(_: Work) -> None:
        begun.set()
        await asyncio.Event().wait()

    asked = await queue.ask(CLERK)
    async with queue.workers({"settle": endless}, [("long",)]):
        await begun.wait()
    back = await queue.state(asked)
    assert (back.state, back.attempts, back.worker) == ("queued", 0, None)


async def test_what_is_short_does_not_wait_behind_what_is_long(queue: Queue) -> None:
    begun, let = asyncio.Event(), asyncio.Event()

    async def long(_: Work) -> dict[str, str]:
        begun.set()
        await let.wait()
        return {}

    async def short(_: Work) -> dict[str, str]:
        return {}

    slow = await queue.ask(CLERK, "settle")
    async with queue.workers({"settle": long, "compare": short}, [("short",), ("long", "short")]):
        await begun.wait()
        (quick,) = await over(queue, await queue.ask(CLERK, "compare"))
        assert (quick.state, (await queue.state(slow)).state) == ("done", "running")
        let.set()
        await over(queue, slow)


async def test_asking_again_finds_the_job_where_it_still_answers_the_question(queue: Queue) -> None:
    first = await queue.ask(CLERK, "settle", round="r", as_of=None)
    assert (await queue.ask(CLERK, "settle", as_of=None, round="r")).id == first.id
    assert (await queue.ask(CLERK, "settle", round="other")).id != first.id
    assert (await queue.ask(OTHER, "settle", round="r", as_of=None)).id != first.id, "somebody else's is another"
    verify = await queue.ask(CLERK, "verify", settlement="s")
    taken = await queue.claim("w", "long")
    assert taken is not None
    assert taken.id == first.id
    again = await queue.ask(CLERK, "settle", round="r", as_of=None)
    assert again.id != first.id, "one that has begun may not have seen what was recorded just now"
    while taken is not None and taken.id != verify.id:
        taken = await queue.claim("w", "long")
    assert (await queue.ask(CLERK, "verify", settlement="s")).id == verify.id, "it looks at what never changes"
    locks = {(await queue.ask(CLERK, "lock", settlement="s")).id for _ in range(2)}
    assert len(locks) == 2, "a decision is taken each time, and refused the second time"


async def test_one_asker_cannot_fill_the_queue(queue: Queue) -> None:
    for n in range(OPEN_JOBS_MAX):
        await queue.ask(CLERK, n=n)
    with pytest.raises(Problem) as refused:
        await queue.ask(CLERK, n="one more")
    assert (refused.value.status, refused.value.code) == (503, "overloaded")
    assert (await queue.ask(OTHER, n="another's")).state == "queued"


async def test_a_job_of_one_city_is_nothing_to_another(queue: Queue) -> None:
    mine, province = await queue.ask(HEFEI, "report"), await queue.ask(CLERK, "report")
    assert mine.asked.city == "340100"
    taken = await queue.claim("w", "short")
    assert taken is not None
    assert taken.id == mine.id
    with acting(SERVICE):
        async with queue.engine.connect() as held:
            await store.put(await driver(held), taken, 0, b"of Hefei")

    async def seen(hand: Asker) -> tuple[set[int], list[bytes], bool]:
        with queue.acting_as(hand):
            async with queue.engine.connect() as held:
                connection = await driver(held)
                assert await connection.fetchval("select current_user") == (CITY_ROLE if hand.city else SERVICE_ROLE)
                jobs = {one.id for one in await store.list_jobs(connection) if one.kind == "report" and not one.over}
                pieces = await store.pieces(connection, mine.id, taken.fence, 0, 9)
            return jobs, pieces, await queue.jobs.get(mine.id) is not None

    assert await seen(HEFEI) == ({mine.id}, [b"of Hefei"], True)
    assert await seen(WUHU) == (set(), [], False)
    assert await seen(CLERK) == ({mine.id, province.id}, [b"of Hefei"], True)
    with queue.acting_as(WUHU):
        assert not await queue.jobs.cancel(mine.id)
    with queue.acting_as(OF_HEFEI_TOO), pytest.raises(asyncpg.CheckViolationError) as refused:
        await queue.jobs.cancel(mine.id)
    assert refused.value.constraint_name == "other_city", "it sees the job, and has not asked for it"
    with queue.acting_as(HEFEI):
        assert not await queue.jobs.cancel(province.id)
        assert await queue.jobs.cancel(mine.id)


async def test_nobody_asks_in_another_name_or_changes_a_job_by_hand(queue: Queue) -> None:
    with acting(Scope("*", "key:nobody-there")), pytest.raises(asyncpg.CheckViolationError):
        await queue.jobs.ask("settle", {})
    with pytest.raises(asyncpg.CheckViolationError):
        await queue.jobs.ask("settle", {})  # on behalf of nobody
    asked = await queue.ask(CLERK)
    for statement in (
        "update job set asked_by = 'key:other'", "delete from job", "insert into job_output values (1, 1, 0, 'x')",
        "update job_tally set jobs = 0",
    ):  # fmt: skip
        with acting(SERVICE):
            async with queue.engine.connect() as held:
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await (await driver(held)).execute(statement)
    assert (await queue.state(asked)).asked == CLERK


async def test_what_ended_is_counted_also_when_it_is_forgotten(queue: Queue, owner: Any) -> None:
    async def counted() -> Counter[tuple[str, str]]:
        with acting(SERVICE):
            async with queue.engine.connect() as held:
                return Counter({(kind, state): jobs for kind, state, jobs, *_ in await store.tally(await driver(held))})

    before = await counted()

    async def work(_: Work) -> dict[str, str]:
        return {}

    asked = [await queue.ask(CLERK, "interval", n=n) for n in range(3)]
    async with queue.workers({"interval": work}, [("short",)]):
        await over(queue, *asked)
    with acting(SERVICE):
        async with later(owner, days=31), queue.engine.connect() as held:
            await store.forget(await driver(held), 15, 30)
    assert await counted() - before == Counter({("interval", "done"): 3})
