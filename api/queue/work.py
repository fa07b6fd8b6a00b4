"""What the code of a job is given: who asked for what, ways to say how far it is, to give bytes, and to end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from api.queue import store
from api.queue.job import Job
from api.settings import Settings
from meter.database.connect import driver
from meter.database.errors import refusal_of
from meter.database.scope import Scope, act_as, acting

PIECE_BYTES_MAX: Final = 1024 * 1024
PIECE_BYTES = 128 * 1024  # what is smaller waits for more, but the first and what has waited
WAITED_SECONDS = 0.5
SERVICE = Scope("*", "service")


class JobLost(RuntimeError):
    """The job was cancelled, or another worker has it: nothing that is still done may have an effect."""


class Work:
    """One job in the hands of a worker."""

    def __init__(self, engine: AsyncEngine, settings: Settings, job: Job) -> None:
        self.engine = engine
        self.settings = settings
        self.job = job
        self.parameters = store.exactly(job.parameters)
        self.ended = False
        self.left = False
        self.told: tuple[str, int, int | None] = ("", 0, None)
        self._pieces = 0
        self._bytes = 0

    def tell(self, done: int, total: int | None = None, stage: str = "") -> None:
        """Say how far the job is; from any thread, as often as it likes."""
        self.told = (stage or self.told[0], done, total)

    async def end_within(self, connection: asyncpg.Connection, result: Any) -> None:
        """Mark the job done in the transaction of its effect. Raises JobLost, which undoes both."""
        try:
            await store.end(connection, self.job, "done", result)
        except asyncpg.CheckViolationError as refused:
            raise lost(refused) from None
        self.ended = True

    async def give(self, blocks: Iterable[bytes] | AsyncIterable[bytes]) -> dict[str, int]:
        """Give bytes as the job's output, in blocks of any size; the result to end with.

        A plain iterable is gone through in a thread, block by block: none is made before the one before is kept.
        """
        async for piece in _pieces_of(blocks if isinstance(blocks, AsyncIterable) else _in_thread(iter(blocks))):
            await self._put(piece)
        return {"pieces": self._pieces, "bytes": self._bytes}

    async def _put(self, piece: bytes) -> None:
        with acting(SERVICE):
            async with self.engine.connect() as held:
                try:
                    await store.put(await driver(held), self.job, self._pieces, piece)
                except asyncpg.CheckViolationError as refused:
                    raise lost(refused) from None
        self._pieces += 1
        self._bytes += len(piece)

    def act_for_asker(self) -> None:
        """From here on the task acts on behalf of whoever asked: the job and its fence stand for what he had shown."""
        asked = self.job.asked
        act_as(Scope(asked.city or "*", asked.actor, proof=f"job:{self.job.id}:{self.job.fence}"))


def lost(refused: asyncpg.CheckViolationError) -> Exception:
    """Tell a lost job from what else the database refuses."""
    code, detail = refusal_of(refused)
    return JobLost(detail) if code == "JOB_LOST" else refused


async def _in_thread(blocks: Iterator[bytes]) -> AsyncIterator[bytes]:
    while (block := await asyncio.to_thread(next, blocks, None)) is not None:
        yield block


async def _pieces_of(blocks: AsyncIterable[bytes]) -> AsyncIterator[bytes]:
    """The blocks as pieces: neither larger than one may be, nor so small that there are very many."""
    clock = asyncio.get_running_loop().time
    kept, since, first = bytearray(), clock(), True
    async for block in blocks:
        kept += block
        if kept and (first or len(kept) >= PIECE_BYTES or clock() - since >= WAITED_SECONDS):
            for start in range(0, len(kept), PIECE_BYTES_MAX):
                yield bytes(kept[start : start + PIECE_BYTES_MAX])
            kept, since, first = bytearray(), clock(), False
    for start in range(0, len(kept), PIECE_BYTES_MAX):
        yield bytes(kept[start : start + PIECE_BYTES_MAX])
