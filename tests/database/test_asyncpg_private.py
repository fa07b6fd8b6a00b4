"""What is taken from the driver's inside is what we think it is, and is taken in one file."""

from __future__ import annotations

import asyncio
import re
import socket
from pathlib import Path

import asyncpg
import uvloop

from meter.database.asyncpg_private import transport_of, widen

TOP = Path(__file__).parents[2]


async def test_a_connection_is_widened(owner: asyncpg.Connection) -> None:
    await assert_widened(owner)


def test_a_connection_is_widened_under_the_event_loop_of_the_service(database: str) -> None:
    async def widened() -> None:
        assert isinstance(asyncio.get_running_loop(), uvloop.Loop)
        connection = await asyncpg.connect(database)
        try:
            assert not isinstance(transport_of(connection), asyncio.Transport), "a transport of its own kind"
            await assert_widened(connection)
        finally:
            await connection.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(widened())


async def assert_widened(owner: asyncpg.Connection) -> None:
    """More may wait in the process and in the system, and what is sent still arrives."""
    inside = transport_of(owner)
    end = inside.get_extra_info("socket")
    end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    before = end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF)
    widen(owner, 3_000_000, 65_536)
    assert inside.get_write_buffer_limits()[1] == 3_000_000
    assert end.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) > before
    assert await owner.fetchval("select length($1)", "x" * 200_000) == 200_000  # it is the way to the server


def test_the_drivers_inside_is_reached_in_one_file() -> None:
    inside = re.compile(r"\._(?:transport|protocol|con)\b|asyncpg\.(?:protocol|connect_utils|connection|pool)\b")
    reaching = {
        str(path.relative_to(TOP))
        for folder in ("api", "meter", "migrations", "settlement")
        for path in (TOP / folder).rglob("*.py")
        if inside.search(path.read_text())
    }
    assert reaching == {"meter/database/asyncpg_private.py"}


def test_the_driver_is_pinned_to_a_minor_version() -> None:
    pinned = re.search(r'"asyncpg>=(\d+)\.(\d+),<\1\.(\d+)"', (TOP / "pyproject.toml").read_text())
    assert pinned is not None
    assert int(pinned[3]) == int(pinned[2]) + 1
    assert asyncpg.__version__.startswith(f"{pinned[1]}.{pinned[2]}.")
