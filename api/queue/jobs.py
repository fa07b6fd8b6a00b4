"""Asking for jobs and waiting for them, on the side of whoever answers requests."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from api.http.problem import Problem
from api.queue import store
from api.queue.bell import Bell
from api.queue.job import Job, Output
from api.queue.kinds import KINDS
from api.queue.store import Wanted
from meter.database.connect import driver
from meter.database.errors import refusal_of

OPEN_JOBS_MAX: Final = 100  # of one asker
LOOK_SECONDS = 1.0  # how often somebody who waits looks by himself
PIECES_AT_ONCE = 4


class Jobs:
    """The queue, as the door uses it; it acts on behalf of whoever the task acts for."""

    def __init__(self, engine: AsyncEngine, bell: Bell) -> None:
        self._engine = engine
        self._bell = bell

    async def ask(self, kind: str, parameters: Mapping[str, Any], output: Output | None = None) -> Job:
        """Queue a job of whoever acts, or find the one that he has asked for already. Raises Problem 503."""
        async with self._engine.connect() as held:
            connection = await driver(held)
            number = await self.ask_within(connection, kind, parameters, output)
            found = await store.get(connection, number)
        assert found is not None
        return found

    async def ask_within(
        self,
        connection: asyncpg.Connection,
        kind: str,
        parameters: Mapping[str, Any],
        output: Output | None = None,
    ) -> int:
        """Queue a job in a transaction at hand, so that it is there when that is committed; its number."""
        wanted = Wanted(kind, KINDS[kind].lane, KINDS[kind].joins, parameters, output)
        try:
            return await store.ask(connection, wanted, OPEN_JOBS_MAX)
        except asyncpg.CheckViolationError as refused:
            code, detail = refusal_of(refused)
            if code != "TOO_MANY_JOBS":
                raise
            raise Problem(503, "overloaded", detail, {"Retry-After": "10"}) from None

    async def get(self, number: int) -> Job | None:
        """A job as it stands, if whoever acts sees it."""
        async with self._engine.connect() as held:
            return await store.get(await driver(held), number)

    async def cancel(self, number: int) -> bool:
        """End a job before it has an effect; False where it has ended already."""
        async with self._engine.connect() as held:
            return await store.cancel(await driver(held), number)

    async def wait(self, job: Job, seconds: float) -> Job:
        """Wait until a job has ended, at most so long; the job as it then stands. No connection is held."""
        until = asyncio.get_running_loop().time() + seconds
        with self._bell.of(f"over {job.id}") as rung:
            while not job.over:
                left = until - asyncio.get_running_loop().time()
                if left <= 0:
                    break
                job = await self._next_look(job, rung, left)
        return job

    async def first_piece(self, job: Job, seconds: float) -> tuple[Job, bytes | None]:
        """Wait for the first piece of a job's output or for its end, at most so long; the job, and the piece."""
        until = asyncio.get_running_loop().time() + seconds
        with self._bell.of(str(job.id)) as rung:
            while True:
                found = await self._pieces(job, 0, 1)
                if found:
                    return job, found[0]
                left = until - asyncio.get_running_loop().time()
                if job.over or left <= 0:
                    return job, None
                job = await self._next_look(job, rung, left)

    async def output(self, job: Job, first: bytes | None) -> AsyncIterator[bytes]:
        """All the pieces of a job's output as they come, after the first.

        Raises Problem where it ends without having given all, or was begun again by another worker: an answer that has
        begun breaks off then, and is never taken for the whole.
        """
        place = 0
        if first is not None:
            yield first
            place = 1
        fence = job.fence
        with self._bell.of(str(job.id)) as rung:
            while True:
                rung.clear()
                now = await self.get(job.id)
                if now is None or now.state in ("failed", "cancelled") or (now.fence != fence and place):
                    raise failure(now or job)
                fence = now.fence
                found = await self._pieces(now, place, PIECES_AT_ONCE)
                for piece in found:
                    yield piece
                place += len(found)
                if now.over and now.result is not None:
                    if place == now.result["pieces"]:
                        return
                    if not found:
                        raise Problem(410, "output_gone", "the output was kept for a while and is gone: ask again")
                if not found:
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(rung.wait(), LOOK_SECONDS)

    async def _next_look(self, job: Job, rung: asyncio.Event, left: float) -> Job:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(rung.wait(), min(left, LOOK_SECONDS))
        rung.clear()
        found = await self.get(job.id)
        if found is None:
            raise Problem(404, "no_such_job", f"there is no job {job.id} any longer")
        return found

    async def _pieces(self, job: Job, place: int, limit: int) -> list[bytes]:
        async with self._engine.connect() as held:
            return await store.pieces(await driver(held), job.id, job.fence, place, limit)


def failure(job: Job) -> Problem:
    """What a request is answered whose job did not come to its end."""
    if job.state == "failed":
        assert job.error is not None
        return Problem(job.error["status"], job.error["code"], job.error["detail"])
    if job.state == "cancelled":
        return Problem(409, "job_cancelled", f"job {job.id} was cancelled")
    return Problem(503, "overloaded", f"job {job.id} was begun again: ask again")
