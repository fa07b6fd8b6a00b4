"""The processes that send: one that speaks HTTP and one that copies, each prepared before its clock starts."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection

from benchmarks.ingest import client, limit
from benchmarks.ingest.client import Load, Sent
from benchmarks.ingest.limit import Copying
from benchmarks.ingest.province import Ids
from benchmarks.ingest.servers import Server, rollup_lag

SETTLE_SECONDS = 120
Task = Load | Copying


@dataclass
class Crew:
    """Who sends. Every task gets records that were never sent before."""

    sender: Connection
    copier: Connection
    _sent: int = 0

    def send(self, server: Server, content_type: str, records: int, requests: int, connections: int,
             ordered: bool = True, encoding: str = "", padded_to: int = 0) -> Sent:  # fmt: skip
        """Send fresh records to a server over HTTP; all must be accepted."""
        load = Load(
            server.port, server.key, content_type, records, requests, connections, Ids(ordered, 1),
            self._fresh(records * requests), encoding, padded_to,
        )  # fmt: skip
        sent = _asked(self.sender, load)
        assert not sent.strange, sent.strange[:3]
        assert sent.accepted == records * requests, (load, sent.accepted)
        return sent

    def copy(self, database: str, records: int, batches: int, ordered: bool = True, connections: int = 1) -> Sent:
        """Copy fresh records into the table beside the journal."""
        first = self._fresh(records * batches)
        return _asked(self.copier, Copying(database, records, batches, Ids(ordered, 1), first, connections))

    def _fresh(self, count: int) -> int:
        # a whole number of the largest batch, so that random ids of two tasks never share a seed
        first, self._sent = self._sent, self._sent + -(-count // 10_000) * 10_000
        return first


@contextlib.contextmanager
def crew() -> Iterator[Crew]:
    """Run both processes, for as long as the block lasts."""
    with _child(client.work) as sender, _child(limit.work) as copier:
        yield Crew(sender, copier)


def settle(*servers: Server) -> None:
    """Wait until no service has anything left to add up, so that the next clock starts on a quiet machine."""
    deadline = time.monotonic() + SETTLE_SECONDS
    for server in servers:
        while asyncio.run(rollup_lag(server.database)):
            assert time.monotonic() < deadline, "the rollup did not catch up"
            time.sleep(0.1)


def joined(parts: list[Sent]) -> Sent:
    """Return several rounds as one: the latencies of all."""
    return replace(parts[0], latencies=[latency for part in parts for latency in part.latencies])


@contextlib.contextmanager
def _child(target: Callable[[Connection], None]) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours
        ours.send(None)
    finally:
        process.join(10)
        process.kill()


def _asked(pipe: Connection, task: Task) -> Sent:
    pipe.send(task)
    pipe.recv()  # it has prepared
    pipe.send(None)
    sent = pipe.recv()
    assert isinstance(sent, Sent)
    return sent
