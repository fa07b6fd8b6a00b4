"""Records a second from body bytes to checked columns, one core, beside decoders that check nothing.

    python -m benchmarks.ingest.decode [--quick] [--out FILE]

`receive` decodes, checks every field, looks up facility, chip and party, and computes keys and digests. The others only
decode: msgspec to typed structs, polars and pyarrow to a table, the standard library to dicts. All read the same bytes
in one run, turn by turn; a figure is the median of the rounds, in seconds of processor time (all threads together), so
that it says what one core does however busy the machine is.
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pyarrow as pa
import pyarrow.json as pa_json

from benchmarks.ingest.province import CHIPS, CONSUMERS, FACILITIES, Ids, body, frame, packed
from meter.intake import DatedCode, Registered, receive, warm_up
from tests.support.records import ARROW, EVENTS, JSON, NDJSON, uscc

SOURCE = 1
NAMES = {NDJSON: "ndjson", JSON: "json", EVENTS: "cloudevents", ARROW: "arrow"}


class Record(msgspec.Struct):
    """A usage record as msgspec reads it."""

    id: str
    consumer: str
    facility: str
    chip: str
    cards: int | str
    started_at: str
    ended_at: str
    charge_fen: int
    purpose: str | None = None
    via_platform: bool = True
    order: str | None = None


class Event(msgspec.Struct):
    """A CloudEvents envelope as msgspec reads it."""

    specversion: str
    type: str
    source: str
    id: str
    data: Record


LINES = msgspec.json.Decoder(Record)
ARRAY = msgspec.json.Decoder(list[Record])
EVENT_ARRAY = msgspec.json.Decoder(list[Event])

PEERS: dict[str, dict[str, Callable[[bytes], Any]]] = {
    NDJSON: {
        "msgspec": lambda text: LINES.decode_lines(text),
        "polars": lambda text: pl.read_ndjson(io.BytesIO(text)),
        "pyarrow": lambda text: pa_json.read_json(
            io.BytesIO(text), read_options=pa_json.ReadOptions(use_threads=False, block_size=1 << 26)
        ),
        "json": lambda text: [json.loads(line) for line in text.splitlines()],
    },
    JSON: {"msgspec": lambda text: ARRAY.decode(text), "json": json.loads},
    EVENTS: {"msgspec": lambda text: EVENT_ARRAY.decode(text), "json": json.loads},
    ARROW: {
        "pyarrow": lambda text: pa.ipc.open_stream(text).read_all(),
        "polars": lambda text: pl.read_ipc_stream(text, use_pyarrow=False),
    },
}


def registered() -> Registered:
    """Return what the registry knows of the invented province; every second consumer is a known party."""
    codes = [uscc(number) for number in range(0, CONSUMERS, 2)]
    facilities = [DatedCode(name, number) for number, name in enumerate(FACILITIES, 1)]
    chips = [DatedCode(name, number) for number, name in enumerate(CHIPS, 1)]
    return Registered.of(1, facilities, chips, codes, range(1, len(codes) + 1))


def measure(rounds: int, sizes: tuple[int, ...]) -> dict[str, float]:
    """Measure records a second by `decode.FORMAT.SIZE.READER`."""
    known = registered()
    figures: dict[str, float] = {}
    for size in sizes:
        records = frame(size, Ids(ordered=True, seed=1), 0)
        for content_type, name in NAMES.items():
            text = body(records, content_type)
            readers: dict[str, Callable[[], Any]] = {
                "receive": partial(receive, text, content_type, None, known, SOURCE)
            }
            for encoding in ("gzip", "zstd"):
                readers[f"receive_{encoding}"] = partial(
                    receive, packed(text, encoding), content_type, encoding, known, SOURCE
                )
            readers |= {peer: partial(read, text) for peer, read in PEERS[content_type].items()}
            received = receive(text, content_type, None, known, SOURCE)
            assert len(received.records) == size, received.refused[:1]
            assert not received.id_texts.read, "a record of the workload missed the fast path"
            repeats = max(1, min(200, 10_000 // size))
            seconds: dict[str, list[float]] = {reader: [] for reader in readers}
            for _ in range(rounds):
                for reader, read in readers.items():
                    begun = time.process_time()
                    for _ in range(repeats):
                        read()
                    seconds[reader].append((time.process_time() - begun) / repeats)
            for reader, taken in seconds.items():
                figures[f"decode.{name}.{size}.{reader}"] = round(size / statistics.median(taken))
    return figures


def main() -> None:
    """Measure, print a table, write the figures."""
    parser = argparse.ArgumentParser(prog="benchmarks.ingest.decode", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds and sizes")
    parser.add_argument("--out", type=Path, help="a JSON file for the figures")
    chosen = parser.parse_args()
    warm_up()
    figures = measure(5 if chosen.quick else 11, (1_000, 10_000) if chosen.quick else (1, 100, 1_000, 10_000))
    for key, value in figures.items():
        print(f"{key:45} {value:>12,.0f} records/s")
    if chosen.out:
        chosen.out.write_text(json.dumps({"figures": figures}, indent=1) + "\n")


if __name__ == "__main__":
    main()
