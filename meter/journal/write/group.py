"""The deliveries of one transaction: decided together in their order of arrival, then written."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

import asyncpg
import numpy as np
import numpy.typing as npt

from meter.journal import store
from meter.journal.digest_chain import digest_of
from meter.journal.keys.key_file import Watermark
from meter.journal.keys.known_keys import KnownKeys
from meter.journal.rows.encode import joined, repeats_inside
from meter.journal.rows.layout import from_wire
from meter.journal.write.decide import ACCEPTED, Decision, Known, decide
from meter.journal.write.delivery import Delivery, digest_of_rows
from meter.journal.write.lookup import Lookup
from meter.journal.write.quarantine_rows import DIGEST, QuarantineRows, releases
from meter.journal.write.receipt import Receipt, receipt_of
from meter.journal.write.transaction import Head, HeadMoved, JournalTransaction

OnHeadKnown = Callable[[Head, bytes | None], None]
"""Called before the commit: where it will leave the journal, and the generation of a key file that then holds all
keys (None: no such file)."""

INLINE_ROWS = 2_000  # up to here a thread costs more than it gives


@dataclass
class _Outcome:
    """What becomes of the deliveries, one of each for each."""

    decision: Decision
    quarantine: QuarantineRows
    batches: list[int | None]
    """The batch number of each delivery that has something to write."""
    receipts: list[Receipt]


class Group:
    """What one transaction records. First `look` (no lock needed), then `record` inside the transaction."""

    def __init__(self, deliveries: list[Delivery], keys: KnownKeys, algorithm: str) -> None:
        parts = [delivery.rows_for_journal() for delivery in deliveries]
        ends = np.cumsum([len(part.wire) for part in parts]).tolist()
        self.deliveries = deliveries
        self.spans = list(zip([0, *ends[:-1]], ends, strict=True))
        self.rows = joined(parts)
        self.algorithm = algorithm
        self.named: dict[str, int] = {}
        """Consumers named for this group, with their numbers."""
        self._keys = keys
        self._lookup = Lookup(self.rows, keys)
        self.entries: npt.NDArray[np.void] | None = None  # the rows once more as ENTRY, for the careful path only
        self.whole_from: int | None = None
        """The first batch, when all rows were accepted and correct nothing: then they are all that the batches add."""

    @classmethod
    async def of(cls, deliveries: list[Delivery], keys: KnownKeys, algorithm: str) -> Group:
        """Return a group; a large one is put together in a thread."""
        if sum(delivery.received.received for delivery in deliveries) <= INLINE_ROWS:
            return cls(deliveries, keys, algorithm)
        return await asyncio.to_thread(cls, deliveries, keys, algorithm)

    async def look(self, connection: asyncpg.Connection) -> None:
        """Look up what may be known already, before the lock is taken."""
        await self._lookup.look(connection)

    def can_go_ahead(self, generation: bytes) -> bool:
        """Return whether all is certainly new, seen from a key file (of `generation`) with the keys of the group
        before."""
        return (
            self._lookup.all_new(generation)
            and not self.rows.corrections
            and not self.rows.nameless
            and not any(delivery.releases or delivery.received.refused for delivery in self.deliveries)
            and not repeats_inside(self.rows.keys)
        )

    async def record_ahead(self, journal: JournalTransaction, on_head_known: OnHeadKnown) -> list[Receipt]:
        """Do what `record` does for a group that can go ahead: its rows are sent before its turn. Raises HeadMoved."""
        before = Watermark(journal.head.batch, journal.head.digest)
        decision = Decision(np.zeros(len(self.rows.wire), np.int8))
        outcome = self._outcome(decision, QuarantineRows.nothing(len(self.deliveries)), journal.head.batch)
        numbers = self.rows.wire["batch"].astype(np.int64)

        async def chain() -> bytes:
            await self._append_batches(journal, outcome)
            generation = await asyncio.to_thread(self._keys.note_ahead, self.rows.keys, numbers)
            on_head_known(journal.head, generation if generation == self._lookup.generation else None)
            return generation

        chaining = asyncio.create_task(chain())
        try:
            await store.append_entries(journal.connection, self.rows.wire)
        except asyncpg.CheckViolationError as refusal:
            if refusal.constraint_name != store.BATCH_CLOSED:
                raise
            raise HeadMoved from None  # somebody else has recorded a batch of this number meanwhile
        finally:
            generation = await chaining
        await journal.take_turn()
        after = Watermark(journal.head.batch, journal.head.digest)
        if generation != self._lookup.generation or not self._keys.cover_ahead(generation, before, after):
            raise HeadMoved  # the key file was thrown away meanwhile
        await self._write_rest(journal, outcome)
        self.whole_from = before.batch + 1
        return outcome.receipts

    async def record(self, journal: JournalTransaction, on_head_known: OnHeadKnown) -> list[Receipt]:
        """Write everything that is to be written; the receipts in the order of the deliveries."""
        before = Watermark(journal.head.batch, journal.head.digest)
        await self._name_consumers(journal)
        decision = await self._decide(journal, before)
        quarantine = await QuarantineRows.of(journal.connection, self.deliveries, self.spans, decision)
        outcome = self._outcome(decision, quarantine, journal.head.batch)
        accepted = decision.status == ACCEPTED
        if any(batch is not None for batch in outcome.batches):
            await journal.write_names()
        everything = bool(accepted.all())
        wire = self.rows.wire if everything else self.rows.wire[accepted]

        async def chain() -> None:
            await self._append_batches(journal, outcome)
            after = Watermark(journal.head.batch, journal.head.digest)
            if after != before:
                keys = self.rows.keys if everything else self.rows.keys[accepted]
                on_head_known(journal.head, await self._note(keys, wire, before, after))

        if len(wire) <= INLINE_ROWS:
            await chain()
            await store.append_entries(journal.connection, wire)
        else:  # the rows are sent while they are digested and the key file takes in their keys
            chaining = asyncio.create_task(chain())
            try:
                await store.append_entries(journal.connection, wire)
            finally:
                await chaining
        await self._write_rest(journal, outcome)
        if everything and len(wire) and not self.rows.corrections:
            self.whole_from = before.batch + 1
        return outcome.receipts

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

    async def _decide(self, journal: JournalTransaction, head: Watermark) -> Decision:
        entries = await self._lookup.entries(journal.connection, head)
        if not len(entries) and not self.rows.corrections and not repeats_inside(self.rows.keys):
            return Decision(np.zeros(len(self.rows.wire), np.int8))
        corrected: frozenset[bytes] = frozenset()
        if self.rows.corrections and len(entries):
            corrected = await store.corrected(journal.connection, (key.tobytes() for key in entries["key"]))
        self.entries = from_wire(self.rows.wire)
        sources = np.concatenate([delivery.received.records["event_source"] for delivery in self.deliveries])
        return decide(self.entries, Known(entries, corrected), sources)

    def _outcome(self, decision: Decision, quarantine: QuarantineRows, last: int) -> _Outcome:
        """Number the batches after `last`, also in the rows, and say what becomes of each delivery."""
        batches: list[int | None] = []
        accepted = decision.status == ACCEPTED
        for (start, end), kept in zip(self.spans, quarantine.fresh, strict=True):
            if accepted[start:end].any() or kept:
                last += 1
                batches.append(last)
                self.rows.wire["batch"][start:end] = last
                if self.entries is not None:
                    self.entries["batch"][start:end] = last
            else:
                batches.append(None)
        self._number_repeats(decision)
        quarantine.number_repeats(batches)
        receipts = [
            receipt_of(delivery, start, end, decision)
            for delivery, (start, end) in zip(self.deliveries, self.spans, strict=True)
        ]
        return _Outcome(decision, quarantine, batches, receipts)

    def _number_repeats(self, decision: Decision) -> None:
        """Name the batch of what repeats something of this very group."""
        repeats = [position for position, batch in decision.recorded_in.items() if not batch]
        if repeats:
            assert self.entries is not None
            standing = self.entries[decision.status == ACCEPTED]
            numbers = dict(zip(standing["key"].tolist(), standing["batch"].tolist(), strict=True))
            for position in repeats:
                decision.recorded_in[position] = numbers[self.entries["key"][position].item()]

    async def _append_batches(self, journal: JournalTransaction, outcome: _Outcome) -> None:
        """Append the batches to the chain, without yet writing them out."""
        rows_digests = await self._rows_digests(outcome.batches, outcome.decision.status == ACCEPTED)
        for receipt, delivery, batch, kept, digest in zip(
            outcome.receipts, self.deliveries, outcome.batches, outcome.quarantine.fresh, rows_digests, strict=True
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

    async def _rows_digests(self, batches: list[int | None], accepted: npt.NDArray[np.bool_]) -> list[str]:
        """Return the digest of each delivery's accepted rows; computed here only where it could not be before."""
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

    async def _write_rest(self, journal: JournalTransaction, outcome: _Outcome) -> None:
        """Write what is not entries: batches, bodies, the quarantine and what left it, what is taken back."""
        decision = outcome.decision
        await journal.flush()
        await store.append_quarantine(journal.connection, outcome.quarantine.numbered(outcome.batches))
        if decision.reversals:
            assert self.entries is not None
            await store.append_reversals(
                journal.connection,
                [
                    (int(self.entries["batch"][position]), int(self.entries["ordinal"][position]), original)
                    for position, original in sorted(decision.reversals.items())
                ],
            )
        released = [
            row
            for delivery, (start, end), batch in zip(self.deliveries, self.spans, outcome.batches, strict=True)
            for row in releases(delivery, start, end, decision, batch)
        ]
        await journal.copy("quarantine_release", ("quarantine", "batch"), released)
        await self._point_repeats(journal, outcome)

    async def _point_repeats(self, journal: JournalTransaction, outcome: _Outcome) -> None:
        """Give a delivery with nothing new the receipt of the last batch in which any of it stands or is kept."""
        recorded_in = outcome.decision.recorded_in
        for (start, end), kept_in, receipt in zip(
            self.spans, outcome.quarantine.kept_in, outcome.receipts, strict=True
        ):
            if receipt.batch is None:
                recorded = (recorded_in.get(row, 0) for row in range(start, end))
                receipt.batch = max((*recorded, *kept_in.values()), default=0) or None
                if receipt.batch:
                    receipt.digest = await store.digest_of_batch(journal.connection, receipt.batch)
        if all(receipt.batch is None or not receipt.accepted for receipt in outcome.receipts):
            await store.wait_for_standby(journal.connection)
