"""The database's clock, moved by its owner: deadlines are kept by the database, so tests move that clock."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg


@contextlib.asynccontextmanager
async def later(owner: asyncpg.Connection, **interval: int) -> AsyncIterator[None]:
    """While the block lasts, the database's clock is ahead by days, hours, minutes or seconds."""
    ahead = ", ".join({"seconds": "secs", "minutes": "mins"}.get(name, name) + f" => {int(n)}" for name, n in
                      interval.items())  # fmt: skip
    await _clock(owner, f"clock_timestamp() + make_interval({ahead})")
    try:
        yield
    finally:
        await _clock(owner, "clock_timestamp()")


async def _clock(owner: asyncpg.Connection, reading: str) -> None:
    await owner.execute(
        "create or replace function suanbu_now() returns timestamptz language sql volatile as "
        f"$$ select date_trunc('microseconds', {reading}) $$"
    )
