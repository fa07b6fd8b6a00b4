"""Reaching the database: an engine for the service's restricted role, for the command line's, and for the owner."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from meter.database.address import Address, address_of
from meter.database.asyncpg_private import give_up_on_silence
from meter.database.confirming import Confirming
from meter.database.embedded import embedded
from meter.database.known_database import KnownDatabase, StandbyRefused
from meter.database.roles import COMMAND_ROLE, MIGRATOR, OPERATOR, READER, SERVER, SERVICE_ROLE
from meter.database.scope import SEARCH_PATH, tell_connections

DIALECT: Final = "postgresql+asyncpg://"  # where the server is, `connect` knows
ISOLATION: Final = "READ COMMITTED"  # a statement after a lock has to see what the last holder committed
CONNECTING: Final = "while connecting to the database"
HOST_SECONDS: Final = 3.0
_LAST_USED: Final[dict[str, str]] = {}
RELIED_ON: Final[Mapping[str, str]] = {
    "default_transaction_isolation": "'read committed'",
    "search_path": SEARCH_PATH,
    "client_encoding": "'UTF8'",
    "standard_conforming_strings": "on",
    "DateStyle": "'ISO, MDY'",
    "IntervalStyle": "'postgres'",
    "TimeZone": "'UTC'",
    "bytea_output": "'hex'",
}
"""What the server, the database or the role may have other defaults for, as it is spelled in SQL."""
SURE: Final = "on"
SURER: Final = ("remote_apply", "remote_write")
DURABLE: Final = f"""select set_config('synchronous_commit', case when current_setting('synchronous_commit')
    in ('{"', '".join(SURER)}') then current_setting('synchronous_commit') else '{SURE}' end, false)"""
"""What was answered for is on the disk, whatever the default; a server that waits for replicas goes on waiting."""


@dataclass(frozen=True)
class DatabaseUrls:
    """How each of us reaches the database: with the rights of one's work and no more."""

    migrator: str
    service: str
    command: str
    reader: str | None
    """None where only a role is known that may write."""


@contextlib.contextmanager
def database_urls(data: Path) -> Iterator[DatabaseUrls]:
    """Lend the URLs of the database: those in the environment, or an embedded server's that runs while the block lasts.

    DATABASE_URL is the service's; SUANBU_MIGRATOR_URL, SUANBU_COMMAND_URL and SUANBU_READER_URL name other logins.
    """
    given = os.environ.get("DATABASE_URL")
    if given:
        migrator, command = os.environ.get("SUANBU_MIGRATOR_URL"), os.environ.get("SUANBU_COMMAND_URL")
        yield DatabaseUrls(migrator or given, given, command or given, os.environ.get("SUANBU_READER_URL"))
    else:
        with embedded(data) as server:
            yield DatabaseUrls(
                server.socket_url(MIGRATOR), server.socket_url(SERVER), server.socket_url(OPERATOR), server.url(READER)
            )


def service_engine(url: str, connections: int = 8, known: KnownDatabase | None = None) -> AsyncEngine:
    """Return an engine whose sessions act as the service's role, which may read and append but never update or delete.

    What belongs to cities they see on somebody's behalf only: see meter/database/scope.py. Engines of one process share
    what is `known` of the database.
    """
    return _engine_as(SERVICE_ROLE, url, connections, known or KnownDatabase())


def command_engine(url: str, connections: int = 2) -> AsyncEngine:
    """Return an engine whose sessions act as the command line's role: the service's rights, and making keys and
    people."""
    return _engine_as(COMMAND_ROLE, url, connections, KnownDatabase())


def _engine_as(role: str, url: str, connections: int, known: KnownDatabase) -> AsyncEngine:
    engine = create_async_engine(
        DIALECT,
        async_creator=lambda: connect(url, application="suanbu", role=role, seconds=10, known=known),
        isolation_level=ISOLATION,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
    )
    tell_connections(engine, known, role)
    return engine


def owner_engine(url: str) -> AsyncEngine:
    """Return an engine as the role the URL names: for migrations and for tests that tamper."""
    return create_async_engine(
        DIALECT,
        async_creator=lambda: connect(url, application="suanbu owner"),
        isolation_level=ISOLATION,
        poolclass=NullPool,
    )


async def connect(
    url: str,
    *,
    application: str,
    role: str | None = None,
    seconds: float = 60,
    known: KnownDatabase | None = None,
) -> asyncpg.Connection:
    """Open a connection on which everything that our SQL relies on is set, whatever the server's own defaults are.

    It is set by a statement and not on the way in, where a pooler between us and the server would object. Raises
    BadAddress, StandbyRefused.
    """
    address = address_of(url)
    seconds = address.seconds or seconds
    known = known or KnownDatabase()
    async with known.connecting():
        opened = await _opened(address, seconds, address.application or application)
        give_up_on_silence(opened)
        try:
            for name, value in address.settings.items():
                await opened.execute("select set_config($1, $2, false)", name, value, timeout=seconds)
            wanted = [DURABLE, *(f"set {name} = {value}" for name, value in RELIED_ON.items())]
            await opened.execute("; ".join(wanted + ([f"set role {role}"] if role else [])), timeout=seconds)
            await known.meet(opened, seconds)
        except BaseException:
            opened.terminate()
            raise
    return opened


async def _opened(address: Address, seconds: float, application: str) -> asyncpg.Connection:
    """Open a connection to the first host that can be used, beginning with the one that could be last.

    Each host has a time of its own: one that is gone without a word must not use up that of the next.
    """
    hosts = sorted(address.hosts, key=lambda host: host != _LAST_USED.get(address.url))
    each = seconds if len(hosts) == 1 or address.seconds else min(seconds, HOST_SECONDS)
    last: Exception | None = None
    for host in hosts:
        try:
            opened = await asyncpg.connect(
                host, timeout=each, server_settings={"application_name": application}, connection_class=Confirming
            )
        except OSError as error:
            error.add_note(CONNECTING)
            last = error
        except (asyncpg.TargetServerAttributeNotMatched, asyncpg.CannotConnectNowError) as error:
            last = error
        else:
            _LAST_USED[address.url] = host
            return opened
    assert last is not None
    if isinstance(last, asyncpg.TargetServerAttributeNotMatched):
        raise StandbyRefused("none of the servers can be written now") from last
    raise last


def savepoint(connection: asyncpg.Connection) -> Any:
    """Return a part of the transaction at hand, which alone is undone where it fails, or a transaction where there is
    none.

    A part has the isolation of the whole.
    """
    return connection.transaction(isolation=None if connection.is_in_transaction() else "read_committed")


async def driver(connection: AsyncConnection) -> asyncpg.Connection:
    """Give the driver's own connection under SQLAlchemy's, for COPY and for statements that it need not wrap."""
    return (await connection.get_raw_connection()).driver_connection
