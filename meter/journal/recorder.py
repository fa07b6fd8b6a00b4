"""The recorder: one per process; everything that waits while a transaction commits shares the next one.

A delivery is answered only when its transaction is durable. Straight COPY is tried first; only when a key is already
known, or the delivery repeats or corrects something, are the keys looked up and each record decided on its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import numpy as np
import numpy.typing as npt
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.intake.registered import Registered
from meter.journal import store
from meter.journal.chain import digest_of
from meter.journal.decide import (
    ACCEPTED,
    CONFLICT,
    DUPLICATE,
    REFUSED,
    Decision,
    Known,
    decide,
    is_plain,
    keys_in_question,
)
from meter.journal.delivery import Delivery, Receipt, candidates, unknown_consumers
from meter.journal.row import VOID, to_wire
from meter.journal.transaction import Clock, JournalTransaction, JournalUnavailable, journal_transaction

GROUP_DELIVERIES = 64
GROUP_RECORDS = 20_000
QUEUE_RECORDS = 400_000  # beyond this a client is told to come back: memory stays bounded
ATTEMPTS_ON_STALE_REGISTRY = 5
STATUS_WORDS = {ACCEPTED: "accepted", DUPLICATE: "duplicate", CONFLICT: "conflict", REFUSED: "refused"}


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
    """Records deliveries in groups; `refresh` loads what the registry knows as of a registry batch."""

    def __init__(
        self,
        engine: AsyncEngine,
        refresh: Callable[[int], Awaitable[Registered]],
        registered: Registered,
        algorithm: str,
        clock: Clock,
        observe: Callable[[list[Delivery], float], None],
    ) -> None:
        self.registered = registered
        self._engine = engine
        self._refresh = refresh
        self._algorithm = algorithm
        self._clock = clock
        self._observe = observe
        self._queue: asyncio.Queue[_Waiting] = asyncio.Queue()
        self._queued_records = 0
        self._repeating: set[int] = set()  # sources whose last delivery repeated something: look first
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        """Record for as long as the block lasts; what waits at its end is still recorded."""
        self._task = asyncio.create_task(self._run(), name="recorder")
        try:
            yield self
        finally:
            await self._queue.join()
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

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
                        delivery.received = await asyncio.to_thread(delivery.receive_again, self.registered)
                        delivery.version = self.registered.version
        raise JournalUnavailable("the registry is changing faster than records can be checked against it")

    async def know(self, registry_batch: int) -> None:
        """Bring what this process knows of the registry up to a registry batch."""
        if self.registered.version < registry_batch:
            self.registered = await self._refresh(registry_batch)

    async def _record_once(self, deliveries: list[Delivery]) -> list[Receipt]:
        async with journal_transaction(self._engine, self._algorithm, self._clock) as journal:
            if any(delivery.version < journal.head.registry_batch for delivery in deliveries):
                raise _Stale(journal.head.registry_batch)
            numbers = await journal.number(
                "party", "uscc", {code for delivery in deliveries for code in unknown_consumers(delivery.received)}
            )
            parts = [_numbered(delivery, numbers) for delivery in deliveries]
            group = _Group(deliveries, parts, self._algorithm)
            receipts = await group.record(journal, look_first=not self._repeating.isdisjoint(group.sources))
        for delivery, receipt in zip(deliveries, receipts, strict=True):
            repeats = receipt.duplicate + receipt.conflict
            (self._repeating.add if repeats else self._repeating.discard)(delivery.source[0])
        kept = {code: number for code, number in numbers.items() if number not in journal.numbers_not_kept}
        if kept:
            self.registered = self.registered.extended(
                self.registered.version, party_codes=list(kept), party_numbers=list(kept.values())
            )
        return receipts


class _Group:
    """The deliveries of one transaction, decided together in their order of arrival."""

    def __init__(self, deliveries: list[Delivery], parts: list[npt.NDArray[np.void]], algorithm: str) -> None:
        self.deliveries = deliveries
        self.entries = np.concatenate(parts)
        ends = np.cumsum([len(part) for part in parts])
        self.spans = list(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True))
        self.sources = {delivery.source[0] for delivery in deliveries}
        self.algorithm = algorithm

    async def record(self, journal: JournalTransaction, look_first: bool) -> list[Receipt]:
        """Write everything that is to be written; the receipts in the order of the deliveries."""
        known = Known.nothing()
        if look_first or not is_plain(self.entries):
            known = await store.lookup(journal.connection, keys_in_question(self.entries))
        head = journal.head
        decision = decide(self.entries, known)
        quarantined = await self._quarantine(journal, decision)
        batches, wire = self._number(decision, quarantined, head.batch)
        savepoint = journal.connection.transaction()
        await savepoint.start()
        try:
            await store.append_entries(journal.connection, wire)
        except asyncpg.UniqueViolationError:
            await savepoint.rollback()
            known = await store.lookup(journal.connection, keys_in_question(self.entries))
            decision = decide(self.entries, known)
            quarantined = await self._quarantine(journal, decision)
            batches, wire = self._number(decision, quarantined, head.batch)
            await store.append_entries(journal.connection, wire)
        else:
            await savepoint.commit()
        return await self._write(journal, decision, quarantined, batches, wire)

    def _number(
        self, decision: Decision, quarantined: list[list[tuple[Any, ...]]], last: int
    ) -> tuple[list[int | None], npt.NDArray[np.void]]:
        """The batch number of each delivery that has something to write, and the rows to write (WIRE)."""
        accepted = decision.status == ACCEPTED
        numbers: list[int | None] = []
        for (start, end), kept in zip(self.spans, quarantined, strict=True):
            if accepted[start:end].any() or kept:
                last += 1
                numbers.append(last)
                self.entries["batch"][start:end] = last
            else:
                numbers.append(None)
        return numbers, to_wire(self.entries[accepted]) if not accepted.all() else to_wire(self.entries)

    async def _quarantine(self, journal: JournalTransaction, decision: Decision) -> list[list[tuple[Any, ...]]]:
        """For each delivery what is to be kept for a person and is not kept yet: rows lacking their batch."""
        rows = [
            [*self._refused_rows(number), *self._decided_rows(number, decision)]
            for number in range(len(self.deliveries))
        ]
        everything = [row[_DIGEST] for part in rows for row in part]
        seen = set(await store.known_quarantine(journal.connection, everything)) if everything else set()
        fresh: list[list[tuple[Any, ...]]] = []
        for part in rows:
            kept = []
            for row in part:
                if row[_DIGEST] not in seen:
                    seen.add(row[_DIGEST])
                    kept.append(row)
            fresh.append(kept)
        return fresh

    def _refused_rows(self, number: int) -> list[tuple[Any, ...]]:
        delivery = self.deliveries[number]
        if delivery.kind == "replay":
            return []  # it is in quarantine already
        return [
            _quarantine_row(delivery, refusal.index, refusal.id, "refused", str(refusal.code), refusal.detail,
                            refusal.verbatim)
            for refusal in delivery.received.refused
        ]  # fmt: skip

    def _decided_rows(self, number: int, decision: Decision) -> list[tuple[Any, ...]]:
        delivery = self.deliveries[number]
        start, end = self.spans[number]
        rows = []
        for position in sorted(decision.codes):
            if not start <= position < end or (delivery.kind == "replay" and decision.status[position] == REFUSED):
                continue
            row = position - start
            record = delivery.received.records[row]
            index = int(record["index"])
            conflict = decision.status[position] == CONFLICT
            timed = conflict and record["action"] != VOID
            rows.append(
                _quarantine_row(
                    delivery, index, delivery.received.ids([row])[0], STATUS_WORDS[int(decision.status[position])],
                    decision.codes[position], decision.details[position], delivery.received.verbatim(index),
                    against=UUID(bytes=record["key"].tobytes()) if conflict else None,
                    consumer=record["consumer_code"].tobytes().decode() if timed else None,
                    started_at=datetime.fromtimestamp(int(record["started"]), UTC) if timed else None,
                    ended_at=datetime.fromtimestamp(int(record["ended"]), UTC) if timed else None,
                )
            )  # fmt: skip
        return rows

    async def _write(
        self,
        journal: JournalTransaction,
        decision: Decision,
        quarantined: list[list[tuple[Any, ...]]],
        batches: list[int | None],
        wire: npt.NDArray[np.void],
    ) -> list[Receipt]:
        receipts = [self._receipt(number, decision) for number in range(len(self.deliveries))]
        digests = await asyncio.to_thread(self._row_digests, batches, wire)
        for receipt, delivery, batch, kept in zip(receipts, self.deliveries, batches, quarantined, strict=True):
            if batch is None:
                continue
            contents = {"body": delivery.body_digest, "rows": digests[batch]}
            if kept:
                contents["quarantine"] = digest_of(self.algorithm, *(row[_DIGEST] for row in kept))
            recorded = journal.append(
                kind=delivery.kind,
                source=delivery.source,
                counts=receipt.counts,
                key_name=delivery.key_name,
                contents=contents,
                body=(delivery.content_type, "zstd", delivery.body),
                changes_registry=False,
            )
            assert recorded.batch == batch
            receipt.batch, receipt.digest = batch, f"{self.algorithm}:{recorded.digest.hex()}"
        await journal.flush()
        kept_rows = [(b, *row) for b, part in zip(batches, quarantined, strict=True) if b is not None for row in part]
        await store.append_quarantine(journal.connection, kept_rows)
        await store.append_reversals(
            journal.connection,
            (
                (int(self.entries["batch"][position]), int(self.entries["ordinal"][position]), original)
                for position, original in sorted(decision.reversals.items())
            ),
        )
        releases = [
            one
            for number, batch in enumerate(batches)
            if self.deliveries[number].releases
            for one in self._releases(number, decision, batch)
        ]
        await journal.copy("quarantine_release", ("quarantine", "batch"), releases)
        await self._point_repeats(journal, decision, receipts)
        return receipts

    def _row_digests(self, batches: list[int | None], wire: npt.NDArray[np.void]) -> dict[int, str]:
        numbers = wire["batch"].astype(np.int64)
        found = {}
        for batch in batches:
            if batch is not None:
                first, last = np.searchsorted(numbers, (batch, batch + 1))
                found[batch] = digest_of(
                    self.algorithm, memoryview(wire[first:last]).cast("B") if last > first else b""
                )
        return found

    def _releases(self, number: int, decision: Decision, batch: int | None) -> Iterator[tuple[int, int]]:
        """(quarantine number, batch) of what a replay has recorded now or found recorded: it waits for nobody."""
        delivery = self.deliveries[number]
        start, end = self.spans[number]
        for position in range(start, end):
            stands_in = {ACCEPTED: batch, DUPLICATE: decision.recorded_in.get(position) or batch}
            recorded = stands_in.get(int(decision.status[position]))
            index = int(delivery.received.records["index"][position - start])
            if recorded is not None and index in delivery.releases:
                yield delivery.releases[index], recorded

    def _receipt(self, number: int, decision: Decision) -> Receipt:
        delivery = self.deliveries[number]
        start, end = self.spans[number]
        status = decision.status[start:end]
        counts = np.bincount(status, minlength=4)
        results = [
            {"index": refusal.index, "id": refusal.id, "status": "refused", "code": str(refusal.code),
             "detail": refusal.detail}
            for refusal in delivery.received.refused
        ]  # fmt: skip
        others = np.flatnonzero(status)
        names = delivery.received.ids(others.tolist())
        for row, name in zip(others.tolist(), names, strict=True):
            position = start + row
            result: dict[str, Any] = {
                "index": int(delivery.received.records["index"][row]),
                "id": name,
                "status": STATUS_WORDS[int(status[row])],
            }
            if position in decision.codes:
                result |= {"code": decision.codes[position], "detail": decision.details[position]}
            results.append(result)
        results.sort(key=_index)
        return Receipt(
            received=delivery.received.received,
            accepted=int(counts[ACCEPTED]),
            duplicate=int(counts[DUPLICATE]),
            conflict=int(counts[CONFLICT]),
            refused=int(counts[REFUSED]) + len(delivery.received.refused),
            results=results,
            accepted_rows=np.flatnonzero(status == ACCEPTED),
            delivered=delivery.received,
        )

    async def _point_repeats(self, journal: JournalTransaction, decision: Decision, receipts: list[Receipt]) -> None:
        """A delivery with nothing new gets the receipt of the batch in which its records already stand."""
        for number, receipt in enumerate(receipts):
            start, end = self.spans[number]
            if receipt.batch is None and receipt.received:
                stands_in = [decision.recorded_in[p] for p in range(start, end) if decision.recorded_in.get(p)]
                if stands_in:
                    receipt.batch = max(stands_in)
                    receipt.digest = await journal.connection.fetchval(
                        "select algorithm || ':' || encode(digest, 'hex') from batch where batch = $1", receipt.batch
                    )
        if all(receipt.batch is None or not receipt.accepted for receipt in receipts):
            await _wait_for_standby(journal.connection)


async def _wait_for_standby(connection: asyncpg.Connection) -> None:
    """A confirmation that writes nothing must still wait until what it confirms has reached the standby."""
    if await connection.fetchval("select current_setting('synchronous_standby_names') <> ''"):
        await connection.execute("select pg_logical_emit_message(true, 'suanbu', 'confirm')")


_DIGEST = 7  # the place of a row's digest


def _index(result: dict[str, Any]) -> int:
    return int(result["index"])


def _quarantine_row(
    delivery: Delivery,
    index: int,
    record_id: str | None,
    status: str,
    code: str,
    detail: str,
    verbatim: bytes,
    *,
    against: UUID | None = None,
    consumer: str | None = None,
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> tuple[Any, ...]:
    """A row of `quarantine` without its batch; the digest lets the same record be kept once however often it comes."""
    state = hashlib.blake2s(f"{delivery.source[0]} {status}\n".encode())
    state.update(verbatim)
    return (
        index, delivery.source[0], record_id, status, code, detail, verbatim, state.digest(), against, consumer,
        started_at, ended_at,
    )  # fmt: skip


def _numbered(delivery: Delivery, numbers: dict[str, int]) -> npt.NDArray[np.void]:
    """The candidates of a delivery with every consumer numbered."""
    entries = candidates(delivery.received, delivery.source[0])
    for row in np.flatnonzero(entries["consumer"] == -1).tolist():
        entries["consumer"][row] = numbers[delivery.received.records["consumer_code"][row].tobytes().decode()]
    return entries


def _fail(waiting: _Waiting, error: Exception) -> None:
    if not waiting.answer.done():
        waiting.answer.set_exception(error)
