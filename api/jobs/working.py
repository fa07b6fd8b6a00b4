"""Workers at work: some of them on one engine and one bell, for as long as a block lasts."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence

import structlog

from api.jobs.handlers import HANDLERS
from api.queue.bell import Bell
from api.queue.worker import LEASE_SECONDS, Worker
from api.settings import Settings
from meter.database.background_tasks import end
from meter.database.connect import service_engine

LOG = structlog.get_logger("suanbu")
CONNECTIONS = 4  # of a worker: its job's, its lease's, and those of its output


@contextlib.asynccontextmanager
async def working(
    settings: Settings,
    name: str,
    lanes_of_each: Sequence[Sequence[str]],
    *,
    lease_seconds: float = LEASE_SECONDS,
    let_go: Callable[[bool], None] = lambda _: None,
) -> AsyncIterator[None]:
    """Workers in this event loop, one for each of the lists of lanes, until the block ends."""
    engine = service_engine(settings.database_url, CONNECTIONS * max(1, len(lanes_of_each)))
    bell = Bell(settings.database_url)
    stopping = asyncio.Event()
    workers = [
        Worker(engine, bell, settings, f"{name}/{place}", lanes, HANDLERS, lease_seconds=lease_seconds, let_go=let_go)
        for place, lanes in enumerate(lanes_of_each)
    ]
    try:
        async with bell.ringing():
            tasks = [asyncio.create_task(worker.run(stopping), name="worker") for worker in workers]
            for task in tasks:
                task.add_done_callback(lambda ended: stopping.is_set() or LOG.error("a worker ended", task=str(ended)))
            try:
                yield
            finally:
                stopping.set()
                await end(tasks)
    finally:
        await engine.dispose()
