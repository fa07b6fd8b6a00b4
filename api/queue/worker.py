"""A worker: takes jobs of its lanes, one at a time, keeps its lease while it works, and ends each exactly once."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import asyncpg
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from api.http.problem import Problem, problem_of
from api.process import traces
from api.queue import store
from api.queue.bell import Bell
from api.queue.job import Job
from api.queue.work import SERVICE, JobLost, Work, lost
from api.settings import Settings
from meter.database.background_tasks import end, pause
from meter.database.connect import driver
from meter.database.errors import UNREACHABLE, unreachable
from meter.database.scope import act_as

Handler = Callable[[Work], Awaitable[Any]]
"""Does a job; its result, unless it has ended the job with its effect."""

LEASE_SECONDS: Final = 15.0
BEATS = 5  # in one lease
TELL_SECONDS = 0.5  # how often progress is written
LOOK_SECONDS = 1.0
LETTING_GO_SECONDS = 2.0
FORGET_SECONDS = 60.0
ATTEMPTS_MAX: Final = 3
OUTPUT_MINUTES: Final = 15
JOB_DAYS: Final = 30
LOG = structlog.get_logger("suanbu")


class Worker:
    """One worker. `let_go` is called when a job in hand was lost or handed back, with whether its code still runs."""

    def __init__(
        self,
        engine: AsyncEngine,
        bell: Bell,
        settings: Settings,
        name: str,
        lanes: Sequence[str],
        handlers: Mapping[str, Handler],
        *,
        lease_seconds: float = LEASE_SECONDS,
        let_go: Callable[[bool], None] = lambda _: None,
    ) -> None:
        self._engine = engine
        self._bell = bell
        self._settings = settings
        self._name = name
        self._lanes = tuple(lanes)
        self._handlers = handlers
        self._lease = lease_seconds
        self._let_go = let_go
        self._forgot_at = float("-inf")

    async def run(self, stopping: asyncio.Event) -> None:
        """Work until it is time to stop; a job in hand is then handed back."""
        act_as(SERVICE)
        stopped = asyncio.create_task(stopping.wait())
        try:
            with self._bell.of(*self._lanes) as rung:
                while not stopping.is_set():
                    try:
                        await self._turn(rung, stopped)
                    except Exception:
                        LOG.exception("a worker stumbled, and goes on")
                        await pause(stopping, LOOK_SECONDS)
        finally:
            stopped.cancel()

    async def _turn(self, rung: asyncio.Event, stopped: asyncio.Task[Any]) -> None:
        """Do the next job, or wait until there may be one."""
        rung.clear()
        job = await self._next()
        if job is not None:
            await self._do(job, stopped)
            return
        ringing = asyncio.create_task(rung.wait())
        await asyncio.wait({ringing, stopped}, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        ringing.cancel()

    async def _next(self) -> Job | None:
        """The next job, or None where there is none or the database is away."""
        loop = asyncio.get_running_loop()
        try:
            async with self._engine.connect() as held:
                connection = await driver(held)
                if loop.time() - self._forgot_at >= FORGET_SECONDS:
                    self._forgot_at = loop.time()
                    await store.forget(connection, OUTPUT_MINUTES, JOB_DAYS)
                return await store.claim(connection, self._lanes, self._name, int(self._lease * 1000), ATTEMPTS_MAX)
        except UNREACHABLE as error:
            LOG.warning("no job could be taken, and it will be tried again", error=str(error))
            return None

    async def _do(self, job: Job, stopped: asyncio.Task[Any]) -> None:
        """Work on one job; keep its lease until it has ended, was lost, or the worker has to stop."""
        work = Work(self._engine, self._settings, job)
        task = asyncio.create_task(self._work(work), name=f"job {job.id}")
        with self._bell.of(f"over {job.id}") as rung:
            rung.clear()
            beating = asyncio.create_task(self._beat(work, rung, task), name=f"beat {job.id}")
            await asyncio.wait({task, beating, stopped}, return_when=asyncio.FIRST_COMPLETED)
            letting_go = not task.done()
            if letting_go:
                task.cancel()
                await asyncio.wait({task}, timeout=LETTING_GO_SECONDS)
            work.left = True
            rung.set()  # a beat is asked to end and never cancelled: its driver could hang midway
            await end([beating])
        if letting_go:
            if stopped.done() and not work.ended:
                await self._quietly(lambda connection: store.release(connection, job, counted=False))
            self._let_go(not task.done())

    async def _work(self, work: Work) -> None:
        """Do the job and end it; what it raises is its end too, but for what another attempt may do better."""
        job = work.job
        error: dict[str, Any] | None = None
        result = None
        try:
            work.act_for_asker()
            with traces.span(f"job {job.kind}", job=job.id):
                result = await self._handlers[job.kind](work)
        except JobLost:
            return
        except Exception as raised:
            if unreachable(raised) is not None and job.attempts < ATTEMPTS_MAX:
                LOG.warning(
                    "a job was interrupted and will be done again", job=job.id, kind=job.kind, error=str(raised)
                )
                act_as(SERVICE)
                await asyncio.sleep(LOOK_SECONDS)
                await self._quietly(lambda connection: store.release(connection, job, counted=True))
                return
            error = _error_of(raised, job)
        finally:
            act_as(SERVICE)
        if not work.ended:
            state = "done" if error is None else "failed"
            await self._quietly(lambda connection: store.end(connection, job, state, result, error))

    async def _beat(self, work: Work, rung: asyncio.Event, task: asyncio.Task[None]) -> None:
        """Keep the lease and write progress down; returns when the job is over, or is no longer ours."""
        written = work.told
        clock = asyncio.get_running_loop().time
        beaten = clock()
        task.add_done_callback(lambda _: rung.set())
        while not (task.done() or work.left):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(rung.wait(), TELL_SECONDS)
            if not rung.is_set() and work.told == written and clock() - beaten < self._lease / BEATS:
                continue
            if task.done() or work.left:
                return
            rung.clear()
            stage, done, total = work.told
            try:
                async with self._engine.connect() as held:
                    await store.beat(await driver(held), work.job, int(self._lease * 1000), stage, done, total)
                written, beaten = (stage, done, total), clock()
            except UNREACHABLE as error:
                if isinstance(error, asyncpg.CheckViolationError) and isinstance(lost(error), JobLost):
                    return
                LOG.warning("a lease could not be kept just now", job=work.job.id, error=str(error))

    async def _quietly(self, change: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
        """Change the job where it is still ours and the database is there; else its lease runs out."""
        try:
            async with self._engine.connect() as held:
                await change(await driver(held))
        except UNREACHABLE as error:
            if not (isinstance(error, asyncpg.CheckViolationError) and isinstance(lost(error), JobLost)):
                LOG.warning("what became of a job could not be written down", error=str(error))


def _error_of(raised: Exception, job: Job) -> dict[str, Any]:
    problem = problem_of(raised)
    if problem.status == 500 and not isinstance(raised, Problem):
        LOG.error("a job failed", job=job.id, kind=job.kind, exc_info=raised)
    return {"status": problem.status, "code": problem.code, "detail": problem.detail}
