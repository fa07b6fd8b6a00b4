"""Which database a process knows: what it remembers of one must never be believed of another, or of an earlier state.

A URL can lead to another database from one connection to the next: a backup restored in its place, a promoted standby
that lacked the last commits, a database dropped and made anew. Every connection says at its beginning where it leads.
The first that leads elsewhere begins a new era: connections of an earlier one are given up, and whatever was learned in
an earlier one (keys of callers, the registry, numbers of names) is learned again.
"""

from __future__ import annotations

import logging
import threading
import weakref
from datetime import datetime
from typing import Final, NamedTuple

import asyncpg

from meter.database.errors import JournalUnavailable

LOG: Final = logging.getLogger("suanbu.database")
_IDENTITY: Final = """
select (select system_identifier from pg_control_system()) as system,
       case when pg_is_in_recovery() then '' else left(pg_walfile_name(pg_current_wal_lsn()), 8) end as timeline,
       (select oid from pg_database where datname = current_database()) as database,
       pg_postmaster_start_time() as started"""


class DatabaseChanged(JournalUnavailable):
    """The database is another one, or an earlier one, than what was learned of it; it is learned again."""


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

    def era_of(self, connection: asyncpg.Connection) -> int:
        """Return the era in which a connection was made."""
        return self._eras[connection]

    def _begin_era(self, reason: str) -> None:
        self._era += 1
        LOG.warning("the database is another one or an earlier one; what was known of it is forgotten: %s", reason)
