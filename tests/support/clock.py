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


async def clock_in_a_table(owner: asyncpg.Connection) -> None:
    """Let the database read its clock from a table from now on: where a clock is moved often, a new function each time
    has every plan made again."""
    await owner.execute("create table moved_clock (ahead interval not null)")
    await owner.execute("insert into moved_clock values ('0')")
    await owner.execute("grant select on moved_clock to public")
    await owner.execute(
        "create or replace function suanbu_now() returns timestamptz language sql volatile as "
        "$$ select date_trunc('microseconds', clock_timestamp() + ahead) from public.moved_clock $$"
    )


async def move_clock(owner: asyncpg.Connection, hours: int) -> None:
    """Move the clock in the table on."""
    await owner.execute("update moved_clock set ahead = ahead + make_interval(hours => $1)", hours)


async def _clock(owner: asyncpg.Connection, reading: str) -> None:
    await owner.execute(
        "create or replace function suanbu_now() returns timestamptz language sql volatile as "
        f"$$ select date_trunc('microseconds', {reading}) $$"
    )
