"""The bell: a connection on which the database tells of jobs, so that nobody has to look all the time.

It may be silent, while the database is away or behind a pooler that forwards no notice: whoever waits for it also
looks by himself now and then.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg

from api.queue.store import ASKED_CHANNEL, JOB_CHANNEL
from meter.database.background_tasks import end, pause
from meter.database.connect import connect
from meter.database.errors import UNREACHABLE
from meter.database.roles import SERVICE_ROLE

AGAIN_SECONDS = 1.0
ALIVE_SECONDS = 30.0


class Bell:
    """Rings events: of a lane when a job is asked for in it, of a job when something became of it."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._events: dict[str, set[asyncio.Event]] = {}

    @contextlib.contextmanager
    def of(self, *names: str) -> Iterator[asyncio.Event]:
        """Give an event that is set whenever one of these rings: a lane, or the number of a job.

        It is set at first, because what rang before is not told again.
        """
        event = asyncio.Event()
        event.set()
        for name in names:
            self._events.setdefault(name, set()).add(event)
        try:
            yield event
        finally:
            for name in names:
                listening = self._events[name]
                listening.discard(event)
                if not listening:
                    del self._events[name]

    @contextlib.asynccontextmanager
    async def ringing(self) -> AsyncIterator[None]:
        """Listen while the block lasts, on a connection of its own."""
        stopping = asyncio.Event()
        task = asyncio.create_task(self._listen(stopping), name="bell")
        try:
            yield
        finally:
            stopping.set()
            await end([task])

    async def _listen(self, stopping: asyncio.Event) -> None:
        while not stopping.is_set():
            try:
                await self._listen_once(stopping)
            except UNREACHABLE:
                await pause(stopping, AGAIN_SECONDS)

    async def _listen_once(self, stopping: asyncio.Event) -> None:
        connection = await connect(self._url, application="suanbu jobs", role=SERVICE_ROLE, seconds=10)
        try:
            for channel in (ASKED_CHANNEL, JOB_CHANNEL):
                await connection.add_listener(channel, self._heard)
            self._ring_all()  # what happened before is not told again
            while not await pause(stopping, ALIVE_SECONDS):
                await connection.execute("select 1", timeout=10)  # one that is dead on the other side never rings
        finally:
            connection.terminate()

    def _heard(self, _: asyncpg.Connection, __: int, ___: str, said: Any) -> None:
        for event in self._events.get(said, ()):
            event.set()

    def _ring_all(self) -> None:
        for listening in self._events.values():
            for event in listening:
                event.set()
