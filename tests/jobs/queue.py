"""A queue in a database of its own, with jobs that do what a test says."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from api.queue import store
from api.queue.bell import Bell
from api.queue.job import Asker, Job
from api.queue.jobs import Jobs
from api.queue.work import SERVICE, JobLost, lost
from api.queue.worker import Handler, Worker
from api.settings import Settings
from meter.database.connect import driver, service_engine
from meter.database.scope import Scope, acting

LEASE_MS = 60_000
ANYBODY = frozenset({"settlement:run"})
CLERK = Asker("key:clerk", ANYBODY, None)
OTHER = Asker("key:other", ANYBODY, None)
HEFEI, WUHU = Asker("key:hefei", ANYBODY, "340100"), Asker("key:wuhu", ANYBODY, "340200")
OF_HEFEI_TOO = Asker("key:hefei-two", ANYBODY, "340100")


@dataclass(frozen=True)
class Queue:
    """The queue as the door sees it, and as a worker does."""

    url: str
    engine: AsyncEngine
    bell: Bell
    jobs: Jobs
    proofs: dict[str, str]

    def acting_as(self, hand: Asker) -> AbstractContextManager[None]:
        """Act as somebody who has shown his key."""
        return acting(Scope(hand.city or "*", hand.actor, proof=self.proofs[hand.actor]))

    async def ask(self, hand: Asker, kind: str = "settle", **parameters: Any) -> Job:
        """Ask for a job on somebody's behalf."""
        with self.acting_as(hand):
            return await self.jobs.ask(kind, parameters)

    async def state(self, job: Job) -> Job:
        """A job as it stands now."""
        with acting(SERVICE):
            found = await self.jobs.get(job.id)
        assert found is not None
        return found

    async def claim(self, worker: str, *lanes: str, lease_ms: int = LEASE_MS, attempts_max: int = 3) -> Job | None:
        """Lease a job as a worker does."""
        with acting(SERVICE):
            async with self.engine.connect() as held:
                wanted = lanes or ("short", "long")
                return await store.claim(await driver(held), wanted, worker, lease_ms, attempts_max)

    @contextlib.asynccontextmanager
    async def workers(
        self, handlers: Mapping[str, Handler], lanes_of_each: Sequence[Sequence[str]], lease_seconds: float = 60
    ) -> AsyncIterator[None]:
        """Workers with these handlers while the block lasts."""
        stopping = asyncio.Event()
        tasks = [
            asyncio.create_task(
                Worker(
                    self.engine, self.bell, Settings(self.url), f"worker-{place}", lanes, handlers,
                    lease_seconds=lease_seconds,
                ).run(stopping)
            )
            for place, lanes in enumerate(lanes_of_each)
        ]  # fmt: skip
        try:
            yield
        finally:
            stopping.set()
            await asyncio.gather(*tasks)


@contextlib.asynccontextmanager
async def queue_on(url: str) -> AsyncIterator[Queue]:
    """A queue whose bell rings."""
    engine = service_engine(url, 20)
    bell = Bell(url)
    try:
        async with bell.ringing():
            yield Queue(url, engine, bell, Jobs(engine, bell), {})
    finally:
        await engine.dispose()


async def loses(queue: Queue, job: Job) -> bool:
    """Whether a worker that holds this lease can no longer do anything with it."""
    attempts: list[Callable[[asyncpg.Connection], Awaitable[None]]] = [
        lambda held: store.end(held, job, "done", {}),
        lambda held: store.beat(held, job, LEASE_MS, "", 0, None),
        lambda held: store.put(held, job, 0, b"x"),
        lambda held: store.release(held, job, counted=True),
    ]
    with acting(SERVICE):
        outcomes = [await _is_lost(queue, attempt) for attempt in attempts]
    assert len(set(outcomes)) == 1, outcomes
    return outcomes[0]


async def _is_lost(queue: Queue, attempt: Callable[[asyncpg.Connection], Awaitable[None]]) -> bool:
    async with queue.engine.connect() as held:
        try:
            await attempt(await driver(held))
        except asyncpg.CheckViolationError as refused:
            return isinstance(lost(refused), JobLost)
    return False


async def over(queue: Queue, *jobs: Job) -> list[Job]:
    """The jobs once they are over."""
    with acting(SERVICE):
        return [await queue.jobs.wait(job, 60) for job in jobs]
