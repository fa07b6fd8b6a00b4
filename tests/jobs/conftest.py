"""A queue on this module's database, in which nothing waits when a test begins."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator

import pytest_asyncio

from api.auth.keys import NewKey, create_key
from api.clock import now
from api.queue import store
from api.queue.work import SERVICE
from meter.database.connect import command_engine, driver
from meter.database.scope import acting
from tests.jobs.queue import CLERK, HEFEI, OF_HEFEI_TOO, OTHER, WUHU, Queue, queue_on


@pytest_asyncio.fixture
async def queue(database: str) -> AsyncIterator[Queue]:
    """A queue in which nothing waits, and the hands that ask."""
    engine = command_engine(database)
    proofs = {}
    try:
        for hand in (CLERK, OTHER, HEFEI, OF_HEFEI_TOO, WUHU):
            name = hand.actor.removeprefix("key:")
            key = await create_key(engine, NewKey(name, ["settlement:run"], city=hand.city), now=now())
            _, prefix, secret = key.split("_", 2)
            proofs[hand.actor] = f"key:{prefix}:{hashlib.sha256(secret.encode()).hexdigest()}"
    finally:
        await engine.dispose()
    async with queue_on(database) as made:
        made.proofs.update(proofs)
        yield made
        with acting(SERVICE):
            async with made.engine.connect() as held:
                waiting = [one.id for one in await store.list_jobs(await driver(held), limit=1000) if not one.over]
            for number in waiting:
                await made.jobs.cancel(number)
