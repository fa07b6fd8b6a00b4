"""The one file that reaches into what the driver keeps to itself; a test fails when that has changed.

asyncpg is pinned to a minor version for its sake (pyproject.toml).
"""

from __future__ import annotations

import asyncio
import socket

import asyncpg


def transport_of(connection: asyncpg.Connection) -> asyncio.WriteTransport:
    """Return the event loop's end of the connection to the server."""
    transport: asyncio.WriteTransport = connection._transport  # uvloop's have the methods, but not this class
    return transport


def widen(connection: asyncpg.Connection, write_buffer_bytes: int, send_buffer_bytes: int) -> None:
    """Let so many bytes wait in the process, and in the system, before whoever writes has to wait for the server."""
    transport = transport_of(connection)
    transport.set_write_buffer_limits(high=write_buffer_bytes)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
