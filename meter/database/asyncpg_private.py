"""The one file that reaches into what the driver keeps to itself; a test fails when that has changed.

asyncpg is pinned to a minor version for its sake (pyproject.toml).
"""

from __future__ import annotations

import asyncio
import socket
from typing import Final

import asyncpg

_SILENCE: Final = {
    socket.TCP_KEEPIDLE: 3,  # seconds without a word until it is asked whether the other side is there
    socket.TCP_KEEPINTVL: 1,
    socket.TCP_KEEPCNT: 3,
    socket.TCP_USER_TIMEOUT: 6_000,  # milliseconds in which what was sent must have arrived there
}


def transport_of(connection: asyncpg.Connection) -> asyncio.WriteTransport:
    """Return the event loop's end of the connection to the server."""
    transport: asyncio.WriteTransport = connection._transport  # uvloop's have the methods, but not this class
    return transport


def loop_of(connection: asyncpg.Connection) -> asyncio.AbstractEventLoop:
    """Return the event loop that a connection lives in; from another thread nothing else may be done with it."""
    loop: asyncio.AbstractEventLoop = connection._loop
    return loop


def give_up_on_silence(connection: asyncpg.Connection) -> None:
    """Have the system end the connection when the other machine is gone without a word, in seconds and not minutes."""
    found = transport_of(connection).get_extra_info("socket")
    if found is None or found.family == socket.AF_UNIX:
        return
    found.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in _SILENCE.items():
        found.setsockopt(socket.IPPROTO_TCP, option, value)


def widen(connection: asyncpg.Connection, write_buffer_bytes: int, send_buffer_bytes: int) -> None:
    """Let so many bytes wait in the process, and in the system, before whoever writes has to wait for the server."""
    transport = transport_of(connection)
    transport.set_write_buffer_limits(high=write_buffer_bytes)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
