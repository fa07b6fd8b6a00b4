"""Measures the verification of a whole journal beside bare COPY of its rows out of the database.

python -m benchmarks.verify [--json FILE] [--quick] [--records N]

The journal is made over HTTP in batches of 10,000 records with random ids. Verifying recomputes every digest (SM3 over
rows and bodies, the chain, names), looks for records that stand twice and checks the corrections.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from pathlib import Path
from typing import Any

import asyncpg

from benchmarks.ingest.client import Load, prepared, send_all
from benchmarks.ingest.province import Ids
from benchmarks.ingest.servers import suanbu
from benchmarks.scratch import scratch
from meter.journal.store import read_wire
from meter.journal.verify.journal import verify_journal
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from tests.support.records import NDJSON

BATCH_RECORDS = 10_000
BATCHES_AT_ONCE = 20
RUNS = 5


def main() -> None:
    """Measure and write; print the same JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.verify", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--records", type=int)
    asked = parser.parse_args()
    records = asked.records or (200_000 if asked.quick else 3_000_000)
    with scratch("verify") as folder, suanbu(folder, "verify") as server:
        _fill(server.port, server.key, records)
        found = asyncio.run(measure(server.database, records))
    text = json.dumps(found, indent=1)
    if asked.json:
        asked.json.write_text(text)
    print(text)


def _fill(port: int, key: str, records: int) -> None:
    step = 500_000
    for first in range(0, records, step):
        count = min(step, records - first) // BATCH_RECORDS
        load = Load(port, key, NDJSON, BATCH_RECORDS, count, 2, Ids(ordered=False, seed=5), first)
        sent = asyncio.run(send_all(load, prepared(load)))
        assert sent.accepted == count * BATCH_RECORDS, sent.strange


async def measure(url: str, records: int) -> dict[str, Any]:
    """Measure records a second of both, in turns, and their ratio."""
    connection = await asyncpg.connect(url)
    rates: dict[str, list[float]] = {"verified": [], "copied out": []}
    try:
        last = int(await connection.fetchval("select max(batch) from batch"))
        for _ in range(RUNS):
            started = time.perf_counter()
            report = await verify_journal(connection, read_facts=facts_of_batches, read_rules=rules_as_of)
            rates["verified"].append(records / (time.perf_counter() - started))
            assert report.equal
            assert report.records == records
            started = time.perf_counter()
            for first in range(1, last + 1, BATCHES_AT_ONCE):
                await read_wire(connection, first, first + BATCHES_AT_ONCE - 1)
            rates["copied out"].append(records / (time.perf_counter() - started))
    finally:
        await connection.close()
    medians = {name: statistics.median(values) for name, values in rates.items()}
    return {
        "figures": {
            "verify.records_per_second": round(medians["verified"]),
            "verify.vs_copy_out": round(medians["verified"] / medians["copied out"], 3),
        },
        "records": records,
        "runs": RUNS,
        "records_a_second": {name: round(value) for name, value in medians.items()},
    }


if __name__ == "__main__":
    main()
