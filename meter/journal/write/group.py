"""The deliveries of one transaction: decided together in their order of arrival, then written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from meter.journal import store
from meter.journal.digest_chain import digest_of
from meter.journal.keys.key_file import Watermark
from meter.journal.keys.known_keys import KnownKeys
from meter.journal.rows.encode import Rows, repeats_inside
from meter.journal.rows.layout import RECORD, WIRE, from_wire
from meter.journal.write.decide import ACCEPTED, CONFLICT, DUPLICATE, REFUSED, STATUS_WORDS, Decision, Known, decide
from meter.journal.write.delivery import Delivery, Receipt, digest_of_rows
from meter.journal.write.quarantine_rows import DIGEST, decided_rows, numbered, refused_rows
from meter.journal.write.transaction import Head, HeadMoved, JournalTransaction

Tell = Callable[[Head, bytes | None], None]
"""Told before the commit: where it will leave the journal, and the lineage of a key file that then holds all keys."""

INLINE_ROWS = 2_000  # up to here a thread costs more than it gives


class Group:
    """What one transaction records. First `look` (no lock needed), then `record` inside the transaction."""

    def __init__(self, deliveries: list[Delivery], keys: KnownKeys, algorithm: str) -> None:
        parts = [delivery.rows_for_journal() for delivery in deliveries]
        ends = np.cumsum([len(part.wire) for part in parts]).tolist()
        self.deliveries = deliveries
        self.spans = list(zip([0, *ends[:-1]], ends, strict=True))
        self.rows = parts[0] if len(parts) == 1 else _joined(parts)
        self.algorithm = algorithm
        self.named: dict[str, int] = {}
        """Consumers named for this group, with their numbers."""
        self._keys = keys
        self._known = Known.nothing()
        self._looked: list[Watermark] = []
        """What the key file covered while we looked."""
        self._generation: bytes | None = None
        """The key file's, if it was one and the same while we looked."""
        self._found = (np.empty(0, np.int64), np.empty((0, 2), np.int64))
        """Rows that the key file knows perhaps, and the batches it names for each."""
        self._resolved = np.empty(
            0, np.int64
        )  # rows whose entry was found before the lock was taken: it stands for ever
        self._kept_in: list[dict[bytes, int]] = [{} for _ in deliveries]
        """For each delivery: digest -> batch of what it brings again for a person (0: kept by this very group)."""
        self.entries: npt.NDArray[np.void] | None = None  # the rows once more as ENTRY, for the careful path only
        self.whole_from: int | None = None
        """The first batch, when all rows were accepted and correct nothing: then they are all that the batches add."""

    @classmethod
    async def of(cls, deliveries: list[Delivery], keys: KnownKeys, algorithm: str) -> Group:
        """A group; a large one is put together in a thread."""
        if sum(delivery.received.received for delivery in deliveries) <= INLINE_ROWS:
            return cls(deliveries, keys, algorithm)
        return await asyncio.to_thread(cls, deliveries, keys, algorithm)

    async def look(self, connection: Any) -> None:
        """Look up what may be known already, before the lock is taken."""
        asked = self._asked()
        covered, generation = self._keys.file.watermarks(), self._keys.file.generation
        rows, spans = self._found = await self._find(asked)
        self._generation = generation if self._keys.file.generation == generation else None
        after = self._keys.file.watermarks()
        self._looked = [coverage for coverage in covered if coverage in after]
        if len(rows):
            self._known = Known(await store.entries_at(connection, asked[rows], spans))
            found = set(self._known.entries["key"].tolist())
            self._resolved = rows[[key.tobytes() in found for key in asked[rows]]]

    def can_go_ahead(self, generation: bytes) -> bool:
        """Whether all is certainly new, seen from a key file (of `lineage`) with the keys of who comes before."""
        return (
            self._generation == generation
            and not len(self._found[0])
            and not self.rows.corrections
            and not self.rows.nameless
            and not any(delivery.releases or delivery.received.refused for delivery in self.deliveries)
            and not repeats_inside(self.rows.keys)
        )

    async def record_ahead(self, journal: JournalTransaction, tell: Tell) -> list[Receipt]:
        """`record` of a group that can go ahead: its rows are sent before its turn. Raises Outrun."""
        before = Watermark(journal.head.batch, journal.head.digest)
        nothing: list[list[tuple[Any, ...]]] = [[] for _ in self.deliveries]
        decision = Decision(np.zeros(len(self.rows.wire), np.int8))
        batches = self._number(decision, nothing, journal.head.batch)
        receipts = [self._receipt(number, decision) for number in range(len(self.deliveries))]
        numbers = self.rows.wire["batch"].astype(np.int64)

        async def chain() -> bytes:
            await self._append_batches(journal, receipts, batches, nothing, decision.status == ACCEPTED)
            generation = await asyncio.to_thread(self._keys.note_ahead, self.rows.keys, numbers)
            tell(journal.head, generation if generation == self._generation else None)
            return generation

        chaining = asyncio.create_task(chain())
        try:
            await store.append_entries(journal.connection, self.rows.wire)
        finally:
            generation = await chaining
        await journal.take_turn()
        after = Watermark(journal.head.batch, journal.head.digest)
        if generation != self._generation or not self._keys.cover_ahead(generation, before, after):
            raise HeadMoved  # the key file was thrown away meanwhile
        await self._write_rest(journal, decision, nothing, batches, receipts)
        self.whole_from = before.batch + 1
        return receipts

    async def record(self, journal: JournalTransaction, tell: Tell) -> list[Receipt]:
        """Write everything that is to be written; the receipts in the order of the deliveries."""
        before = Watermark(journal.head.batch, journal.head.digest)
        await self._name_consumers(journal)
        decision = await self._decide(journal, before)
        quarantined = await self._quarantine(journal, decision)
        batches = self._number(decision, quarantined, journal.head.batch)
        accepted = decision.status == ACCEPTED
        everything = bool(accepted.all())
        wire = self.rows.wire if everything else self.rows.wire[accepted]
        receipts = [self._receipt(number, decision) for number in range(len(self.deliveries))]

        async def chain() -> None:
            await self._append_batches(journal, receipts, batches, quarantined, accepted)
            after = Watermark(journal.head.batch, journal.head.digest)
            if after != before:
                keys = self.rows.keys if everything else self.rows.keys[accepted]
                tell(journal.head, await self._note(keys, wire, before, after))

        if len(wire) <= INLINE_ROWS:
            await chain()
            await store.append_entries(journal.connection, wire)
        else:  # the rows are sent while they are digested and the key file takes in their keys
            chaining = asyncio.create_task(chain())
            try:
                await store.append_entries(journal.connection, wire)
            finally:
                await chaining
        await self._write_rest(journal, decision, quarantined, batches, receipts)
        if everything and len(wire) and not self.rows.corrections:
            self.whole_from = before.batch + 1
        return receipts

    async def _append_batches(
        self,
        journal: JournalTransaction,
        receipts: list[Receipt],
        batches: list[int | None],
        quarantined: list[list[tuple[Any, ...]]],
        accepted: npt.NDArray[np.bool_],
    ) -> None:
        """Append the batches to the chain, without yet writing them out."""
        rows_digests = await self._rows_digests(batches, accepted)
        for receipt, delivery, batch, kept, digest in zip(
            receipts, self.deliveries, batches, quarantined, rows_digests, strict=True
        ):
            if batch is None:
                continue
            contents = {"body": delivery.body_digest, "rows": digest}
            if kept:
                contents["quarantine"] = digest_of(self.algorithm, *(row[DIGEST] for row in kept))
            recorded = journal.append(
                kind=delivery.kind,
                source=delivery.source,
                counts=receipt.counts,
                key_name=delivery.key_name,
                contents=contents,
                body=(delivery.content_type, "zstd", delivery.compressed),
                changes_registry=False,
            )
            assert recorded.batch == batch
            receipt.batch, receipt.digest = batch, f"{self.algorithm}:{recorded.digest.hex()}"

    async def _name_consumers(self, journal: JournalTransaction) -> None:
        """Give every consumer that has no number yet the next one."""
        if not self.rows.nameless:
            return
        rows = np.flatnonzero(self.rows.wire["consumer"] == -1)
        codes = np.concatenate([delivery.received.records["consumer_code"] for delivery in self.deliveries])[rows]
        names, which = np.unique(np.ascontiguousarray(codes).view("S18")[:, 0], return_inverse=True)
        numbers = await journal.number("party", "uscc", [name.decode() for name in names.tolist()])
        # on a copy: should the transaction fail, its numbers are given out again
        self.rows = replace(self.rows, wire=self.rows.wire.copy())
        ordered = np.array([numbers[name.decode()] for name in names.tolist()])
        self.rows.wire["consumer"][rows] = ordered[which]
        self.named = numbers

    def _asked(self) -> npt.NDArray[np.uint64]:
        """The keys to look up: every record's own, then those that are corrected."""
        if not self.rows.corrections:
            return self.rows.keys
        corrects = self.rows.wire["corrects"][self.rows.wire["action"] != RECORD]
        return np.concatenate((self.rows.keys, np.frombuffer(corrects.tobytes(), np.uint64).reshape(-1, 2)))

    async def _find(self, asked: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        if len(asked) <= INLINE_ROWS:
            return self._keys.file.find(asked)
        return await asyncio.to_thread(self._keys.file.find, asked)

    async def _decide(self, journal: JournalTransaction, head: Watermark) -> Decision:
        asked = self._asked()
        if head in self._looked:
            rows, spans = self._found  # nobody has recorded anything since
        else:
            rows, spans = await self._find(asked)
        fresh = ~np.isin(rows, self._resolved)
        entries = self._known.entries
        if fresh.any():  # recorded since we looked, or named by the file for nothing
            entries = np.concatenate(
                (entries, await store.entries_at(journal.connection, asked[rows[fresh]], spans[fresh]))
            )
        if not len(entries) and not self.rows.corrections and not repeats_inside(self.rows.keys):
            count = len(self.rows.wire)
            return Decision(np.zeros(count, np.int8))
        corrected: frozenset[bytes] = frozenset()
        if self.rows.corrections and len(entries):
            corrected = await store.corrected(journal.connection, (key.tobytes() for key in entries["key"]))
        self.entries = from_wire(self.rows.wire)
        return decide(self.entries, Known(entries, corrected))

    def _number(self, decision: Decision, quarantined: list[list[tuple[Any, ...]]], last: int) -> list[int | None]:
        """The batch number of each delivery that has something to write, set in its rows."""
        numbers: list[int | None] = []
        accepted = decision.status == ACCEPTED
        for (start, end), kept in zip(self.spans, quarantined, strict=True):
            if accepted[start:end].any() or kept:
                last += 1
                numbers.append(last)
                self.rows.wire["batch"][start:end] = last
                if self.entries is not None:
                    self.entries["batch"][start:end] = last
            else:
                numbers.append(None)
        self._number_repeats(decision, quarantined, numbers)
        return numbers

    def _number_repeats(
        self, decision: Decision, quarantined: list[list[tuple[Any, ...]]], batches: list[int | None]
    ) -> None:
        """Name the batch of what repeats something of this very group."""
        repeats = [position for position, batch in decision.recorded_in.items() if not batch]
        if repeats:
            assert self.entries is not None
            standing = self.entries[decision.status == ACCEPTED]
            numbers = dict(zip(standing["key"].tolist(), standing["batch"].tolist(), strict=True))
            for position in repeats:
                decision.recorded_in[position] = numbers[self.entries["key"][position].item()]
        kept = {row[DIGEST]: b for b, part in zip(batches, quarantined, strict=True) if b for row in part}
        for again in self._kept_in:
            again.update({digest: kept[digest] for digest, batch in again.items() if not batch})

    async def _rows_digests(self, batches: list[int | None], accepted: npt.NDArray[np.bool_]) -> list[str]:
        """The digest of each delivery's accepted rows; computed here only where it could not be before."""
        found = []
        for delivery, batch, (start, end) in zip(self.deliveries, batches, self.spans, strict=True):
            if batch is None:
                found.append("")
            elif delivery.rows_digest is not None and accepted[start:end].all():
                found.append(delivery.rows_digest)
            else:
                wire = self.rows.wire[start:end][accepted[start:end]]
                if len(wire) <= INLINE_ROWS:
                    found.append(digest_of_rows(self.algorithm, wire))
                else:
                    found.append(await asyncio.to_thread(digest_of_rows, self.algorithm, wire))
        return found

    async def _note(
        self, keys: npt.NDArray[np.uint64], wire: npt.NDArray[np.void], before: Watermark, after: Watermark
    ) -> bytes | None:
        """Let the key file take in the keys before the transaction commits."""
        numbers = wire["batch"].astype(np.int64)
        if len(wire) <= INLINE_ROWS:
            return self._keys.note(keys, numbers, before, after)
        return await asyncio.to_thread(self._keys.note, keys, numbers, before, after)

    async def _quarantine(self, journal: JournalTransaction, decision: Decision) -> list[list[tuple[Any, ...]]]:
        """For each delivery what is to be kept for a person and is not kept yet."""
        rows = [
            [*refused_rows(delivery), *decided_rows(delivery, start, end, decision)]
            for delivery, (start, end) in zip(self.deliveries, self.spans, strict=True)
        ]
        everything = [row[DIGEST] for part in rows for row in part]
        seen = await store.known_quarantine(journal.connection, everything)
        fresh: list[list[tuple[Any, ...]]] = []
        for part, again in zip(rows, self._kept_in, strict=True):
            kept = []
            for row in part:
                if row[DIGEST] in seen:
                    again[row[DIGEST]] = seen[row[DIGEST]]
                else:
                    seen[row[DIGEST]] = 0
                    kept.append(row)
            fresh.append(kept)
        return fresh

    async def _write_rest(
        self,
        journal: JournalTransaction,
        decision: Decision,
        quarantined: list[list[tuple[Any, ...]]],
        batches: list[int | None],
        receipts: list[Receipt],
    ) -> None:
        await journal.flush()
        await store.append_quarantine(
            journal.connection,
            [numbered(row, b) for b, part in zip(batches, quarantined, strict=True) if b is not None for row in part],
        )
        if decision.reversals:
            assert self.entries is not None
            await store.append_reversals(
                journal.connection,
                [
                    (int(self.entries["batch"][position]), int(self.entries["ordinal"][position]), original)
                    for position, original in sorted(decision.reversals.items())
                ],
            )
        releases = [row for number in range(len(batches)) for row in self._releases(number, decision, batches[number])]
        await journal.copy("quarantine_release", ("quarantine", "batch"), releases)
        await self._point_repeats(journal, decision, receipts)

    def _releases(self, number: int, decision: Decision, batch: int | None) -> list[tuple[int, int]]:
        """What a replay takes out of the quarantine, and in which batch it stands: newly recorded, or found there."""
        delivery = self.deliveries[number]
        start, end = self.spans[number]
        found = []
        for row in range(end - start) if delivery.releases else ():
            index = int(delivery.received.records["index"][row])
            status = decision.status[start + row]
            stands_in = batch if status == ACCEPTED else decision.recorded_in.get(start + row)
            if index in delivery.releases and status in (ACCEPTED, DUPLICATE) and stands_in is not None:
                found.append((delivery.releases[index], stands_in))
        return found

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
        """A delivery with nothing new gets the receipt of the last batch in which any of it stands or is kept."""
        for (start, end), again, receipt in zip(self.spans, self._kept_in, receipts, strict=True):
            if receipt.batch is None:
                recorded = (decision.recorded_in.get(row, 0) for row in range(start, end))
                receipt.batch = max((*recorded, *again.values()), default=0) or None
                if receipt.batch:
                    receipt.digest = await journal.connection.fetchval(
                        "select algorithm || ':' || encode(digest, 'hex') from batch where batch = $1", receipt.batch
                    )
        if all(receipt.batch is None or not receipt.accepted for receipt in receipts):
            await _wait_for_standby(journal)


def _joined(parts: list[Rows]) -> Rows:
    # as bytes: numpy joins records into the machine's byte order
    matrix = np.concatenate([part.wire.view(np.uint8).reshape(-1, WIRE.itemsize) for part in parts])
    return Rows(
        matrix.view(WIRE)[:, 0],
        np.concatenate([part.keys for part in parts]),
        sum(part.corrections for part in parts),
        sum(part.nameless for part in parts),
    )


async def _wait_for_standby(journal: JournalTransaction) -> None:
    """A confirmation that writes nothing must still wait until what it confirms has reached the standby."""
    if await journal.connection.fetchval("select current_setting('synchronous_standby_names') <> ''"):
        await journal.connection.execute("select pg_logical_emit_message(true, 'suanbu', 'confirm')")


def _index(result: dict[str, Any]) -> int:
    return int(result["index"])
