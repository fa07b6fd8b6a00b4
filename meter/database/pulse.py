"""Whether the database answers at all: asked every second, because a connection into a black hole waits for ever.

A query may take as long as it takes; the question here takes no time, so an answer that does not come within seconds
means that none will come to anybody. Then every connection of this process is cut and none is begun, until there is
an answer again: requests are answered 503 at once instead of waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Final

import asyncpg

from meter.database.background_tasks import end, pause
from meter.database.connect import connect
from meter.database.errors import UNREACHABLE
from meter.database.known_database import KnownDatabase

BEAT_SECONDS: Final = 1.0
SILENT_SECONDS: Final = 4.0
CONNECTING_SECONDS: Final = 10.0  # to one host after another
GRACE_SECONDS: Final = 1.0  # this process, too, may have been kept from looking


@contextlib.asynccontextmanager
async def pulse(url: str, known: KnownDatabase) -> AsyncIterator[None]:
    """Watch the database while the block lasts, on a connection of its own, and tell `known`."""
    stopping = asyncio.Event()
    task = asyncio.create_task(_watch(url, known, stopping), name="pulse")
    try:
        yield
    finally:
        stopping.set()
        task.cancel()
        await end([task])


async def _watch(url: str, known: KnownDatabase, stopping: asyncio.Event) -> None:
    connection: asyncpg.Connection | None = None
    silent = False
    try:
        while not stopping.is_set():
            try:
                connection, nothing_came = await _answer(url, connection), False
            except TimeoutError:
                connection, nothing_came = None, True
            except UNREACHABLE:  # it is away and says so, as everybody finds at once who asks
                connection, nothing_came = None, False
            if nothing_came != silent:
                silent = nothing_came
                (known.fall_silent if silent else known.answers_again)()
            await pause(stopping, BEAT_SECONDS)
    finally:
        if connection is not None:
            connection.terminate()


async def _answer(url: str, connection: asyncpg.Connection | None) -> asyncpg.Connection:
    """Ask, on a new connection where there is none; the connection. Raises TimeoutError where nothing comes back."""
    asked = asyncio.ensure_future(_ask(url, connection))
    try:
        for seconds in (SILENT_SECONDS if connection else CONNECTING_SECONDS, GRACE_SECONDS):
            done, _ = await asyncio.wait((asked,), timeout=seconds)
            if done:
                return asked.result()
        raise TimeoutError
    finally:
        if not asked.done():
            if connection is not None:
                connection.terminate()
            asked.cancel()
            asked.add_done_callback(_ended)


def _ended(asked: asyncio.Future[asyncpg.Connection]) -> None:
    if not asked.cancelled():
        asked.exception()


async def _ask(url: str, connection: asyncpg.Connection | None) -> asyncpg.Connection:
    if connection is None or connection.is_closed():
        connection = await connect(url, application="suanbu pulse")
    try:
        await connection.execute("select 1")
    except BaseException:
        connection.terminate()
        raise
    return connection
