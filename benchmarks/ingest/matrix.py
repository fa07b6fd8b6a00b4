"""Rates and latencies by batch size, format, encoding, connections and workers; one thing varies at a time."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from benchmarks.ingest.client import Sent
from benchmarks.ingest.crew import Crew, joined, settle
from benchmarks.ingest.servers import Server
from tests.support.records import ARROW, EVENTS, JSON, NDJSON

NAMES = {NDJSON: "ndjson", JSON: "json", EVENTS: "cloudevents", ARROW: "arrow"}
REQUESTS = {1: 1_500, 100: 400, 1_000: 100, 10_000: 20}


@dataclass(frozen=True)
class Cell:
    """One point of the matrix."""

    content_type: str
    records: int
    connections: int
    encoding: str = ""
    ordered: bool = True

    @property
    def name(self) -> str:
        """As it stands in the results."""
        ids = "" if self.ordered else ", random ids"
        encoding = f"+{self.encoding}" if self.encoding else ""
        return f"{NAMES[self.content_type]}{encoding}, {self.records} a batch, {self.connections} connections{ids}"


CELLS = [
    *(Cell(kind, records, 8) for kind in NAMES for records in REQUESTS),
    *(Cell(NDJSON, 10_000, 8, encoding) for encoding in ("gzip", "zstd")),
    Cell(ARROW, 10_000, 8, "zstd"),
    *(Cell(NDJSON, records, connections) for records in (1, 1_000) for connections in (1, 64)),
    Cell(ARROW, 10_000, 1),
    Cell(ARROW, 10_000, 64),
    Cell(ARROW, 10_000, 8, ordered=False),
    Cell(NDJSON, 1, 64, ordered=False),
]


def matrix(crew: Crew, servers: dict[str, Server], cells: list[Cell], rounds: int) -> dict[str, Any]:
    """Measure every cell on every server, the servers in turn within each round."""
    found: dict[str, Any] = {}
    for cell in cells:
        parts: dict[str, list[Sent]] = {name: [] for name in servers}
        for _ in range(rounds):
            for name, server in servers.items():
                settle(server)
                sent = crew.send(
                    server, cell.content_type, cell.records, REQUESTS[cell.records], cell.connections,
                    cell.ordered, cell.encoding,
                )  # fmt: skip
                parts[name].append(sent)
        for name, sent_parts in parts.items():
            found[f"{cell.name}, {name}"] = {
                "records_per_second": round(statistics.median(part.rate for part in sent_parts)),
                "p50_ms": round(joined(sent_parts).latency_ms(0.5), 2),
                "p99_ms": round(joined(sent_parts).latency_ms(0.99), 2),
            }
    return {"matrix": found}
