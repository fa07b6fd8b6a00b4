"""Which database a process knows: what it remembers of one must never be believed of another, or of an earlier state.

A URL can lead to another database from one connection to the next: a backup restored in its place, a promoted standby
that lacked the last commits, a database dropped and made anew. Every connection says at its beginning where it leads.
The first that leads elsewhere begins a new era: connections of an earlier one are given up, and whatever was learned in
an earlier one (keys of callers, the registry, numbers of names) is learned again.

A database that does not answer at all (pulse.py notices) is given up at once: whoever waits for it is told, and nobody
begins to wait until it answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import weakref
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from functools import partial
from typing import Final, NamedTuple

import asyncpg

from meter.database.asyncpg_private import loop_of
from meter.database.errors import JournalUnavailable

LOG: Final = logging.getLogger("suanbu.database")
_IDENTITY: Final = """
select (select system_identifier from pg_control_system()) as system,
       case when pg_is_in_recovery() then '' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline,
       (select oid from pg_database where datname = current_database()) as database,
       pg_postmaster_start_time() as started"""


class DatabaseChanged(JournalUnavailable):
    """The database is another one, or an earlier one, than what was learned of it; it is learned again."""


class DatabaseSilent(ConnectionError):
    """The database takes what is said and does not answer; whoever asks is told at once, and asks again later."""

    def __init__(self) -> None:
        super().__init__("the database does not answer")


class StandbyRefused(ConnectionError):
    """The server is a standby: it may lack what was acknowledged, and nothing is read from it."""


class Identity(NamedTuple):
    """What tells one database, in one stretch of its life, from another."""

    system: int
    """Made by initdb; a copy of the files keeps it."""
    timeline: str
    """Another one after every restore to a point in time and every promotion."""
    database: int
    started: datetime
    """When the server started: files put in its place are read by a server that was started after that."""


class KnownDatabase:
    """The database that the connections of one process lead to; threads may share it."""

    def __init__(self) -> None:
        self._alone = threading.Lock()
        self._identity: Identity | None = None
        self._era = 0
        self._eras: weakref.WeakKeyDictionary[asyncpg.Connection, int] = weakref.WeakKeyDictionary()
        self._silent = False
        self._connecting: set[tuple[asyncio.AbstractEventLoop, asyncio.Timeout]] = set()

    @property
    def era(self) -> int:
        """A number that grows whenever the database turned out to be another one."""
        return self._era

    async def meet(self, connection: asyncpg.Connection, seconds: float) -> None:
        """Ask a new connection where it leads. Raises StandbyRefused."""
        row = await connection.fetchrow(_IDENTITY, timeout=seconds)
        if not row["timeline"]:
            raise StandbyRefused("the server is a standby, which may lack what was recorded last")
        found = Identity(*row)
        with self._alone:
            if self._identity is not None and self._identity != found:
                self._begin_era("a new connection leads elsewhere")
            self._identity = found
            self._eras[connection] = self._era

    def forget(self, reason: str, era: int) -> None:
        """Begin a new era, unless the one in which the reason was found is over already."""
        with self._alone:
            if self._era == era:
                self._begin_era(reason)

    @contextlib.asynccontextmanager
    async def connecting(self) -> AsyncIterator[None]:
        """Let a connection be made in this block; raises DatabaseSilent where nothing is answered."""
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(None) as limit:
                with self._alone:
                    if self._silent:
                        raise DatabaseSilent
                    self._connecting.add((loop, limit))
                try:
                    yield
                finally:
                    with self._alone:
                        self._connecting.discard((loop, limit))
        except TimeoutError:
            if limit.expired():
                raise DatabaseSilent from None
            raise

    def fall_silent(self) -> None:
        """Cut every connection, also those that are being made: who waits on one is told now, and not some day."""
        with self._alone:
            self._silent = True
            connecting, connected = list(self._connecting), list(self._eras)
        LOG.warning("the database does not answer; whoever waits for it is told so")
        for loop, limit in connecting:
            _soon(loop, partial(_over, limit))
        for connection in connected:
            if not connection.is_closed():
                _soon(loop_of(connection), connection.terminate)

    def answers_again(self) -> None:
        """Let connections be made again."""
        with self._alone:
            self._silent = False
        LOG.warning("the database answers again")

    def era_of(self, connection: asyncpg.Connection) -> int:
        """Return the era in which a connection was made."""
        return self._eras[connection]

    def _begin_era(self, reason: str) -> None:
        self._era += 1
        LOG.warning("the database is another one or an earlier one; what was known of it is forgotten: %s", reason)


def _soon(loop: asyncio.AbstractEventLoop, do: Callable[[], None]) -> None:
    with contextlib.suppress(RuntimeError):  # that loop has ended, and its connections with it
        loop.call_soon_threadsafe(do)


def _over(limit: asyncio.Timeout) -> None:
    with contextlib.suppress(RuntimeError):  # it ended by itself meanwhile
        limit.reschedule(asyncio.get_running_loop().time())
