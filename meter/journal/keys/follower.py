"""Keeping the key file up with the journal: what others record, and the disk now and then."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.background_tasks import pause
from meter.database.connect import driver
from meter.database.errors import JournalUnavailable, reaching_database
from meter.journal import store
from meter.journal.keys.key_file import KeyFileUnusable
from meter.journal.keys.known_keys import KnownKeys

FOLLOW_SECONDS = 0.25
SAVE_SECONDS = 300
LOG = logging.getLogger("suanbu.journal")


class Follower:
    """The key file of one journal, followed for as long as `run` runs; `watch` looks at the database each time."""

    def __init__(
        self, engine: AsyncEngine, keys: KnownKeys, watch: Callable[[asyncpg.Connection], Awaitable[None]]
    ) -> None:
        self.caught_up = False
        """Whether the file has been up to the journal since somebody last found it far behind."""
        self._engine = engine
        self._keys = keys
        self._watch = watch

    async def run(self, stopping: asyncio.Event) -> None:
        """Follow what others record, and bring the key file to the disk now and then."""
        loop = asyncio.get_running_loop()
        saved = loop.time()
        while not stopping.is_set():
            try:
                async with reaching_database(), self._engine.connect() as held:
                    connection = await driver(held)
                    await self._watch(connection)
                    await self._keys.follow(connection)
                    self.caught_up = True
                    await store.summarize(connection)
                if loop.time() - saved > SAVE_SECONDS:
                    await self.save()
                    saved = loop.time()
            except (JournalUnavailable, KeyFileUnusable) as error:
                LOG.warning("the key file cannot follow the journal now: %s", error)
            except Exception:
                LOG.exception("the key file cannot follow the journal now")
            await pause(stopping, FOLLOW_SECONDS)

    async def save(self) -> None:
        """Bring the key file to the disk; raises JournalUnavailable."""
        async with reaching_database(), self._engine.connect() as held:
            await self._keys.save(await driver(held))
