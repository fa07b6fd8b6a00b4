"""The few places for large bodies, which are held while one is unpacked, checked and recorded."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from api.http import metrics
from api.http.problem import Problem

AT_ONCE = 3  # each may hold 32 MiB while it is read and checked
WAIT_SECONDS = 20


def slow_down(detail: str) -> Problem:
    """Return the answer that asks a client to come back."""
    metrics.OVERLOADED.inc()
    return Problem(503, "overloaded", detail, {"Retry-After": "1"})


class LargeBodies:
    """The places of one process."""

    def __init__(self) -> None:
        self._places = asyncio.Semaphore(AT_ONCE)

    @property
    def full(self) -> bool:
        """Whether nobody else can have a place now."""
        return self._places.locked()

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Hold one of the places until the block ends. Raises Problem 503 when none is free in time."""
        try:
            await asyncio.wait_for(self._places.acquire(), WAIT_SECONDS)
        except TimeoutError:
            raise slow_down("too many large requests at once") from None
        try:
            yield
        finally:
            self._places.release()
