"""Fixtures for all tests: one PostgreSQL a run, one database a module, the application in process or as a process.

`SUANBU_TEST_POSTGRES` names another server: a bin folder (say /usr/lib/postgresql/15/bin) or a running server's URL.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator

import asyncpg
import pytest
import pytest_asyncio

from api.process.kernel_cache import forget_stale_kernels
from tests.support.api_client import ApiClient, KeyClient
from tests.support.postgres import Cluster
from tests.support.postgres import cluster as running_cluster
from tests.support.serving import Served, in_process

forget_stale_kernels()  # what is tested is the code as it stands
os.environ.setdefault("SUANBU_SEAL_KEY", "5e" * 32)  # the key that seals bank accounts lies outside every database


@pytest_asyncio.fixture(scope="session")
async def cluster() -> AsyncIterator[Cluster]:
    """The PostgreSQL of this run."""
    async with running_cluster() as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def database(cluster: Cluster) -> AsyncIterator[str]:
    """The URL of a fresh, migrated database for this module."""
    async with cluster.database() as url:
        yield url


@pytest_asyncio.fixture
async def owner(database: str) -> AsyncIterator[asyncpg.Connection]:
    """Who owns this module's database: every right, and still held by the triggers."""
    connection = await asyncpg.connect(database)
    try:
        yield connection
    finally:
        await connection.close()


@pytest_asyncio.fixture(scope="module")
async def app(database: str) -> AsyncIterator[ApiClient]:
    """The application in this process, on this module's database."""
    async with in_process(database) as door:
        yield door


@pytest_asyncio.fixture(scope="module")
async def registrar(app: ApiClient) -> KeyClient:
    """Who keeps the registry; the usual facility, chip and entity are in it."""
    return await app.register_the_usual()


@pytest_asyncio.fixture
async def platform(app: ApiClient, registrar: KeyClient) -> KeyClient:
    """A dispatch platform with a source of its own; the registry knows the usual."""
    assert registrar.key
    return await app.platform()


@pytest.fixture(scope="module")
def server(database: str) -> Iterator[Served]:
    """`suanbu serve` as a process of its own, on this module's database."""
    with Served.on(database) as served:
        yield served
