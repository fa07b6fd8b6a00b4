"""What the service and its probe expose: every series name with its labels."""

from __future__ import annotations

from prometheus_client.metrics import Counter, Gauge, Histogram

from api import probe_metrics
from api.http import metrics


def series() -> dict[str, set[str]]:
    """Series name as Prometheus stores it -> its labels."""
    found: dict[str, set[str]] = {}
    for value in (*vars(metrics).values(), *vars(probe_metrics).values()):
        if not isinstance(value, (Counter, Gauge, Histogram)):
            continue
        name, labels = value._name, set(value._labelnames)
        if isinstance(value, Counter):
            found[f"{name}_total"] = labels
        elif isinstance(value, Gauge):
            found[name] = labels
        else:
            found[f"{name}_sum"] = found[f"{name}_count"] = labels
            found[f"{name}_bucket"] = labels | {"le"}
    return found
