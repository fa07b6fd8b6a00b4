"""Reaching the database: one engine for the service's own, restricted role, one for its owner."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from meter.database.embedded import embedded
from meter.database.scope import SERVICE_ROLE, tell_connections

DIALECT: Final = "postgresql+asyncpg://"  # where the server is, `connect` knows
ISOLATION: Final = "READ COMMITTED"  # a statement after a lock has to see what the last holder committed
RELIED_ON: Final[Mapping[str, str]] = {
    "default_transaction_isolation": "'read committed'",
    "search_path": "public",
    "client_encoding": "'UTF8'",
    "standard_conforming_strings": "on",
    "DateStyle": "'ISO, MDY'",
    "IntervalStyle": "'postgres'",
    "TimeZone": "'UTC'",
    "bytea_output": "'hex'",
}
"""What the server, the database or the role may have other defaults for, as it is spelled in SQL."""


@contextlib.contextmanager
def database_url(data: Path) -> Iterator[str]:
    """The URL of the database: DATABASE_URL, or an embedded server under `data` that runs while the block lasts."""
    given = os.environ.get("DATABASE_URL")
    if given:
        yield given
    else:
        with embedded(data) as server:
            yield server.socket_url


def service_engine(url: str, connections: int = 8) -> AsyncEngine:
    """An engine whose sessions act as the service's role, which may read and append but never update or delete.

    What belongs to cities they see on somebody's behalf only: see meter/database/scope.py.
    """
    engine = create_async_engine(
        DIALECT,
        async_creator=lambda: connect(url, application="suanbu", role=SERVICE_ROLE, seconds=10),
        isolation_level=ISOLATION,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
    )
    tell_connections(engine)
    return engine


def owner_engine(url: str) -> AsyncEngine:
    """An engine as the role the URL names: for migrations and for tests that tamper."""
    return create_async_engine(
        DIALECT,
        async_creator=lambda: connect(url, application="suanbu owner"),
        isolation_level=ISOLATION,
        poolclass=NullPool,
    )


async def connect(url: str, *, application: str, role: str | None = None, seconds: float = 60) -> asyncpg.Connection:
    """Open a connection on which everything that our SQL relies on is set, whatever the server's own defaults are.

    It is set by a statement and not on the way in, where a pooler between us and the server would object.
    """
    opened = await asyncpg.connect(
        urlunsplit(urlsplit(url)._replace(scheme="postgresql")),
        timeout=seconds,
        server_settings={"application_name": application},
    )
    try:
        wanted = [f"set {name} = {value}" for name, value in RELIED_ON.items()]
        await opened.execute("; ".join(wanted + ([f"set role {role}"] if role else [])), timeout=seconds)
    except BaseException:
        opened.terminate()
        raise
    return opened


async def driver(connection: AsyncConnection) -> asyncpg.Connection:
    """Give the driver's own connection under SQLAlchemy's, for COPY and for statements that it need not wrap."""
    return (await connection.get_raw_connection()).driver_connection
