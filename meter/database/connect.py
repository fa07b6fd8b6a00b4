"""Reaching the database: one engine for the service's own, restricted role, one for its owner."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from meter.database.embedded import embedded
from meter.database.scope import SERVICE_ROLE, tell_connections


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
        _for_asyncpg(url),
        pool_size=connections,
        max_overflow=0,
        pool_timeout=10,
        pool_pre_ping=True,
        connect_args={"server_settings": {"role": SERVICE_ROLE, "application_name": "suanbu"}, "timeout": 10},
    )
    tell_connections(engine)
    return engine


def owner_engine(url: str) -> AsyncEngine:
    """An engine as the role the URL names: for migrations and for tests that tamper."""
    return create_async_engine(
        _for_asyncpg(url), poolclass=NullPool, connect_args={"server_settings": {"application_name": "suanbu owner"}}
    )


async def driver(connection: AsyncConnection) -> asyncpg.Connection:
    """Give the driver's own connection under SQLAlchemy's, for COPY and for statements that it need not wrap."""
    return (await connection.get_raw_connection()).driver_connection


def _for_asyncpg(url: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(scheme="postgresql+asyncpg"))
