"""Whether a full journal is as quick as an empty one: two services in turn, one of which holds millions of records."""

from __future__ import annotations

import asyncio
import os
import statistics
import time
from dataclasses import dataclass
from typing import Any

import asyncpg
import numpy as np

from benchmarks.ingest.crew import Crew, settle
from benchmarks.ingest.limit import rows
from benchmarks.ingest.province import Ids
from benchmarks.ingest.servers import Server
from meter.database.copy import COPY_HEADER, COPY_TRAILER
from meter.database.locks import AdvisoryLock
from meter.journal.rows.layout import COLUMN_NAMES, WIRE
from tests.support.records import NDJSON

BATCH = 10_000
BLOCK_BATCHES = 50


@dataclass(frozen=True)
class Growth:
    """How many records the full one holds, one measurement after the other, and how much a round sends."""

    stored: tuple[int, ...]
    ordered: tuple[bool, ...]
    """Kinds of ids."""
    rounds: int
    batches: int


def growth(crew: Crew, empty: Server, full: Server, plan: Growth) -> dict[str, Any]:
    """Measure rates by records stored and kind of id; the figure is that of the fullest, random ids."""
    found: dict[str, Any] = {}
    held = 0
    for stored in plan.stored:
        started = time.monotonic()
        asyncio.run(fill(full.database, stored - held))
        settle(full)
        asyncio.run(_tidy(full.database))
        for server in (empty, full):
            crew.send(server, NDJSON, BATCH, 2, 4, ordered=False)
        filled_seconds = time.monotonic() - started
        held = stored
        for ordered in plan.ordered:
            rates: dict[str, list[float]] = {"none": [], "full": []}
            for _ in range(plan.rounds):
                for name, server in (("none", empty), ("full", full)):
                    settle(empty, full)
                    rates[name].append(crew.send(server, NDJSON, BATCH, plan.batches, 4, ordered=ordered).rate)
            pairs = zip(rates["full"], rates["none"], strict=True)
            found[f"{stored}, {'ordered' if ordered else 'random'} ids"] = {
                "with_none": round(statistics.median(rates["none"])),
                "with_so_many": round(statistics.median(rates["full"])),
                "ratio": round(statistics.median(a / b for a, b in pairs), 3),
                "of_each_round": {name: [round(rate) for rate in each] for name, each in rates.items()},
                "filled_seconds": round(filled_seconds, 1),
            }
    return {"stored": found, "figures": {"ingest.growth": found[f"{plan.stored[-1]}, random ids"]["ratio"]}}


async def fill(database: str, records: int) -> None:
    """Store records with random keys as another worker of the service would: rows, batches, under the journal's lock.

    Bodies are left out and the digests of the batches are invented: neither is looked at when records come in.
    """
    connection = await asyncpg.connect(database)
    rng = np.random.default_rng(int(time.time()))
    parts = [rows(BATCH, Ids(False, 7), number * BATCH).tobytes() for number in range(BLOCK_BATCHES)]
    block = np.frombuffer(bytearray(b"".join(parts)), WIRE)
    try:
        await connection.execute("set synchronous_commit = off")
        for _ in range(-(-records // len(block))):
            async with connection.transaction():
                await connection.execute(f"select pg_advisory_xact_lock({AdvisoryLock.APPENDING})")
                last = await connection.fetchval("select coalesce(max(batch), 0) from batch")
                keys = rng.bytes(16 * len(block))
                block["key"] = np.frombuffer(keys, "V16")
                block["batch"] = last + 1 + np.arange(len(block)) // BATCH
                block["ordinal"] = np.arange(len(block)) % BATCH
                stream = COPY_HEADER + block.tobytes() + COPY_TRAILER
                await connection.copy_to_table(
                    "entry", source=memoryview(stream), columns=list(COLUMN_NAMES), format="binary"
                )
                await connection.executemany(_BATCH, [(last + 1 + n, os.urandom(32)) for n in range(BLOCK_BATCHES)])
    finally:
        await connection.close()


_BATCH = f"""insert into batch (batch, kind, source, recorded_at, received, accepted, duplicate, conflict, refused,
    registry_batch, key_name, contents, algorithm, digest)
    select $1, 'usage', (select min(id) from source), now(), {BATCH}, {BATCH}, 0, 0, 0,
           (select registry_batch from batch order by batch desc limit 1), 'filled', '{{}}', 'sm3', $2"""


async def _tidy(database: str) -> None:
    """Bring what was stored to rest: its visibility map and a checkpoint, which otherwise fall into a measurement."""
    connection = await asyncpg.connect(database)
    try:
        await connection.execute("vacuum (analyze) entry")
        await connection.execute("checkpoint")
    finally:
        await connection.close()
