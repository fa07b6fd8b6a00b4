"""The PostgreSQL under test: embedded, a bin folder's, or one that runs already; databases copied from a template."""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from meter.database.bootstrap import SUPERUSER
from meter.database.embedded import embedded
from meter.database.roles import OWNER_ROLE
from migrations.upgrade import upgrade

CHOICE = "SUANBU_TEST_POSTGRES"
_NUMBERS = itertools.count(1)


def url_of(server: str, database: str) -> str:
    """The URL of another database on the same server."""
    return urlunsplit(urlsplit(server)._replace(path=f"/{database}"))


@contextlib.contextmanager
def folder_for_postgres() -> Iterator[Path]:
    """A temporary folder that a server running as another user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="suanbu-test-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def server_url() -> Iterator[str]:
    """The URL of a server to make databases on.

    By SUANBU_TEST_POSTGRES (a bin folder, or a running server's URL), else DATABASE_URL, else the embedded one.
    """
    chosen = os.environ.get(CHOICE) or os.environ.get("DATABASE_URL")
    if chosen and "://" in chosen:
        yield chosen
        return
    with folder_for_postgres() as folder, embedded(folder, Path(chosen) if chosen else None) as server:
        yield server.url(SUPERUSER)


@dataclass(frozen=True)
class Cluster:
    """A server and a migrated database on it that others are copied from."""

    server: str
    template: str

    @contextlib.asynccontextmanager
    async def database(self) -> AsyncIterator[str]:
        """The URL of a fresh, migrated database that is dropped afterwards."""
        name = _fresh_name()
        await self.command(f"create database {name} template {self.template} owner {OWNER_ROLE}")
        await self.command(f"revoke temporary on database {name} from public, {OWNER_ROLE}")  # is in no copy
        try:
            yield url_of(self.server, name)
        finally:
            await self.command(f"drop database if exists {name} with (force)")

    @contextlib.asynccontextmanager
    async def copy(self, url: str) -> AsyncIterator[str]:
        """The URL of a copy of a database to which nobody is connected; it is dropped afterwards."""
        name = _fresh_name()
        await self.command(f"create database {name} template {url.rpartition('/')[2]} owner {OWNER_ROLE}")
        await self.command(f"revoke temporary on database {name} from public, {OWNER_ROLE}")
        try:
            yield url_of(self.server, name)
        finally:
            await self.command(f"drop database if exists {name} with (force)")

    @contextlib.asynccontextmanager
    async def empty_database(self) -> AsyncIterator[str]:
        """The URL of a database without any tables."""
        name = _fresh_name()
        await self.command(f"create database {name}")
        try:
            yield url_of(self.server, name)
        finally:
            await self.command(f"drop database if exists {name} with (force)")

    async def command(self, sql: str) -> None:
        """Run one statement outside of any test database."""
        connection = await asyncpg.connect(self.server)
        try:
            await connection.execute(sql)
        finally:
            await connection.close()


@contextlib.asynccontextmanager
async def cluster() -> AsyncIterator[Cluster]:
    """The server of this test run or worker, with its template."""
    with server_url() as server:
        made = Cluster(server, _fresh_name())
        await made.command(f"create database {made.template}")
        try:
            async with _alone(server):
                await upgrade(url_of(server, made.template))
            yield made
        finally:
            await made.command(f"drop database if exists {made.template} with (force)")


@contextlib.asynccontextmanager
async def _alone(server: str) -> AsyncIterator[None]:
    """No other worker migrates on this server while the block lasts: roles belong to all of its databases."""
    connection = await asyncpg.connect(server)
    try:
        await connection.execute("select pg_advisory_lock(1)")
        yield
    finally:
        await connection.close()


def _fresh_name() -> str:
    return f"suanbu_test_{os.getpid()}_{next(_NUMBERS)}"
