"""What a job gives in bytes: read while it is made, whole or broken off, and let go of after a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from api.http.problem import Problem
from api.queue import store
from api.queue.job import Output
from api.queue.work import SERVICE, Work
from meter.database.connect import driver
from meter.database.scope import acting
from tests.jobs.queue import CLERK, Queue, over
from tests.support.clock import later


async def test_output_comes_in_pieces_while_it_is_made(queue: Queue) -> None:
    let, seen = asyncio.Event(), []

    async def gives(work: Work) -> dict[str, int]:
        async def blocks() -> AsyncIterator[bytes]:
            yield b"first,"
            await let.wait()
            for n in range(3):
                yield bytes([n]) * 700_000
            yield b""

        return await work.give(blocks())

    with queue.acting_as(CLERK):
        asked = await queue.jobs.ask("report", {}, Output("text/csv"))
        async with queue.workers({"report": gives}, [("short",)]):
            job, first = await queue.jobs.first_piece(asked, 60)
            assert (job.state, first) == ("running", b"first,"), "it is read before it is whole"
            async for piece in queue.jobs.output(job, first):
                seen.append(piece)
                let.set()
    whole = b"first," + b"".join(bytes([n]) * 700_000 for n in range(3))
    assert b"".join(seen) == whole
    assert max(map(len, seen)) <= 1024 * 1024
    assert (await queue.state(asked)).result == {"pieces": len(seen), "bytes": len(whole)}


async def test_output_that_is_begun_again_is_never_taken_for_the_whole(queue: Queue, owner: Any) -> None:
    with queue.acting_as(CLERK):
        asked = await queue.jobs.ask("report", {}, Output("text/csv"))
        first = await queue.claim("first", lease_ms=60_000)
        assert first is not None
        with acting(SERVICE):
            async with queue.engine.connect() as held:
                await store.put(await driver(held), first, 0, b"old")
        pieces = queue.jobs.output(*(await queue.jobs.first_piece(asked, 0)))
        assert await anext(pieces) == b"old"
        async with later(owner, minutes=2):
            assert await queue.claim("second") is not None
        with pytest.raises(Problem):
            await anext(pieces)


async def test_jobs_and_output_are_let_go_of_after_a_while(queue: Queue, owner: Any) -> None:
    with queue.acting_as(CLERK):
        asked = await queue.jobs.ask("report", {}, Output("text/csv"))
    async with queue.workers({"report": lambda work: work.give([b"whole"])}, [("short",)]):
        (ended,) = await over(queue, asked)

    async def left(**ahead: int) -> tuple[bool, int]:
        with acting(SERVICE):
            async with later(owner, **ahead), queue.engine.connect() as held:
                connection = await driver(held)
                await store.forget(connection, 15, 30)
                kept = await store.get(connection, asked.id)
                return kept is not None, len(await store.pieces(connection, asked.id, ended.fence, 0, 9))

    assert await left(minutes=14) == (True, 1)
    assert await left(minutes=16) == (True, 0)
    with queue.acting_as(CLERK), pytest.raises(Problem) as gone:
        await anext(queue.jobs.output(ended, None))
    assert gone.value.code == "output_gone"
    assert await left(days=31) == (False, 0)
