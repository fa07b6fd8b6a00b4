"""What the probe shows to Prometheus, apart from what a service shows."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, start_http_server

from api.probe import ENDS, Result

REGISTRY = CollectorRegistry()
TRIES = Counter("suanbu_probe_total", "Tries of the probe, by how they ended", ("end",), registry=REGISTRY)
SECONDS = Gauge(
    "suanbu_probe_seconds", "How long the last record took from being sent to standing in the totals", registry=REGISTRY
)
LAST_SEEN = Gauge(
    "suanbu_last_probe_timestamp_seconds", "When a record of the probe last stood in the totals; 0: never",
    registry=REGISTRY,
)  # fmt: skip


def serve(host: str, port: int) -> None:
    """Answer Prometheus, with every way to end at 0 until it happens. Raises OSError where the port is taken."""
    for end in ENDS:
        TRIES.labels(end)
    start_http_server(port, addr=host, registry=REGISTRY)


def show(result: Result) -> None:
    """Count one try."""
    TRIES.labels(result.end).inc()
    if result.end == "seen":
        SECONDS.set(result.seconds)
        LAST_SEEN.set_to_current_time()
