"""How much memory the service takes under 64 connections of the largest batches there may be."""

from __future__ import annotations

from typing import Any

from benchmarks.ingest.crew import Crew
from benchmarks.ingest.servers import Server
from meter.intake.limits import BATCH_RECORDS, BODY_BYTES
from tests.support.records import ARROW, NDJSON

CONNECTIONS = 64


def memory(crew: Crew, ours: Server, requests: int) -> dict[str, Any]:
    """Measure the peak, all worker processes together, with bodies of 10,000 records: as they are, and filled to 32
    MiB."""
    ours.forget_peak()
    before = ours.peak_mb()
    found: dict[str, Any] = {"before_mb": round(before)}
    for name, content_type, padded_to, count in (
        ("arrow", ARROW, 0, requests),
        ("ndjson", NDJSON, 0, requests),
        ("ndjson filled to 32 MiB", NDJSON, BODY_BYTES, CONNECTIONS),
    ):
        ours.forget_peak()
        sent = crew.send(ours, content_type, BATCH_RECORDS, count, CONNECTIONS, padded_to=padded_to)
        found[name] = {
            "peak_mb": round(ours.peak_mb()),
            "told_to_wait": sent.told_to_wait,
            "records_per_second": round(sent.rate),
            "p99_ms": round(sent.latency_ms(0.99)),
        }
    peak = max(part["peak_mb"] for part in found.values() if isinstance(part, dict))
    return {"under_64_connections": found, "figures": {"ingest.peak_mb": peak}}
