"""What was read and is kept so that a page comes at once: of lines for good, of long sums for a while."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Final

import structlog

LOG = structlog.get_logger("suanbu")

CODES_MOST: Final = 500_000  # of all lists together
ONE_AT_LEAST: Final = 100  # what an answer without a list counts as
Key = tuple[Any, ...]


class Kept:
    """Answers by what they follow from; the ones asked for longest ago go first."""

    def __init__(self, most: int = CODES_MOST) -> None:
        self._most = most
        self._held: OrderedDict[Key, tuple[int, Any]] = OrderedDict()
        self._weight = 0

    async def get(self, key: Key, read: Callable[[], Awaitable[Any]]) -> Any:
        """Return what was read under this key, or what is read now."""
        if key in self._held:
            self._held.move_to_end(key)
            return self._held[key][1]
        found = await read()
        weight = ONE_AT_LEAST + (len(found.get("codes", ())) if isinstance(found, dict) else len(found))
        self._held[key] = (weight, found)
        self._weight += weight
        while self._weight > self._most and len(self._held) > 1:
            self._weight -= self._held.popitem(last=False)[1][0]
        return found


class Beside:
    """Figures that take long to add up: an older one is shown while a newer one is read beside the requests."""

    def __init__(self, fresh_seconds: float, patience_seconds: float) -> None:
        self._fresh_seconds = fresh_seconds
        self._patience_seconds = patience_seconds
        self._held: dict[Key, tuple[datetime, Any]] = {}
        self._reading: dict[Key, asyncio.Task[None]] = {}

    async def get(self, key: Key, read: Callable[[], Awaitable[Any]], moment: datetime) -> tuple[datetime, Any] | None:
        """Return when a figure was read and the figure; None where the first reading takes longer than a page waits."""
        found = self._held.get(key)
        if found is not None and (moment - found[0]).total_seconds() < self._fresh_seconds:
            return found
        task = self._reading.get(key)
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = self._reading[key] = asyncio.create_task(self._read(key, read, moment), name="figures")
            if found is None:  # whoever begins it waits a moment, nobody else
                await asyncio.wait({task}, timeout=self._patience_seconds)
        return self._held.get(key)

    async def _read(self, key: Key, read: Callable[[], Awaitable[Any]], moment: datetime) -> None:
        try:
            self._held[key] = (moment, await read())
        except Exception:
            LOG.warning("figures could not be added up, and will be the next time they are asked for", exc_info=True)


LINES: Final = Kept()
"""Of this process. Lines never change once their settlement stands; keys carry its digest and who may see what."""
