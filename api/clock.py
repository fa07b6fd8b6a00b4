"""The wall clock: the only place that reads it."""

from __future__ import annotations

from datetime import UTC, datetime


def now() -> datetime:
    """Return the instant, in UTC."""
    return datetime.now(UTC)
