"""Reading bodies: within the limits of one body, and of all bodies that one process holds at once.

A client that sends slowly holds no more than what it has sent so far; it never occupies a place that others wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import Request

from api.problem import Problem
from meter.intake.limits import BODY_BYTES

HELD_BYTES = 6 * BODY_BYTES  # by all bodies together, from their first byte until they are answered
SMALL_BYTES = 256 * 1024  # a body within this is read even when others hold all that may be held
READ_SECONDS = 30
LOOK_SECONDS = 0.02
CLOSE = {"Connection": "close"}


class Reading:
    """What the bodies of one process hold together."""

    def __init__(self) -> None:
        self.held_bytes = 0

    @contextlib.asynccontextmanager
    async def body(self, request: Request) -> AsyncIterator[bytes]:
        """The body of a request, which counts as held until the block ends.

        Raises Problem 408 (too slow), 413 (too large), 503 (too many large bodies at once).
        """
        chunks: list[bytes] = []
        size = 0
        waiting = False
        try:
            try:
                async with asyncio.timeout(READ_SECONDS):
                    async for chunk in request.stream():
                        if size + len(chunk) > BODY_BYTES:
                            raise Problem(413, "body_too_large", f"at most {BODY_BYTES} bytes", CLOSE)
                        while size + len(chunk) > SMALL_BYTES and self._full(size, len(chunk)):
                            waiting = True
                            await asyncio.sleep(LOOK_SECONDS)
                        waiting = False
                        chunks.append(chunk)
                        size += len(chunk)
                        self.held_bytes += len(chunk)
            except TimeoutError:
                if waiting:
                    raise Problem(503, "overloaded", "too many large requests at once", CLOSE) from None
                raise Problem(408, "body_too_slow", "the body did not arrive in time", CLOSE) from None
            whole = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.clear()
            yield whole
        finally:
            self.held_bytes -= size

    def _full(self, own_bytes: int, more_bytes: int) -> bool:
        """Whether there is no room for more, others holding the rest."""
        return self.held_bytes > own_bytes and self.held_bytes + more_bytes > HELD_BYTES


READING = Reading()
"""Of this process: its memory is what is shared."""
