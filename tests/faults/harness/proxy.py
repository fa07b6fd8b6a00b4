"""A TCP proxy between the service and PostgreSQL that does what networks do: cut, delay, swallow, reset, half-close."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

COMMITTED = re.compile(rb"C\x00\x00\x00\x0bCOMMIT\x00")
COPIED = re.compile(rb"C....COPY [1-9][0-9]*\x00", re.DOTALL)
RESET = struct.pack("ii", 1, 0)


@dataclass(eq=False)
class Link:
    """One connection through the proxy."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    copied: bool = False
    """Whether rows were copied in since the last COMMIT: the transaction is one of the journal's."""

    def close(self) -> None:
        """Close both ends."""
        self.client.close()
        self.server.close()

    def reset(self) -> None:
        """Reset both ends, as a firewall does that has forgotten the connection."""
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                held = end.get_extra_info("socket")
                held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            end.transport.abort()


@dataclass
class FaultProxy:
    """Passes everything on, but for what it is told to do; `hits` counts what really happened."""

    url: str = ""
    hits: Counter[str] = field(default_factory=Counter)
    cut: asyncio.Event | None = None
    """The next answer to a COMMIT of the journal is cut off, its connection with it, and this is set."""
    delay_seconds: float = 0.0
    flowing: asyncio.Event = field(default_factory=asyncio.Event)
    """Cleared: everything is swallowed until it is set again, and new connections are taken and not answered."""
    links: set[Link] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    @contextlib.asynccontextmanager
    async def before(cls, database: str) -> AsyncIterator[FaultProxy]:
        """A proxy in front of the server of a URL; its own `url` names it instead."""
        parts = urlsplit(database)
        target = (parts.hostname or "127.0.0.1", parts.port or 5432)
        proxy = cls()
        proxy.flowing.set()
        server = await asyncio.start_server(lambda r, w: proxy._serve(r, w, target), "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        user, at, _ = parts.netloc.rpartition("@")
        proxy.url = urlunsplit(parts._replace(netloc=f"{user}{at}127.0.0.1:{port}"))
        try:
            yield proxy
        finally:
            server.close()
            for task in proxy._tasks:
                task.cancel()
            for link in proxy.links:
                link.close()

    def reset(self) -> None:
        """Reset every connection."""
        self.hits["reset"] += len(self.links)
        for link in list(self.links):
            link.reset()

    def half_close(self) -> None:
        """Tell the service on every connection that nothing more will come, and go on listening to it."""
        for link in self.links:
            if link.client.can_write_eof() and not link.client.is_closing():
                link.client.write_eof()
                self.hits["half-close"] += 1

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]) -> None:
        try:
            server_reader, server_writer = await asyncio.open_connection(*target)
        except OSError:
            writer.close()
            return
        link = Link(writer, server_writer)
        self.links.add(link)
        for task in (
            asyncio.create_task(self._up(reader, link)),
            asyncio.create_task(self._down(server_reader, link)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _up(self, reader: asyncio.StreamReader, link: Link) -> None:
        """From the service to the server."""
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                await self._weather("up")
                link.server.write(data)
                await link.server.drain()
        self._over(link)

    async def _down(self, reader: asyncio.StreamReader, link: Link) -> None:
        """From the server to the service."""
        with contextlib.suppress(OSError, RuntimeError):  # RuntimeError: the end was told before
            while data := await reader.read(65536):
                await self._weather("down")
                if self._cuts(link, data):
                    break
                link.client.write(data)
                await link.client.drain()
        self._over(link)

    def _cuts(self, link: Link, data: bytes) -> bool:
        link.copied = link.copied or COPIED.search(data) is not None
        if not COMMITTED.search(data):
            return False
        journal, link.copied = link.copied, False
        if not journal or self.cut is None:
            return False
        self.cut.set()
        self.cut = None
        self.hits["cut at a commit's answer"] += 1
        return True

    async def _weather(self, way: str) -> None:
        if not self.flowing.is_set():
            self.hits["black hole"] += 1
            await self.flowing.wait()
        if self.delay_seconds and way == "down":
            self.hits["delay"] += 1
            await asyncio.sleep(self.delay_seconds)

    def _over(self, link: Link) -> None:
        link.close()
        self.links.discard(link)
