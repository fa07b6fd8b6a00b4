"""The recorder: one per process; everything that waits while a transaction commits shares the next one.

A delivery is answered only when its transaction is durable. Keys that are certainly new go straight into COPY; only
when a key may be known, or a record repeats or corrects another, does the journal itself have to be asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from meter.intake.registered import Registered
from meter.journal import store
from meter.journal.delivery import Delivery, Receipt
from meter.journal.ending import end, pause
from meter.journal.group import Group
from meter.journal.key_file import Coverage, KeyFileUnusable
from meter.journal.known_keys import UNDER_LOCK_RECORDS, KnownKeys
from meter.journal.transaction import Clock, JournalUnavailable, reaching_database, transaction_on

GROUP_DELIVERIES = 256
GROUP_RECORDS = 40_000
QUEUE_RECORDS = 400_000  # beyond this a client is told to come back: memory stays bounded
ATTEMPTS_ON_STALE_REGISTRY = 5
WRITE_BUFFER_BYTES = 16 * 1024 * 1024
FOLLOW_SECONDS = 0.25
SAVE_SECONDS = 300
LOG = logging.getLogger("suanbu.journal")


class Overloaded(RuntimeError):
    """More is waiting to be recorded than may wait; nothing of this delivery was recorded."""


class _Stale(Exception):
    """The registry has moved on since a delivery was checked against it."""

    def __init__(self, registry_batch: int) -> None:
        self.registry_batch = registry_batch


@dataclass
class _Waiting:
    delivery: Delivery
    answer: asyncio.Future[Receipt]


class Recorder:
    """Records deliveries in groups; `refresh` loads what the registry knows as of a registry batch.

    Without `keys` it keeps a key file of its own for as long as it lives.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        refresh: Callable[[int], Awaitable[Registered]],
        registered: Registered,
        algorithm: str,
        clock: Clock,
        observe: Callable[[list[Delivery], float], None],
        keys: KnownKeys | None = None,
    ) -> None:
        self.registered = registered
        self.keys = keys or KnownKeys.of(None, "")
        self._engine = engine
        self._refresh = refresh
        self._algorithm = algorithm
        self._clock = clock
        self._observe = observe
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._queued_records = 0
        self._held: AsyncConnection | None = None
        self._driver: asyncpg.Connection | None = None
        self._caught_up = False
        self._stopping = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Recorder]:
        """Record for as long as the block lasts; what waits at its end is still recorded."""
        tasks = [
            asyncio.create_task(self._run(), name="recorder"),
            asyncio.create_task(self._keep_up(), name="key file"),
        ]
        try:
            yield self
        finally:
            await self._queue.join()
            self._stopping.set()
            tasks[0].cancel()  # it waits for deliveries, and none will come
            await end(tasks)
            await self._let_go()
            with contextlib.suppress(JournalUnavailable):
                await self._save()
            self.keys.close()

    async def record(self, delivery: Delivery) -> Receipt:
        """Record a delivery and wait until that is durable.

        Raises JournalUnavailable or Overloaded; then nothing was acknowledged, and sending it again is safe.
        """
        size = delivery.received.received
        if self._queued_records and self._queued_records + size > QUEUE_RECORDS:
            raise Overloaded("too many records are waiting to be recorded")
        waiting = _Waiting(delivery, asyncio.get_running_loop().create_future())
        self._queued_records += size
        self._queue.put_nowait(waiting)
        # a client that goes away does not undo what is being recorded for it
        return await asyncio.shield(waiting.answer)

    async def _run(self) -> None:
        while True:
            group = [await self._queue.get()]
            records = group[0].delivery.received.received
            while len(group) < GROUP_DELIVERIES and records < GROUP_RECORDS and not self._queue.empty():
                group.append(self._queue.get_nowait())
                records += group[-1].delivery.received.received
            try:
                await self._answer(group)
            finally:
                self._queued_records -= records
                for _ in group:
                    self._queue.task_done()

    async def _answer(self, group: list[_Waiting]) -> None:
        started = asyncio.get_running_loop().time()
        try:
            receipts = await self._record_group([waiting.delivery for waiting in group])
        except JournalUnavailable as error:
            for waiting in group:
                _fail(waiting, error)
        except Exception as error:
            if len(group) == 1:
                _fail(group[0], error)
            else:
                for waiting in group:
                    await self._answer([waiting])
        else:
            self._observe([waiting.delivery for waiting in group], asyncio.get_running_loop().time() - started)
            for waiting, receipt in zip(group, receipts, strict=True):
                if not waiting.answer.done():
                    waiting.answer.set_result(receipt)

    async def _record_group(self, deliveries: list[Delivery]) -> list[Receipt]:
        for _ in range(ATTEMPTS_ON_STALE_REGISTRY):
            try:
                return await self._record_once(deliveries)
            except _Stale as stale:
                await self.know(stale.registry_batch)
                for delivery in deliveries:
                    if delivery.version < self.registered.version:
                        await asyncio.to_thread(delivery.check_again, self.registered)
            except KeyFileUnusable as error:
                raise JournalUnavailable(str(error)) from error
        raise JournalUnavailable("the registry is changing faster than records can be checked against it")

    async def know(self, registry_batch: int) -> None:
        """Bring what this process knows of the registry up to a registry batch."""
        if self.registered.version < registry_batch:
            self.registered = await self._refresh(registry_batch)

    async def _record_once(self, deliveries: list[Delivery]) -> list[Receipt]:
        if not self._caught_up:
            raise JournalUnavailable("the key file is being brought up to the journal")
        group = Group(deliveries, self.keys, self._algorithm)
        async with self._connection() as connection:
            await group.look(connection)
            async with transaction_on(connection, self._algorithm, self._clock) as journal:
                if any(delivery.version < journal.head.registry_batch for delivery in deliveries):
                    raise _Stale(journal.head.registry_batch)
                head = Coverage(journal.head.batch, journal.head.digest)
                if not self.keys.covers(head) and await self.keys.follow(connection, UNDER_LOCK_RECORDS):
                    self._caught_up = False
                    raise JournalUnavailable("the key file is being brought up to the journal")
                receipts = await group.record(journal)
        kept = {code: number for code, number in group.named.items() if number not in journal.numbers_not_kept}
        if kept:
            self.registered = self.registered.extended(
                self.registered.version, party_codes=list(kept), party_numbers=list(kept.values())
            )
        return receipts

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        """The recorder's own connection, made anew after anything went wrong with it."""
        async with reaching_database():
            if self._driver is None or self._driver.is_closed():
                await self._let_go()
                self._held = await self._engine.connect()
                driver: Any = (await self._held.get_raw_connection()).driver_connection
                # a group goes out as fast as the server takes it, without asking this thread for every piece
                driver._transport.set_write_buffer_limits(high=WRITE_BUFFER_BYTES)
                self._driver = driver
            assert self._driver is not None
            yield self._driver

    async def _let_go(self) -> None:
        held, self._held, self._driver = self._held, None, None
        if held is not None:
            with contextlib.suppress(Exception):
                await held.close()

    async def _keep_up(self) -> None:
        """Follow what others record, and bring the key file to the disk now and then."""
        loop = asyncio.get_running_loop()
        saved = loop.time()
        while not self._stopping.is_set():
            try:
                async with reaching_database(), self._engine.connect() as held:
                    connection = (await held.get_raw_connection()).driver_connection
                    await self.keys.follow(connection)
                    self._caught_up = True
                    await store.summarize(connection)
                if loop.time() - saved > SAVE_SECONDS:
                    await self._save()
                    saved = loop.time()
            except (JournalUnavailable, KeyFileUnusable) as error:
                LOG.warning("the key file cannot follow the journal now: %s", error)
            except Exception:
                LOG.exception("the key file cannot follow the journal now")
            await pause(self._stopping, FOLLOW_SECONDS)

    async def _save(self) -> None:
        async with reaching_database(), self._engine.connect() as held:
            await self.keys.save((await held.get_raw_connection()).driver_connection)


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
