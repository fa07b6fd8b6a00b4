"""Where the service's own processor time goes: every stage of one delivery, alone on one thread, in µs a record."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.ingest.limit import known
from benchmarks.ingest.province import Ids, body, frame
from benchmarks.scratch import scratch
from meter.intake import receive
from meter.journal.digest_chain import SM3
from meter.journal.keys.key_file import NOTHING, KeyFile, Watermark
from meter.journal.keys.known_keys import KnownKeys
from meter.journal.prepare import compressed
from meter.journal.rows.encode import repeats_inside, rows_of
from meter.journal.write.delivery import digest_of_rows
from meter.kernels.chunked_digest import digest_in_pieces

ROUNDS = 15


def stages(content_type: str, records: int) -> dict[str, float]:
    """Stage -> median thread time in µs a record."""
    registered = known()
    sources = np.full(records, 1, np.int32)
    found: dict[str, list[float]] = {}

    def timed(name: str, work: Callable[[], Any]) -> Any:
        started = time.thread_time()
        outcome = work()
        found.setdefault(name, []).append(1e6 * (time.thread_time() - started) / records)
        return outcome

    with scratch("stages") as folder:
        keys = KnownKeys(KeyFile(folder / "stages.keys"))
        head = NOTHING
        for number in range(1, ROUNDS + 1):
            text = body(frame(records, Ids(False, 1), number * records), content_type)
            received = timed("decode and check", lambda: receive(text, content_type, None, registered, 1))
            assert len(received.records) == records
            timed("compress the body", lambda: compressed(text))
            timed("digest of the body", lambda: digest_in_pieces(SM3, text))
            rows = timed("rows and keys", lambda: rows_of(received.records, sources))
            timed("digest of the rows", lambda: digest_of_rows(SM3, rows.wire))
            timed("ask the key file", lambda: (keys.file.find(rows.keys), repeats_inside(rows.keys)))
            after = Watermark(number, bytes(32))
            batches = np.full(records, number)
            timed("tell the key file", lambda: keys.note(rows.keys, batches, head, after))
            head = after
        keys.close()
    return {name: round(statistics.median(times[3:]), 3) for name, times in found.items()}


if __name__ == "__main__":
    from tests.support.records import ARROW, EVENTS, JSON, NDJSON

    for kind in (ARROW, NDJSON, JSON, EVENTS):
        print(kind, json.dumps(stages(kind, 10_000)))
    print("one record", json.dumps(stages(NDJSON, 1)))
