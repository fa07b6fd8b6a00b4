"""Ending background tasks: they are asked to stop, because a database driver can hang when it is cancelled midway."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any

PATIENCE_SECONDS = 10.0
REPEAT_SECONDS = 1.0
REPEATS = 10


async def pause(stopping: asyncio.Event, seconds: float) -> bool:
    """Wait so long, or until it is time to stop; returns whether it is."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stopping.wait(), seconds)
    return stopping.is_set()


async def end(tasks: Iterable[asyncio.Task[Any]], patience_seconds: float = PATIENCE_SECONDS) -> None:
    """Wait until tasks that were asked to stop have ended; how they ended is of no interest any more.

    A task that has not ended in time is cancelled, again and again because a cancellation can be swallowed; then left.
    """
    waiting = set(tasks)
    if not waiting:
        return
    ended, waiting = await asyncio.wait(waiting, timeout=patience_seconds)
    for _ in range(REPEATS):
        for task in ended:
            if not task.cancelled():
                task.exception()
        if not waiting:
            return
        for task in waiting:
            task.cancel()
        ended, waiting = await asyncio.wait(waiting, timeout=REPEAT_SECONDS)
