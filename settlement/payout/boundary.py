"""Where the payout jobs can die: every commit, every call of a bank, every change of an exchanged folder.

A test that listens is told before and after each, in order, and may end the job there; so the places at which a crash
is tried are those that the code has, not a list of them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from contextvars import ContextVar

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver

_LISTENER: ContextVar[Callable[[str], None] | None] = ContextVar("boundary", default=None)


@contextmanager
def listening(listener: Callable[[str], None]) -> Iterator[None]:
    """While the block lasts, tell the listener of each boundary that this task comes to."""
    token = _LISTENER.set(listener)
    try:
        yield
    finally:
        _LISTENER.reset(token)


def reached(name: str) -> None:
    """Tell whoever listens that the job is here."""
    listener = _LISTENER.get()
    if listener is not None:
        listener(name)


@asynccontextmanager
async def transaction(engine: AsyncEngine, name: str) -> AsyncIterator[asyncpg.Connection]:
    """Give a connection in one transaction of its own, which is committed when the block ends."""
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction(isolation="read_committed"):
            yield connection
            reached(f"{name}: before the commit")
    reached(f"{name}: committed")


@contextmanager
def crossing(name: str) -> Iterator[None]:
    """Stand around a call of a bank or one change of a folder."""
    reached(f"{name}: before")
    yield
    reached(f"{name}: after")
