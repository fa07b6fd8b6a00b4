"""The few places for large bodies, which are held while one is unpacked, checked and recorded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from api.http import metrics
from api.http.problem import Problem
from api.service import Service

WAIT_SECONDS = 20


def slow_down(detail: str) -> Problem:
    """The answer that asks a client to come back."""
    metrics.OVERLOADED.inc()
    return Problem(503, "overloaded", detail, {"Retry-After": "1"})


@contextlib.asynccontextmanager
async def place_for_large(service: Service) -> AsyncIterator[None]:
    """One of the places, for as long as the block lasts. Raises Problem 503 when none is free in time."""
    try:
        await asyncio.wait_for(service.large_bodies.acquire(), WAIT_SECONDS)
    except TimeoutError:
        raise slow_down("too many large requests at once") from None
    try:
        yield
    finally:
        service.large_bodies.release()
