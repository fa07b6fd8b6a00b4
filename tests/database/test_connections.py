"""Connections as they are lent: never with a transaction that somebody left open; two see one snapshot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver, service_engine
from meter.database.scope import PROVINCE, acting
from meter.database.snapshot import both, one_snapshot

COUNTED = "select count(*) from api_key"


@pytest_asyncio.fixture
async def engine(database: str) -> AsyncIterator[AsyncEngine]:
    """An engine with two connections."""
    made = service_engine(database, 2)
    with acting(PROVINCE):
        yield made
    await made.dispose()


async def backend_of(engine: AsyncEngine) -> int:
    """The process that serves whoever asks next."""
    async with engine.connect() as held:
        connection = await driver(held)
        assert not connection.is_in_transaction()
        return int(connection.get_server_pid())


async def test_a_connection_whose_transaction_was_left_open_is_not_lent_again(engine: AsyncEngine) -> None:
    left = await backend_of(engine)
    async with engine.connect() as held:
        connection = await driver(held)
        assert connection.get_server_pid() == left  # as the pool lends whichever came back last
        await connection.execute("begin")
    assert await backend_of(engine) != left
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction():
            assert await connection.fetchval(COUNTED) >= 0


async def test_a_connection_that_failed_in_a_transaction_is_not_lent_again(engine: AsyncEngine) -> None:
    left = await backend_of(engine)
    async with engine.connect() as held:
        connection = await driver(held)
        await connection.execute("begin")
        with pytest.raises(asyncpg.DivisionByZeroError):
            await connection.execute("select 1 / 0")
    assert await backend_of(engine) != left


async def test_two_connections_see_one_snapshot_and_only_read(engine: AsyncEngine, database: str) -> None:
    other = await asyncpg.connect(database)
    await other.execute("create table if not exists seen (n int); grant select on seen to public; delete from seen")
    async with one_snapshot(engine) as (first, second):
        assert first is not second
        await other.execute("insert into seen values (1)")
        counted = "select count(*) from seen"
        assert await both(first.fetchval(counted), second.fetchval(counted)) == (0, 0)
        for connection in (first, second):
            with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
                async with connection.transaction():
                    await connection.execute("insert into seen values (2)")
    await other.execute("drop table seen")
    await other.close()


async def test_when_one_of_two_fails_the_other_is_ended_first(engine: AsyncEngine) -> None:
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with one_snapshot(engine) as (first, second):
            await both(first.fetchval("select 1 / 0"), second.execute("select pg_sleep(60)"))
    async with asyncio.timeout(10), one_snapshot(engine) as (first, second):
        assert await both(first.fetchval("select 1"), second.fetchval("select 2")) == (1, 2)
