"""A sender whose requests are due at fixed times, in a process of its own: a stall counts against all it delays."""

from __future__ import annotations

import asyncio
import multiprocessing
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import uvloop

CONNECTIONS = 64
PATIENCE_SECONDS = 60
AGAIN_SECONDS = 0.05
_LENGTH = re.compile(rb"(?i)content-length: (\d+)")
_CLOSE = re.compile(rb"(?i)connection: close")
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class Told:
    """What came of it: from due to answered, in seconds, in the order in which requests were due."""

    latencies: list[float] = field(default_factory=list)
    told_to_wait: int = 0
    strange: list[str] = field(default_factory=list)

    def quantile_ms(self, share: float) -> float:
        """Return a quantile of the latencies, in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class Sender:
    """The process: `begin`, and `end` for what came of it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def begin(self) -> None:
        """Have the first request fall due at once."""
        self._pipe.send(None)

    def end(self) -> Told:
        """Have no more fall due, wait for the answers that are out, and return what came of all."""
        self._pipe.send(None)
        found: Told = self._pipe.recv()
        return found


@contextmanager
def sender(port: int, requests: list[bytes], a_second: float) -> Iterator[Sender]:
    """Give a process that sends these whole requests, so many a second, until it is told to end or has sent all."""
    here, there = multiprocessing.Pipe()
    context = multiprocessing.get_context("fork")
    process = context.Process(target=_work, args=(there, port, requests, a_second), daemon=True)
    process.start()
    try:
        yield Sender(here)
    finally:
        process.terminate()
        process.join()


def request(key: str, content_type: str, body: bytes) -> bytes:
    """Return a whole request that delivers usage."""
    return (
        f"POST /v1/usage-records HTTP/1.1\r\nHost: suanbu\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _work(pipe: Connection, port: int, requests: list[bytes], a_second: float) -> None:
    pipe.recv()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        told = runner.run(_send(pipe, port, requests, a_second))
    if not pipe.closed:
        pipe.send(told)


async def _send(pipe: Connection, port: int, requests: list[bytes], a_second: float) -> Told:
    told, free = Told(), asyncio.LifoQueue[Streams | None]()
    for _ in range(CONNECTIONS):  # opened when it is needed: one that says nothing is let go after half a minute
        free.put_nowait(None)
    loop = asyncio.get_running_loop()
    ended = loop.create_future()
    loop.add_reader(pipe.fileno(), _once(ended))
    started, out = time.perf_counter(), set()
    for number, whole in enumerate(requests):
        due = started + number / a_second
        await asyncio.wait([ended], timeout=max(due - time.perf_counter(), 0))
        if ended.done():
            break
        task = asyncio.create_task(_one(port, free, whole, due, told))
        out.add(task)
        task.add_done_callback(out.discard)
    if out:
        await asyncio.gather(*out)
    await ended
    loop.remove_reader(pipe.fileno())
    pipe.recv()
    return told


def _once(ended: asyncio.Future[None]) -> Callable[[], None]:
    def end() -> None:
        if not ended.done():
            ended.set_result(None)

    return end


async def _one(port: int, free: asyncio.LifoQueue[Streams | None], whole: bytes, due: float, told: Told) -> None:
    streams = await free.get() or await asyncio.open_connection("127.0.0.1", port)
    while True:
        try:
            head, answer = await _ask(streams, whole)
        except (asyncio.IncompleteReadError, ConnectionError):
            head, answer = b"", b""
        if not head or _CLOSE.search(head):
            streams[1].close()
            streams = await asyncio.open_connection("127.0.0.1", port)
        if head and not head.startswith((b"HTTP/1.1 503", b"HTTP/1.1 429")):
            break
        told.told_to_wait += 1
        await asyncio.sleep(AGAIN_SECONDS)
    told.latencies.append(time.perf_counter() - due)
    if not head.startswith(b"HTTP/1.1 200"):
        told.strange.append(f"{head[:60]!r} {answer[:200]!r}")
    free.put_nowait(streams)


async def _ask(streams: Streams, whole: bytes) -> tuple[bytes, bytes]:
    reader, writer = streams
    writer.write(whole)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
    length = _LENGTH.search(head)
    return head, await reader.readexactly(int(length[1])) if length else b""
