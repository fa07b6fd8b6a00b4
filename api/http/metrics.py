"""The Prometheus metrics, defined in one place; dashboards query exactly these names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

RECORDS = Counter(
    "suanbu_records_total", "Usage records received, by source and what became of them", ("source", "status")
)
BATCHES = Counter("suanbu_batches_total", "Deliveries of usage records answered", ("source",))
BATCH_SECONDS = Histogram("suanbu_batch_seconds", "From the first byte of a delivery to its answer", buckets=_SECONDS)
COMMIT_SECONDS = Histogram("suanbu_commit_seconds", "One transaction of the journal, lock to commit", buckets=_SECONDS)
BATCH_RECORDS = Histogram(
    "suanbu_batch_records", "Records in a delivery", buckets=(1, 10, 100, 1000, 2000, 5000, 10000)
)
OVERLOADED = Counter("suanbu_overloaded_total", "Requests told to come back later")
REGISTRY_ITEMS = Counter("suanbu_registry_items_total", "Registry items received", ("kind", "status"))
JOURNAL_BATCH = Gauge("suanbu_journal_batch", "Number of the last batch", multiprocess_mode="max")
ROLLUP_LAG = Gauge("suanbu_rollup_lag_batches", "Batches not yet rolled up", multiprocess_mode="mostrecent")
ROLLUP_SECONDS = Histogram("suanbu_rollup_seconds", "Adding up one block of batches", buckets=_SECONDS)
LAST_BATCH = Gauge(
    "suanbu_last_batch_timestamp_seconds", "When usage was last recorded; 0: never", multiprocess_mode="mostrecent"
)
QUARANTINED = Gauge(
    "suanbu_quarantine_records", "Records waiting for a person", ("status", "code"), multiprocess_mode="mostrecent"
)
QUARANTINE_OLDEST = Gauge(
    "suanbu_quarantine_oldest_seconds",
    "How long the oldest record has been waiting",
    ("status",),
    multiprocess_mode="mostrecent",
)
CONTROL_TOTAL_GAPS = Gauge(
    "suanbu_control_total_gaps",
    "Past days, of the last ten, on which a source declared other totals than were recorded",
    ("source",),
    multiprocess_mode="mostrecent",
)
LAST_CHECKPOINT = Gauge(
    "suanbu_last_checkpoint_timestamp_seconds",
    "When a checkpoint was last made; 0: never",
    multiprocess_mode="mostrecent",
)
LAST_VERIFICATION = Gauge(
    "suanbu_last_verification_timestamp_seconds",
    "When a settlement was last computed again and compared; 0: never",
    multiprocess_mode="mostrecent",
)
REVIEW_WAITING = Gauge(
    "suanbu_review_waiting",
    "Submitted settlements that a city has not passed",
    ("city",),
    multiprocess_mode="mostrecent",
)
HELD_FEN = Gauge(
    "suanbu_held_fen",
    "Fen held in a round's newest settlement; a line counts under each of its reasons",
    ("round", "reason"),
    multiprocess_mode="mostrecent",
)
SETTLEMENTS = Gauge("suanbu_settlements", "Settlements by state", ("status",), multiprocess_mode="mostrecent")
PAYOUTS = Gauge("suanbu_payouts", "Payout instructions by state", ("status",), multiprocess_mode="mostrecent")
PAYOUT_FEN = Gauge(
    "suanbu_payout_fen", "Fen in payout instructions by state", ("status",), multiprocess_mode="mostrecent"
)
PAYOUT_OLDEST = Gauge(
    "suanbu_payout_oldest_seconds",
    "Since when the oldest instruction in a state has not moved",
    ("status",),
    multiprocess_mode="mostrecent",
)
CLAWBACKS = Gauge("suanbu_clawbacks", "Clawbacks by state", ("status",), multiprocess_mode="mostrecent")
PAYOUT_REFUSALS = Gauge(
    "suanbu_payout_refusals",
    "Words about payments that were not booked, by code",
    ("code",),
    multiprocess_mode="mostrecent",
)
PAYOUTS_WITHOUT_ACCOUNT = Gauge(
    "suanbu_payouts_without_account", "Instructions that wait and have no account", multiprocess_mode="mostrecent"
)
JOBS = Gauge("suanbu_jobs", "Jobs that wait or run", ("kind", "state"), multiprocess_mode="mostrecent")
JOB_OLDEST_SECONDS = Gauge(
    "suanbu_job_oldest_seconds", "How long the oldest job has been waiting", multiprocess_mode="mostrecent"
)
# counted by the database, once for all processes and machines: each worker process shows the same
JOBS_ENDED = Gauge("suanbu_jobs_ended", "Jobs that ever ended", ("kind", "state"), multiprocess_mode="mostrecent")
JOB_WAITED_SECONDS = Gauge(
    "suanbu_job_waited_seconds", "Seconds that ended jobs had waited", ("kind", "state"), multiprocess_mode="mostrecent"
)
JOB_WORKED_SECONDS = Gauge(
    "suanbu_job_worked_seconds", "Seconds that ended jobs had taken", ("kind", "state"), multiprocess_mode="mostrecent"
)
LOGINS_REFUSED = Counter("suanbu_logins_refused_total", "Logins and reauthentications refused", ("reason",))
POOL = Gauge("suanbu_pool_connections", "Connections to the database", ("state",), multiprocess_mode="livesum")
DISK_FREE = Gauge("suanbu_disk_free_bytes", "What the disk below --data has left", multiprocess_mode="mostrecent")
HTTP = Counter("suanbu_http_requests_total", "Requests answered", ("method", "route", "status"))
HTTP_SECONDS = Histogram("suanbu_http_seconds", "Time to answer a request", ("method", "route"), buckets=_SECONDS)


OF_MONEY = (
    "suanbu_payout_fen",
    "suanbu_held_fen",
)  # shown to a key that may read payouts or the audit log, and to nobody else


def exposition(*, money: bool) -> tuple[bytes, str]:
    """Return all metrics of all workers in Prometheus' text format, with its content type.

    Sums of money only on demand.
    """
    registry: CollectorRegistry = REGISTRY
    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    shown = CollectorRegistry()
    shown.register(_Shown(registry, () if money else OF_MONEY))
    return generate_latest(shown), CONTENT_TYPE_LATEST


class _Shown(Collector):
    """The metrics of a registry, but for some."""

    def __init__(self, registry: CollectorRegistry, hidden: Sequence[str]) -> None:
        self._registry = registry
        self._hidden = hidden

    def collect(self) -> Iterator[Metric]:
        """Yield each metric that is not hidden."""
        return (metric for metric in self._registry.collect() if metric.name not in self._hidden)
