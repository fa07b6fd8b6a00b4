"""The kinds of jobs: in which lane each waits, and whether asking again joins a job that is there.

What is short must not wait behind a settlement of a minute. A request that is repeated finds its own job: one that
has not begun sees every fact that was recorded before the request; one that has begun is joined only where it looks at
what never changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


class Kind(NamedTuple):
    """A kind of job."""

    lane: str
    joins: str


KINDS: Final[Mapping[str, Kind]] = {
    "settle": Kind("long", "queued"),
    "verify": Kind("long", "open"),
    "lock": Kind("long", "never"),
    "findings": Kind("long", "queued"),
    "evidence": Kind("long", "never"),
    "recompute": Kind("long", "queued"),
    "compare": Kind("short", "queued"),
    "interval": Kind("short", "open"),
    "report": Kind("short", "never"),
}
