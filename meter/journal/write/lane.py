"""The recorder's own connections: a group is sent on one while the group before it commits on another."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from meter.database.asyncpg_private import widen
from meter.database.connect import driver
from meter.database.errors import reaching_database
from meter.database.scope import known_by

WRITE_BUFFER_BYTES = 16 * 1024 * 1024
SEND_BUFFER_BYTES = 4 * 1024 * 1024  # as far as the system allows


class Lane:
    """A connection of the recorder's own, made anew when anything went wrong or the database is another one."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._held: AsyncConnection | None = None
        self._driver: asyncpg.Connection | None = None
        self._era = 0

    @contextlib.asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """Lend the connection for one transaction at a time."""
        async with reaching_database():
            if self._driver is None or self._driver.is_closed() or self._era != known_by(self._engine).era:
                await self.let_go()
                self._held = await self._engine.connect()
                connection = await driver(self._held)
                self._era = known_by(self._engine).era_of(connection)
                # a group goes out as fast as the server takes it, without asking this thread for every piece
                widen(connection, WRITE_BUFFER_BYTES, SEND_BUFFER_BYTES)
                self._driver = connection
            assert self._driver is not None
            yield self._driver

    async def let_go(self) -> None:
        """Give the connection back."""
        held, self._held, self._driver = self._held, None, None
        if held is not None:
            with contextlib.suppress(Exception):
                await held.close()
