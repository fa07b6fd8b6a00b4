"""Two connections that see one snapshot, and work on both at once: two processes of the server read for one reader."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver

A = TypeVar("A")
B = TypeVar("B")


@contextlib.asynccontextmanager
async def one_snapshot(engine: AsyncEngine) -> AsyncIterator[tuple[asyncpg.Connection, asyncpg.Connection]]:
    """Lend two connections that only read, and see the same whenever each of them looks, while the block lasts."""
    async with engine.connect() as held, engine.connect() as other:
        first, second = await driver(held), await driver(other)
        async with first.transaction(isolation="repeatable_read", readonly=True):
            name = await first.fetchval("select pg_export_snapshot()")
            async with second.transaction(isolation="repeatable_read", readonly=True):
                await second.execute(f"set transaction snapshot '{name}'")
                yield first, second


async def both(first: Coroutine[Any, Any, A], second: Coroutine[Any, Any, B]) -> tuple[A, B]:
    """Return the results of two pieces of work that go on at once; when one fails, the other is cancelled first."""
    tasks = (asyncio.ensure_future(first), asyncio.ensure_future(second))
    try:
        one, other = await asyncio.gather(*tasks)
        return one, other
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
