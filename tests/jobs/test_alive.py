"""While a worker is at a job it says how far it is, and keeps the job for as long as it takes."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from api.queue.work import Work
from tests.jobs.queue import CLERK, OTHER, Queue, over

LEASE_SECONDS = 5.0


async def test_how_far_a_job_is_is_seen_while_it_works(queue: Queue) -> None:
    let = asyncio.Event()

    async def work(work: Work) -> dict[str, int]:
        work.tell(0, None, "compute")
        await asyncio.to_thread(work.tell, 3, 10, "store")  # from any thread
        await let.wait()
        return {}

    asked = await queue.ask(CLERK)
    async with queue.workers({"settle": work}, [("long",)]):
        async with asyncio.timeout(60):
            while ((seen := await queue.state(asked)).stage, seen.done, seen.total) != ("store", 3, 10):
                assert seen.state in ("queued", "running")
        let.set()
        (ended,) = await over(queue, asked)
    assert (ended.state, ended.stage, ended.done, ended.total) == ("done", "store", 3, 10)


async def test_a_job_that_takes_longer_than_a_lease_stays_with_its_worker(queue: Queue, owner: Any) -> None:
    let, begun = asyncio.Event(), []

    async def work(job: Work) -> dict[str, int]:
        begun.append(job.job.id)
        await let.wait()
        return {}

    asked = await queue.ask(OTHER)
    leases: set[datetime] = set()
    async with queue.workers({"settle": work}, [("long",)], lease_seconds=LEASE_SECONDS):
        async with asyncio.timeout(60):
            while len(leases) < 4:
                leases.add(await owner.fetchval("select lease_until from job where id = $1", asked.id))
        let.set()
        (ended,) = await over(queue, asked)
    assert (ended.state, ended.attempts, begun) == ("done", 1, [asked.id])
