"""The recorder: one per process; everything that waits while a transaction commits shares the next one.

A delivery is answered only when its transaction is durable. Keys that are certainly new go straight into COPY; only
when a key may be known, or a record repeats or corrects another, does the journal itself have to be asked.

While one large group commits, the rows of the next are already sent, on a connection of their own and with the numbers
they will have. It commits in its turn, and only if the journal is then exactly where it was expected to be; otherwise
it is undone and recorded as if it had not gone ahead.

The recorder may live in a thread and event loop of its own: then speaking with clients does not keep the database
waiting, nor the other way round.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable

import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.background_tasks import end
from meter.database.errors import JournalUnavailable
from meter.intake.registry_view.registered import Registered
from meter.journal.keys.follower import Follower
from meter.journal.keys.key_file import KeyFileUnusable, Watermark
from meter.journal.keys.known_keys import UNDER_LOCK_RECORDS, KnownKeys
from meter.journal.prepare import prepare_again
from meter.journal.write.delivery import Delivery
from meter.journal.write.group import Group
from meter.journal.write.lane import Lane
from meter.journal.write.learned import Learned, ReadRegistry
from meter.journal.write.receipt import Receipt
from meter.journal.write.transaction import Ahead, Clock, HeadMoved, JournalTransaction, transaction_on
from meter.journal.write.under_way import UnderWay
from meter.journal.write.waiting import Overloaded, Waiting, answer

GROUP_DELIVERIES = 256
GROUP_RECORDS = 40_000
LANES = 2  # groups under way at once
AHEAD_RECORDS = 5_000  # a smaller group waits its turn and grows meanwhile
AHEAD_AGAIN_GROUPS = 64  # others record too when the head moved: so many groups wait before one tries again
QUEUE_RECORDS = 400_000  # beyond this a client is told to come back: memory stays bounded
ATTEMPTS_ON_STALE_REGISTRY = 5

Recorded = Callable[[int, int, bytes, npt.NDArray[np.void]], None]
"""Called with the batches first..last, the chain's digest at the last, and all rows (WIRE) that they added; only for
those that took nothing back."""


class _Stale(Exception):
    """The registry has moved on since a delivery was checked against it."""

    def __init__(self, registry_batch: int) -> None:
        self.registry_batch = registry_batch


class Recorder:
    """Records deliveries in groups.

    It lives in the event loop that it is made in, and `engine` belongs to that; `record` and `know` may be called from
    another one. `observe` is given the seconds that each group took, `recorded` what each added.
    """

    def __init__(
        self,
        engine: AsyncEngine,
        read_registry: ReadRegistry,
        algorithm: str,
        clock: Clock,
        keys: KnownKeys,
        observe: Callable[[float], None],
        recorded: Recorded,
    ) -> None:
        self.keys = keys
        self._learned = Learned(engine, read_registry)
        self._algorithm = algorithm
        self._clock = clock
        self._observe = observe
        self._recorded = recorded
        self._loop = asyncio.get_running_loop()
        self._alone = threading.Lock()  # over what callers touch: the next two
        self._arrived: list[Waiting] = []
        self._queued_records = 0
        self._queue: asyncio.Queue[Waiting] = asyncio.Queue()
        self._lanes: asyncio.Queue[Lane] = asyncio.Queue()
        for _ in range(LANES):
            self._lanes.put_nowait(Lane(engine))
        self._waiting_again = 0  # groups that are still to wait their turn since the head moved under one
        self._follower = Follower(engine, keys, self._learned.watch)
        self._stopping = asyncio.Event()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Recorder]:
        """Record for as long as the block lasts; what waits at its end is still recorded."""
        tasks = [
            asyncio.create_task(self._run(), name="recorder"),
            asyncio.create_task(self._follower.run(self._stopping), name="key file"),
        ]
        try:
            yield self
        finally:
            self._take()
            await self._queue.join()
            self._stopping.set()
            tasks[0].cancel()  # it waits for deliveries, and none will come
            await end(tasks)
            while not self._lanes.empty():
                await self._lanes.get_nowait().let_go()
            with contextlib.suppress(JournalUnavailable):
                await self._follower.save()
            self.keys.close()

    @property
    def registered(self) -> Registered:
        """What this process knows of the registry."""
        return self._learned.registered

    async def record(self, delivery: Delivery) -> Receipt:
        """Record a delivery and wait until that is durable.

        Raises JournalUnavailable or Overloaded; then nothing was acknowledged, and sending it again is safe.
        """
        size = delivery.received.received
        loop = asyncio.get_running_loop()
        waiting = Waiting(delivery, loop.create_future())
        with self._alone:
            if self._queued_records and self._queued_records + size > QUEUE_RECORDS:
                raise Overloaded("too many records are waiting to be recorded")
            self._queued_records += size
            self._arrived.append(waiting)
            first = len(self._arrived) == 1
        if loop is self._loop:
            self._take()
        elif first:  # whatever else arrives in this turn of the callers' loop goes with it
            loop.call_soon(self._loop.call_soon_threadsafe, self._take)
        # a client that goes away does not undo what is being recorded for it
        return await asyncio.shield(waiting.answer)

    def _take(self) -> None:
        """Take in what has arrived."""
        with self._alone:
            arrived, self._arrived = self._arrived, []
        for waiting in arrived:
            self._queue.put_nowait(waiting)

    async def _gather(self, callers: asyncio.AbstractEventLoop) -> None:
        """Wait for a turn of the callers' loop: what it has received by now arrives, and shares the next commit."""
        if callers is not self._loop:
            turned = asyncio.Event()
            with contextlib.suppress(RuntimeError):  # that loop has ended
                callers.call_soon_threadsafe(callers.call_soon, self._loop.call_soon_threadsafe, turned.set)
                await turned.wait()

    async def _run(self) -> None:
        before = UnderWay()
        before.end()
        recording: set[asyncio.Task[None]] = set()
        while True:
            group = [await self._queue.get()]
            await before.head_known.wait()
            records = self._more(group)
            if records < AHEAD_RECORDS or before.ahead is None or self._waiting_again:
                await before.ended.wait()
                await self._gather(group[0].answer.get_loop())
                records = self._more(group)
            self._waiting_again = max(0, self._waiting_again - 1)
            lane = await self._lanes.get()
            mine = UnderWay()
            task = asyncio.create_task(self._record_and_answer(group, records, lane, before, mine))
            recording.add(task)
            task.add_done_callback(recording.discard)
            before = mine

    def _more(self, group: list[Waiting]) -> int:
        """Take into the group what waits, as far as it has room; how many records it has then."""
        records = sum(waiting.delivery.received.received for waiting in group)
        while len(group) < GROUP_DELIVERIES and records < GROUP_RECORDS and not self._queue.empty():
            group.append(self._queue.get_nowait())
            records += group[-1].delivery.received.received
        return records

    async def _record_and_answer(
        self, group: list[Waiting], records: int, lane: Lane, before: UnderWay, mine: UnderWay
    ) -> None:
        try:
            await self._answer(group, lane, before, mine)
        finally:
            mine.end()
            self._lanes.put_nowait(lane)
            with self._alone:
                self._queued_records -= records
            for _ in group:
                self._queue.task_done()

    async def _answer(self, group: list[Waiting], lane: Lane, before: UnderWay, mine: UnderWay) -> None:
        started = asyncio.get_running_loop().time()
        try:
            receipts = await self._record_group([waiting.delivery for waiting in group], lane, before, mine)
        except JournalUnavailable as error:
            answer(group, [error] * len(group))
        except Exception as error:
            if len(group) == 1:
                answer(group, [error])
            else:
                for waiting in group:
                    await self._answer([waiting], lane, before, UnderWay())
        else:
            self._observe(asyncio.get_running_loop().time() - started)
            answer(group, receipts)

    async def _record_group(
        self, deliveries: list[Delivery], lane: Lane, before: UnderWay, mine: UnderWay
    ) -> list[Receipt]:
        try:
            if not before.ended.is_set() and before.ahead is not None:
                try:
                    receipts = await self._record_ahead(deliveries, lane, before.ahead, before.generation, mine)
                except HeadMoved:
                    self._waiting_again = AHEAD_AGAIN_GROUPS
                else:
                    if receipts is not None:
                        return receipts
            await before.ended.wait()
            for _ in range(ATTEMPTS_ON_STALE_REGISTRY):
                try:
                    return await self._record_once(deliveries, lane, mine)
                except _Stale as stale:
                    await self.know(stale.registry_batch)
                    known = self.registered
                    for delivery in deliveries:
                        if delivery.version < known.version:
                            await asyncio.to_thread(prepare_again, delivery, known)
        except KeyFileUnusable as error:
            raise JournalUnavailable(str(error)) from error
        raise JournalUnavailable("the registry is changing faster than records can be checked against it")

    async def know(self, registry_batch: int) -> None:
        """Bring what this process knows of the registry up to a registry batch."""
        if asyncio.get_running_loop() is not self._loop:
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self.know(registry_batch), self._loop))
            return
        await self._learned.know(registry_batch)

    async def _record_ahead(
        self, deliveries: list[Delivery], lane: Lane, ahead: Ahead, generation: bytes, mine: UnderWay
    ) -> list[Receipt] | None:
        """Record before the turn of this group has come; None when it cannot go ahead. Raises HeadMoved."""
        if any(delivery.version < ahead.head.registry_batch for delivery in deliveries):
            return None
        group = await Group.of(deliveries, self.keys, self._algorithm)
        async with lane.connection() as connection:
            await group.look(connection)
            if not group.can_go_ahead(generation):
                return None
            async with transaction_on(connection, self._algorithm, self._clock, ahead) as journal:
                receipts = await group.record_ahead(journal, mine.on_head_known)
                self._learned.must_be_current(connection, deliveries)
            self._committed(group, journal, mine)
        return receipts

    def _committed(self, group: Group, journal: JournalTransaction, mine: UnderWay) -> None:
        head = journal.head
        named = {code: number for code, number in group.named.items() if number not in journal.numbers_not_kept}
        self._learned.recorded(journal.connection, head, named)
        mine.end()
        if group.whole_from is not None:
            self._recorded(group.whole_from, head.batch, head.digest, group.rows.wire)

    async def _record_once(self, deliveries: list[Delivery], lane: Lane, mine: UnderWay) -> list[Receipt]:
        if not self._follower.caught_up:
            raise JournalUnavailable("the key file is being brought up to the journal")
        group = await Group.of(deliveries, self.keys, self._algorithm)
        async with lane.connection() as connection:
            await group.look(connection)
            async with transaction_on(connection, self._algorithm, self._clock) as journal:
                head = Watermark(journal.head.batch, journal.head.digest)
                await self._learned.must_hold(connection, head, deliveries)
                if any(delivery.version < journal.head.registry_batch for delivery in deliveries):
                    raise _Stale(journal.head.registry_batch)
                if not self.keys.covers(head) and await self.keys.follow(connection, UNDER_LOCK_RECORDS):
                    self._follower.caught_up = False
                    raise JournalUnavailable("the key file is being brought up to the journal")
                receipts = await group.record(journal, mine.on_head_known)
            self._committed(group, journal, mine)
        return receipts
