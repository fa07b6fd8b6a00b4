"""Fixtures for all tests: one PostgreSQL a worker, one database a module, the application in process or as a process.

`SUANBU_TEST_POSTGRES` names another server: a bin folder (say /usr/lib/postgresql/15/bin) or a running server's URL.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from tests.support.api_client import ApiClient, KeyClient
from tests.support.postgres import Cluster
from tests.support.postgres import cluster as running_cluster
from tests.support.serving import Served, in_process
from tests.support.spread import Spread, is_fast, longest_first

os.environ.setdefault("SUANBU_SEAL_KEY", "5e" * 32)  # the key that seals bank accounts lies outside every database


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fast`: only the tests that need no server and no long time."""
    parser.addoption("--fast", action="store_true", help="only tests in memory, under a minute on two cores")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the fast part when it is asked for; with several workers begin with the longest files."""
    if config.getoption("fast"):
        config.hook.pytest_deselected(items=[item for item in items if not is_fast(item)])
        items[:] = [item for item in items if is_fast(item)]
    if hasattr(config, "workerinput"):
        longest_first(items)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Spread:
    """Whole files to each worker."""
    config.option.loadscopereorder = False
    return Spread(config, log)


@pytest_asyncio.fixture(scope="session")
async def cluster() -> AsyncIterator[Cluster]:
    """The PostgreSQL of this worker (of this run, when there is one)."""
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
