"""The limit: bare COPY of the same rows into the same table with the same indexes, one transaction a batch."""

from __future__ import annotations

import asyncio
import time
from multiprocessing.connection import Connection

import asyncpg
import numpy as np

from benchmarks.ingest.client import Sent
from benchmarks.ingest.province import ARROW, CHIPS, FACILITIES, Ids, body, frame
from meter.intake import DatedCode, Registered, receive
from meter.journal.make_rows import rows_of
from meter.journal.row import COLUMN_NAMES, COPY_HEADER, COPY_TRAILER

SOURCE = 1


def known() -> Registered:
    """A registry in which everything of the province has a number."""
    return Registered.of(
        1,
        [DatedCode(name, number) for number, name in enumerate(FACILITIES, 1)],
        [DatedCode(name, number) for number, name in enumerate(CHIPS, 1)],
    )


def streams(records: int, batches: int, ids: Ids, first_batch: int) -> list[bytes]:
    """Complete COPY streams of the rows that the service would make of the same records."""
    registered, made = known(), []
    for number in range(batches):
        text = body(frame(records, ids, number * records), ARROW)
        received = receive(text, ARROW, None, registered, SOURCE)
        assert len(received.records) == records
        received.records["consumer"] = np.arange(records) % 2000 + 1
        rows = rows_of(received.records, np.full(records, SOURCE, np.int32))
        rows.wire["batch"] = first_batch + number
        made.append(COPY_HEADER + rows.wire.tobytes() + COPY_TRAILER)
    return made


def run(database: str, records: int, batches: int, ids: Ids, first_batch: int, pipe: Connection) -> None:
    """Prepare, say so, wait for the word, COPY, report. The target of a child process."""
    made = streams(records, batches, ids, first_batch)
    pipe.send(None)
    pipe.recv()
    pipe.send(asyncio.run(_copy(database, made, records)))


async def _copy(database: str, made: list[bytes], records: int) -> Sent:
    connection = await asyncpg.connect(database)
    sent = Sent(body_bytes=sum(map(len, made)))
    await connection.execute("create table if not exists entry_limit (like entry including all)")
    started, cpu = time.perf_counter(), time.process_time()
    for stream in made:
        asked = time.perf_counter()
        async with connection.transaction():
            await connection.copy_to_table(
                "entry_limit", source=memoryview(stream), columns=list(COLUMN_NAMES), format="binary"
            )
        sent.latencies.append(time.perf_counter() - asked)
        sent.accepted += records
    sent.seconds, sent.cpu_seconds = time.perf_counter() - started, time.process_time() - cpu
    await connection.close()
    return sent
