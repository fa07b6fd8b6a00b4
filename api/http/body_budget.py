"""Reading bodies: within the limits of one body, and of all bodies that one process holds at once.

A client that sends slowly holds no more than what it has sent so far; it never occupies a place that others wait for.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import Request
from starlette.types import Scope

from api.http.problem import Problem
from meter.intake.limits import BODY_BYTES

HELD_BYTES = 3 * BODY_BYTES  # by all bodies together, from their first byte until they are answered
WHOLE_AT_ONCE = 2  # one is checked while the next one arrives; beyond that, what waits for room waits for them
SMALL_BYTES = 256 * 1024  # a body within this is read even when others hold all that may be held
READ_SECONDS = 30  # the client's own time
ROOM_SECONDS = 20  # the time that we let it wait for others
LOOK_SECONDS = 0.02
IDLE_SECONDS = 1.0  # who may go ahead of others and sends nothing for so long, may no longer
HELD = "suanbu.held_bytes"  # in a request's scope: what was read early
CLOSE = {"Connection": "close"}


class BodyBudget:
    """What the bodies of one process hold together."""

    def __init__(self) -> None:
        self.held_bytes = 0
        self._whole = 0  # how many of them are large and have arrived: they will be answered, and make room
        self._ahead: object | None = None
        self._ahead_seen = 0.0

    async def early(self, request: Request) -> bytes:
        """Return the body, for whoever must see it before its route does; it counts as held until `over` is told."""
        async with self.body(request) as whole:
            request._body = whole  # where Starlette keeps a body that was read, and looks for it first
            self.held_bytes += len(whole)
            self._whole += len(whole) > SMALL_BYTES
            request.scope[HELD] = len(whole)
        return whole

    def over(self, scope: Scope) -> None:
        """Note that a request has been answered: nothing of it is held any longer."""
        size = scope.pop(HELD, 0)
        self.held_bytes -= size
        self._whole -= size > SMALL_BYTES

    @contextlib.asynccontextmanager
    async def body(self, request: Request, most: int = BODY_BYTES) -> AsyncIterator[bytes]:
        """Read the body of a request, `most` bytes long, which counts as held until the block ends.

        Raises Problem 408 (too slow), 413 (too large), 503 (too many large bodies at once).
        """
        too_large = Problem(413, "body_too_large", f"at most {most} bytes", CLOSE)
        if hasattr(request, "_body"):  # it was read early, and counts already
            if len(request._body) > most:
                raise too_large
            yield request._body
            return
        chunks: list[bytes] = []
        size = 0
        waited = 0.0
        try:
            try:
                async with asyncio.timeout(READ_SECONDS) as own_time:
                    async for chunk in request.stream():
                        if size + len(chunk) > most:
                            raise too_large
                        while size + len(chunk) > SMALL_BYTES and self._full(request, size, len(chunk)):
                            if waited > ROOM_SECONDS:
                                raise Problem(503, "overloaded", "too many large requests at once", CLOSE)
                            waited += await _waited(own_time)
                        chunks.append(chunk)
                        size += len(chunk)
                        self.held_bytes += len(chunk)
            except TimeoutError:
                raise Problem(408, "body_too_slow", "the body did not arrive in time", CLOSE) from None
            self._let_others(request)
            whole = chunks[0] if len(chunks) == 1 else b"".join(chunks)
            chunks.clear()
            self._whole += size > SMALL_BYTES
            try:
                yield whole
            finally:
                self._whole -= size > SMALL_BYTES
        finally:
            self._let_others(request)
            self.held_bytes -= size

    def _full(self, who: object, own_bytes: int, more_bytes: int) -> bool:
        """Return whether there is no room for more, others holding the rest.

        Until some have arrived, one at a time is read on all the same: else bodies that are half read would wait for
        each other.
        """
        if self.held_bytes == own_bytes or self.held_bytes + more_bytes <= HELD_BYTES:
            return False
        if self._whole >= WHOLE_AT_ONCE:
            return True
        now = asyncio.get_running_loop().time()
        if self._ahead is None or now - self._ahead_seen > IDLE_SECONDS:
            self._ahead = who
        if self._ahead is who:
            self._ahead_seen = now
        return self._ahead is not who

    def _let_others(self, who: object) -> None:
        if self._ahead is who:
            self._ahead = None


async def _waited(own_time: asyncio.Timeout) -> float:
    """Wait a little, which is not to be the client's own time; how long it was."""
    loop = asyncio.get_running_loop()
    begun = loop.time()
    await asyncio.sleep(LOOK_SECONDS)
    waited = loop.time() - begun
    until = own_time.when()
    assert until is not None
    own_time.reschedule(until + waited)
    return waited


def body_budget_of(request: Request) -> BodyBudget:
    """Return the budget of this process: its memory is what is shared."""
    budget = request.app.state.body_budget
    assert isinstance(budget, BodyBudget)
    return budget
