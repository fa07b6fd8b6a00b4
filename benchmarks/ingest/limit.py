"""The limit: bare COPY of the same rows into the same table with the same indexes, one transaction a batch."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

import asyncpg
import numpy as np
import numpy.typing as npt

from benchmarks.ingest.client import Sent
from benchmarks.ingest.province import CHIPS, CONSUMERS, FACILITIES, Ids, body, frame
from meter.database.copy import COPY_HEADER, COPY_TRAILER
from meter.intake import DatedCode, Registered, receive
from meter.journal.rows.encode import rows_of
from meter.journal.rows.layout import COLUMN_NAMES
from tests.support.records import ARROW, uscc

SOURCE = 1


@dataclass(frozen=True)
class Copying:
    """What is copied: `batches` of `records` each from number `first` of the ids on."""

    database: str
    records: int
    batches: int
    ids: Ids
    first: int = 0
    connections: int = 1


def known() -> Registered:
    """Return a registry in which everything of the province has a number."""
    return Registered.of(
        1,
        [DatedCode(name, number) for number, name in enumerate(FACILITIES, 1)],
        [DatedCode(name, number) for number, name in enumerate(CHIPS, 1)],
        [uscc(number) for number in range(CONSUMERS)],
        range(1, CONSUMERS + 1),
    )


PROVINCE = known()


def rows(records: int, ids: Ids, first: int) -> npt.NDArray[np.void]:
    """Return the rows (WIRE) that the service would make of the same records."""
    text = body(frame(records, ids, first), ARROW)
    received = receive(text, ARROW, None, PROVINCE, SOURCE)
    assert len(received.records) == records
    return rows_of(received.records, np.full(records, SOURCE, np.int32)).wire


def streams(records: int, batches: int, ids: Ids, first: int) -> list[bytes]:
    """Complete COPY streams of a batch each."""
    made = []
    for number in range(batches):
        wire = rows(records, ids, first + number * records)
        wire["batch"] = first // records + number + 1
        made.append(COPY_HEADER + wire.tobytes() + COPY_TRAILER)
    return made


def work(pipe: Connection) -> None:
    """Do for every copying that comes: prepare, say so, wait for the word, COPY, report."""
    while (copying := pipe.recv()) is not None:
        made = streams(copying.records, copying.batches, copying.ids, copying.first)
        pipe.send(None)
        pipe.recv()
        pipe.send(asyncio.run(_copy(copying, made)))


async def _copy(copying: Copying, made: list[bytes]) -> Sent:
    sent = Sent(body_bytes=sum(map(len, made)))
    kept = [await asyncpg.connect(copying.database) for _ in range(copying.connections)]
    await kept[0].execute("create table if not exists entry_limit (like entry including all)")
    started, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_send(connection, made, copying.records, sent) for connection in kept))
    sent.seconds, sent.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    for connection in kept:
        await connection.close()
    return sent


async def _send(connection: asyncpg.Connection, made: list[bytes], records: int, sent: Sent) -> None:
    while made:
        stream = made.pop()
        asked = time.perf_counter()
        async with connection.transaction():
            await connection.copy_to_table(
                "entry_limit", source=memoryview(stream), columns=list(COLUMN_NAMES), format="binary"
            )
        sent.latencies.append(time.perf_counter() - asked)
        sent.accepted += records
