"""`Prefer: wait=N` (RFC 7240): how long a request waits for a job before it is answered with the job itself."""

from __future__ import annotations

import re
from typing import Final

from starlette.requests import Request

WAIT_SECONDS: Final = 20
WAIT_SECONDS_MAX: Final = 50  # proxies with a limit of a minute are common
APPLIED: Final = "Preference-Applied"
_WAIT = re.compile(r'wait\s*=\s*"?([0-9]{1,9})"?')


def wait_of(request: Request) -> int:
    """For how many seconds a request waits; what it prefers and is honoured is told in its answer.

    `respond-async` alone does not wait. What is no preference of ours, or cannot be read, is left alone.
    """
    seconds: int | None = None
    at_once = False
    for one in ",".join(request.headers.getlist("prefer")).split(","):
        said = one.partition(";")[0].strip().lower()
        at_once = at_once or said == "respond-async"
        if seconds is None and (found := _WAIT.fullmatch(said)):  # of two that are given, the first counts
            seconds = min(int(found.group(1)), WAIT_SECONDS_MAX)
    applied = [*(["respond-async"] if at_once else []), *([] if seconds is None else [f"wait={seconds}"])]
    if applied:
        request.state.preference_applied = ", ".join(applied)
    return (0 if at_once else WAIT_SECONDS) if seconds is None else seconds


def applied_to(request: Request) -> str | None:
    """What of the request's preferences was honoured, for its answer."""
    found: str | None = getattr(request.state, "preference_applied", None)
    return found
