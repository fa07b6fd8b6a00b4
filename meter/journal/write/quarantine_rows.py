"""What is kept of a delivery for a person: refused records and second versions, as rows of the quarantine."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from meter.journal import store
from meter.journal.rows.layout import VOID
from meter.journal.write.decide import ACCEPTED, CONFLICT, DUPLICATE, REFUSED, STATUS_WORDS, Decision
from meter.journal.write.delivery import Delivery

DIGEST = 7
"""The place of a row's digest, by which the same record is kept once however often it comes."""
AGAINST_BATCH = 9
"""The place of the batch of the version that stands; filled in when batches are numbered."""


Row = tuple[Any, ...]


class Conflict(NamedTuple):
    """The version that stands against a record: its key, the first delivery of it, and what a person sees of it."""

    against: UUID | None = None
    against_batch: Any = None
    consumer: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None


NO_CONFLICT = Conflict()


@dataclass
class QuarantineRows:
    """What a group keeps for a person: for each delivery the rows that are new, and where those stand that are not."""

    fresh: list[list[Row]]
    kept_in: list[dict[bytes, int]]
    """Digest -> batch of what a delivery brings again (0: kept by this very group)."""

    @classmethod
    def nothing(cls, deliveries: int) -> QuarantineRows:
        """Return what it is for deliveries that bring nothing of the kind."""
        return cls([[] for _ in range(deliveries)], [{} for _ in range(deliveries)])

    @classmethod
    async def of(
        cls,
        connection: asyncpg.Connection,
        deliveries: Sequence[Delivery],
        spans: Sequence[tuple[int, int]],
        decision: Decision,
    ) -> QuarantineRows:
        """Return what intake and the decision found wrong with deliveries, whose records are the spans of those
        decided on."""
        rows = [
            [*_refused_rows(delivery), *_decided_rows(delivery, start, end, decision)]
            for delivery, (start, end) in zip(deliveries, spans, strict=True)
        ]
        seen = await store.known_quarantine(connection, [row[DIGEST] for part in rows for row in part])
        found = cls.nothing(len(deliveries))
        for part, fresh, kept_in in zip(rows, found.fresh, found.kept_in, strict=True):
            for row in part:
                if row[DIGEST] in seen:
                    kept_in[row[DIGEST]] = seen[row[DIGEST]]
                else:
                    seen[row[DIGEST]] = 0
                    fresh.append(row)
        return found

    def number_repeats(self, batches: Sequence[int | None]) -> None:
        """Name the batch of what repeats something that this very group keeps."""
        numbers = {row[DIGEST]: batch for batch, part in zip(batches, self.fresh, strict=True) if batch for row in part}
        for kept_in in self.kept_in:
            kept_in.update({digest: numbers[digest] for digest, batch in kept_in.items() if not batch})

    def numbered(self, batches: Sequence[int | None]) -> list[Row]:
        """Return the new rows as the table takes them."""
        return [
            _numbered(row, batch)
            for batch, part in zip(batches, self.fresh, strict=True)
            if batch is not None
            for row in part
        ]


def releases(delivery: Delivery, start: int, end: int, decision: Decision, batch: int | None) -> list[tuple[int, int]]:
    """Return what a replay takes out of the quarantine, and in which batch it stands: newly recorded, or found
    there."""
    found = []
    for row in range(end - start) if delivery.releases else ():
        index = int(delivery.received.records["index"][row])
        status = decision.status[start + row]
        stands_in = batch if status == ACCEPTED else decision.recorded_in.get(start + row)
        if index in delivery.releases and status in (ACCEPTED, DUPLICATE) and stands_in is not None:
            found.append((delivery.releases[index], stands_in))
    return found


def _refused_rows(delivery: Delivery) -> list[tuple[Any, ...]]:
    """Return what intake refused; nothing for a replay, whose records are in quarantine already."""
    if delivery.kind == "replay":
        return []
    return [
        _row(delivery, refusal.index, refusal.id, "refused", str(refusal.code), refusal.detail, refusal.verbatim)
        for refusal in delivery.received.refused
    ]


def _decided_rows(delivery: Delivery, start: int, end: int, decision: Decision) -> list[tuple[Any, ...]]:
    """Return what the decision found wrong with the delivery, whose records are start..end of those decided on."""
    rows = []
    for position in sorted(decision.codes):
        if not start <= position < end or (delivery.kind == "replay" and decision.status[position] == REFUSED):
            continue
        row = position - start
        record = delivery.received.records[row]
        index = int(record["index"])
        conflict = decision.status[position] == CONFLICT
        rows.append(
            _row(
                delivery, index, delivery.received.ids([row])[0], STATUS_WORDS[int(decision.status[position])],
                decision.codes[position], decision.details[position], delivery.received.verbatim(index),
                _conflict(record, decision.firsts[position]) if conflict else NO_CONFLICT,
            )
        )  # fmt: skip
    return rows


def _conflict(record: Any, first: Any) -> Conflict:
    """Return what stands against a record under whose key another version was recorded first.

    A void states no times.
    """
    against = Conflict(UUID(bytes=record["key"].tobytes()), first)
    if record["action"] == VOID:
        return against
    return against._replace(
        consumer=record["consumer_code"].tobytes().decode(),
        started_at=datetime.fromtimestamp(int(record["started"]), UTC),
        ended_at=datetime.fromtimestamp(int(record["ended"]), UTC),
    )


def _numbered(row: tuple[Any, ...], batch: int) -> tuple[Any, ...]:
    """Return a row as the table takes it: with its batch, and with that of the version it stands against."""
    first = row[AGAINST_BATCH]
    return (batch, *row[:AGAINST_BATCH], None if first is None else int(first["batch"][0]), *row[AGAINST_BATCH + 1 :])


def _row(
    delivery: Delivery,
    index: int,
    record_id: str | None,
    status: str,
    code: str,
    detail: str,
    verbatim: bytes,
    conflict: Conflict = NO_CONFLICT,
) -> tuple[Any, ...]:
    state = hashlib.blake2s(f"{delivery.source[0]} {status}\n".encode())
    state.update(verbatim)
    return (
        index, delivery.source[0], record_id, status, code, detail, verbatim, state.digest(), *conflict,
    )  # fmt: skip
