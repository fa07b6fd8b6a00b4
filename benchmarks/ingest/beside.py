"""The service, bare COPY and the peer in turn, round by round, so that whatever disturbs the machine disturbs all."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from benchmarks.ingest.client import Sent
from benchmarks.ingest.crew import Crew, joined, settle
from benchmarks.ingest.servers import Server
from tests.support.records import ARROW, NDJSON

BATCH = 10_000


@dataclass(frozen=True)
class Sizes:
    """How much a round sends."""

    rounds: int
    batches: int
    """Of 10,000 records, to the service and to COPY."""
    thousands: int
    """Batches of 1,000 to the service; the peer gets a fifth, it is slower."""
    singles: int
    """Requests of one record; the peer gets half."""


def beside(crew: Crew, ours: Server, peer: Server, sizes: Sizes) -> dict[str, Any]:
    """Measure every contender: its rates by round, their medians, and the ratios that the goals are stated in."""
    contenders: dict[str, Callable[[], Sent]] = {
        "copy": lambda: crew.copy(ours.database, BATCH, sizes.batches),
        "copy, 2 connections": lambda: crew.copy(ours.database, BATCH, sizes.batches, connections=2),
        "arrow 10,000": lambda: crew.send(ours, ARROW, BATCH, sizes.batches, 8),
        "ndjson 10,000": lambda: crew.send(ours, NDJSON, BATCH, sizes.batches, 8),
        "ndjson 1,000": lambda: crew.send(ours, NDJSON, 1_000, sizes.thousands, 8),
        "peer ndjson 1,000": lambda: crew.send(peer, NDJSON, 1_000, sizes.thousands // 5, 8),
        "single": lambda: crew.send(ours, NDJSON, 1, sizes.singles, 64),
        "peer single": lambda: crew.send(peer, NDJSON, 1, sizes.singles // 2, 64),
    }
    rounds: dict[str, list[Sent]] = {name: [] for name in contenders}
    for number in range(sizes.rounds + 1):
        for name, run in contenders.items():
            settle(ours)
            sent = run()
            if number:  # the first round warms everything up
                rounds[name].append(sent)
    rates = {name: statistics.median(part.rate for part in parts) for name, parts in rounds.items()}
    found: dict[str, Any] = {
        name: {
            "records_per_second": round(rates[name]),
            "of_each_round": [round(part.rate) for part in parts],
            "p50_ms": round(joined(parts).latency_ms(0.5), 2),
            "p99_ms": round(joined(parts).latency_ms(0.99), 2),
        }
        for name, parts in rounds.items()
    }

    def ratio(mine: str, theirs: str) -> float:
        """Return the median over the rounds of the ratio within each round."""
        pairs = zip(rounds[mine], rounds[theirs], strict=True)
        return round(statistics.median(a.rate / b.rate for a, b in pairs), 3)

    return {
        "contenders": found,
        "figures": {
            "ingest.arrow_vs_copy": ratio("arrow 10,000", "copy"),
            "ingest.ndjson_vs_copy": ratio("ndjson 10,000", "copy"),
            "ingest.ndjson_vs_peer": ratio("ndjson 1,000", "peer ndjson 1,000"),
            "ingest.single_vs_peer": ratio("single", "peer single"),
            "ingest.single_p99_ms": found["single"]["p99_ms"],
            "ingest.peer_single_p99_ms": found["peer single"]["p99_ms"],
        },
    }
