"""A load generator: prepared requests over kept connections, in a process of its own, parsing only what it counts."""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import uvloop

from benchmarks.ingest.province import Ids, body, frame, packed

_ACCEPTED = re.compile(rb'"accepted":(\d+)')
_LENGTH = re.compile(rb"(?i)content-length: (\d+)")
_CLOSE = re.compile(rb"(?i)connection: close")
PATIENCE_SECONDS = 120
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass(frozen=True)
class Load:
    """What one client sends: `requests` bodies of `records` each over `connections` connections."""

    port: int
    key: str
    content_type: str
    records: int
    requests: int
    connections: int
    ids: Ids
    first: int = 0
    encoding: str = ""
    padded_to: int = 0
    """Bodies of at least so many bytes: spaces after the last record."""


@dataclass
class Sent:
    """What came of it. Latencies in seconds; `accepted` as the receipts say."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    accepted: int = 0
    told_to_wait: int = 0
    body_bytes: int = 0
    latencies: list[float] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Accepted records a second."""
        return self.accepted / self.seconds

    def latency_ms(self, share: float) -> float:
        """Return a quantile of the latencies, in milliseconds."""
        ordered = sorted(self.latencies)
        return 1000 * ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def work(pipe: Connection) -> None:
    """Do for every load that comes: prepare, say so, wait for the word, send everything, report."""
    while (load := pipe.recv()) is not None:
        requests = prepared(load)
        pipe.send(None)
        pipe.recv()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            pipe.send(runner.run(send_all(load, requests)))


def prepared(load: Load) -> list[bytes]:
    """Read whole requests, head and body."""
    encoding = f"Content-Encoding: {load.encoding}\r\n" if load.encoding else ""
    bodies = []
    step = max(1, 20_000 // load.records)
    for start in range(0, load.requests, step):
        count = min(step, load.requests - start)
        records = frame(count * load.records, load.ids, load.first + start * load.records)
        bodies += [
            packed(body(records[at : at + load.records], load.content_type), load.encoding)
            for at in range(0, len(records), load.records)
        ]
    bodies = [text.ljust(load.padded_to) if len(text) < load.padded_to else text for text in bodies]
    return [
        f"POST /v1/usage-records HTTP/1.1\r\nHost: suanbu\r\nAuthorization: Bearer {load.key}\r\n"
        f"Content-Type: {load.content_type}\r\n{encoding}Content-Length: {len(text)}\r\n\r\n".encode()
        + text
        for text in bodies
    ]


async def send_all(load: Load, requests: list[bytes]) -> Sent:
    """Send every request once; a request told to come back waits and is sent again."""
    sent = Sent(body_bytes=sum(map(len, requests)))
    waiting = list(reversed(requests))
    kept = [await asyncio.open_connection("127.0.0.1", load.port) for _ in range(load.connections)]
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_serve(load.port, streams, waiting, sent) for streams in kept))
    sent.seconds, sent.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    return sent


async def _serve(port: int, streams: Streams, waiting: list[bytes], sent: Sent) -> None:
    while waiting:
        request = waiting.pop()
        asked = time.perf_counter()
        while True:
            try:
                head, answer = await _ask(streams, request)
            except (asyncio.IncompleteReadError, ConnectionError):  # closed after it told us to wait
                head, answer = b"", b""
            if head and not head.startswith((b"HTTP/1.1 503", b"HTTP/1.1 429")):
                break
            sent.told_to_wait += 1
            await asyncio.sleep(0.05)
            if not head or _CLOSE.search(head):
                streams[1].close()
                streams = await asyncio.open_connection("127.0.0.1", port)
        sent.latencies.append(time.perf_counter() - asked)
        accepted = _ACCEPTED.search(answer)
        if accepted is None or not head.startswith(b"HTTP/1.1 200"):
            sent.strange.append(f"{head[:60]!r} {answer[:200]!r}")
        else:
            sent.accepted += int(accepted[1])
    streams[1].close()


async def _ask(streams: Streams, request: bytes) -> tuple[bytes, bytes]:
    reader, writer = streams
    writer.write(request)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE_SECONDS)
    length = _LENGTH.search(head)
    return head, await reader.readexactly(int(length[1])) if length else b""
