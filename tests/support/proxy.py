"""A small TCP proxy between the service and PostgreSQL that cuts connections at chosen moments."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

COMMIT_REPLY = re.compile(rb"C\x00\x00\x00\x0bCOMMIT\x00")
COMMIT_REQUEST = re.compile(rb"Q....commit;?\x00", re.IGNORECASE | re.DOTALL)


@dataclass
class CuttingProxy:
    """Passes everything on; while armed, cuts the connection at the reply to a COMMIT, or before a COMMIT."""

    url: str = ""
    after_commit: bool = False
    """Cut when the server has committed: the answer is lost."""
    before_commit: bool = False
    """Cut when the client asks to commit: nothing is recorded."""
    answers_left: int | None = None
    """So many more messages of the server are passed on, then every connection is cut and none is let in."""
    hits: int = 0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @classmethod
    @contextlib.asynccontextmanager
    async def before(cls, database: str) -> AsyncIterator[CuttingProxy]:
        """A proxy in front of the server of a URL; its own `url` names it instead."""
        parts = urlsplit(database)
        assert parts.hostname is not None
        assert parts.port is not None
        target = (parts.hostname, parts.port)
        proxy = cls()
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

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: tuple[str, int]) -> None:
        if self.answers_left == 0:
            self.hits += 1
            writer.close()
            return
        server_reader, server_writer = await asyncio.open_connection(*target)
        ends = (writer, server_writer)
        for task in (
            asyncio.create_task(self._pass(reader, server_writer, ends, COMMIT_REQUEST)),
            asyncio.create_task(self._pass(server_reader, writer, ends, COMMIT_REPLY)),
        ):
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        ends: tuple[asyncio.StreamWriter, ...],
        mark: re.Pattern[bytes],
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                armed = self.before_commit if mark is COMMIT_REQUEST else self.after_commit
                if armed and mark.search(data):
                    self.hits += 1
                    break
                if self.answers_left is not None and mark is COMMIT_REPLY:
                    if self.answers_left == 0:
                        self.hits += 1
                        break
                    self.answers_left -= 1
                writer.write(data)
                await writer.drain()
        for end in ends:
            end.close()
