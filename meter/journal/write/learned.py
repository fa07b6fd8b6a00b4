"""What a recorder has learned from the journal, and whether the database at hand is the one it was learned from.

Numbers of names and the registry are kept in memory, up to some point of the chain. They are true of every journal
whose chain goes through that point, and of no other: in a database that was taken back, a number may be another's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import reaching_database
from meter.database.known_database import DatabaseChanged
from meter.database.scope import known_by
from meter.intake.registry_view.registered import Registered
from meter.journal.keys.key_file import NOTHING, Watermark
from meter.journal.keys.known_keys import holds
from meter.journal.write.delivery import Delivery
from meter.journal.write.transaction import Head, read_head

ReadRegistry = Callable[[asyncpg.Connection, int], Awaitable[Registered]]
"""Reads what the registry knows as of a registry batch."""
_TAKEN_BACK = "the journal does not go on from the batch up to which it was known"
_SEND_AGAIN = "the database is another one or an earlier one than before; nothing was recorded, send it again"


class Learned:
    """The registry and the numbers of names, as of one point of one database's chain. Of one event loop."""

    def __init__(self, engine: AsyncEngine, read_registry: ReadRegistry) -> None:
        self.registered = Registered.of(0)
        self._seen = NOTHING
        self._engine = engine
        self._read_registry = read_registry
        self._database = known_by(engine)

    async def know(self, registry_batch: int) -> None:
        """Learn what the registry says up to a registry batch. Raises JournalUnavailable."""
        if self.registered.version >= registry_batch:
            return
        async with reaching_database(), self._engine.connect() as held:
            connection = await driver(held)
            await self.watch(connection)
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                head = await read_head(connection)
                registered = await self._read_registry(connection, head.registry_batch)
        self.registered = replace(registered, era=self._database.era_of(connection))
        self._seen = Watermark(head.batch, head.digest)

    async def watch(self, connection: asyncpg.Connection) -> None:
        """Forget everything when the database at hand is not the one that it was learned from."""
        seen, era = self._seen, self._database.era_of(connection)
        if era == self.registered.era and not await holds(connection, seen):
            self._database.forget(_TAKEN_BACK, era)
        if self.registered.era != self._database.era:
            self.registered = replace(Registered.of(0), era=self._database.era)
            self._seen = NOTHING

    async def must_hold(self, connection: asyncpg.Connection, head: Watermark, deliveries: Iterable[Delivery]) -> None:
        """Do what `watch` does under the journal's lock, whose head this is.

        Raises DatabaseChanged unless deliveries may go on.
        """
        if head != self._seen or self.registered.era != self._database.era:
            await self.watch(connection)
        self.must_be_current(connection, deliveries)

    def must_be_current(self, connection: asyncpg.Connection, deliveries: Iterable[Delivery]) -> None:
        """Raise DatabaseChanged unless connection and deliveries are of the database that was learned from."""
        eras = {self._database.era_of(connection), *(delivery.era for delivery in deliveries)}
        if eras != {self.registered.era} or self.registered.era != self._database.era:
            raise DatabaseChanged(_SEND_AGAIN)

    def recorded(self, connection: asyncpg.Connection, head: Head, named: Mapping[str, int]) -> None:
        """Take in what this process has committed: where the journal is now, and the names that were given."""
        if self._database.era_of(connection) != self.registered.era:
            return
        self._seen = Watermark(head.batch, head.digest)
        if named:
            self.registered = self.registered.extended(
                self.registered.version, party_codes=list(named), party_numbers=list(named.values())
            )
