"""What is kept of a delivery for a person: refused records and second versions, as rows of the quarantine."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from meter.journal.rows.layout import VOID
from meter.journal.write.decide import CONFLICT, REFUSED, STATUS_WORDS, Decision
from meter.journal.write.delivery import Delivery

DIGEST = 7
"""The place of a row's digest, by which the same record is kept once however often it comes."""
AGAINST_BATCH = 9
"""The place of the batch of the version that stands; filled in when batches are numbered."""


def refused_rows(delivery: Delivery) -> list[tuple[Any, ...]]:
    """What intake refused; nothing for a replay, whose records are in quarantine already."""
    if delivery.kind == "replay":
        return []
    return [
        _row(delivery, refusal.index, refusal.id, "refused", str(refusal.code), refusal.detail, refusal.verbatim)
        for refusal in delivery.received.refused
    ]


def decided_rows(delivery: Delivery, start: int, end: int, decision: Decision) -> list[tuple[Any, ...]]:
    """What the decision found wrong with the delivery, whose records are start..end of those decided on."""
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
            _row(
                delivery, index, delivery.received.ids([row])[0], STATUS_WORDS[int(decision.status[position])],
                decision.codes[position], decision.details[position], delivery.received.verbatim(index),
                against=UUID(bytes=record["key"].tobytes()) if conflict else None,
                against_batch=decision.firsts[position] if conflict else None,
                consumer=record["consumer_code"].tobytes().decode() if timed else None,
                started_at=datetime.fromtimestamp(int(record["started"]), UTC) if timed else None,
                ended_at=datetime.fromtimestamp(int(record["ended"]), UTC) if timed else None,
            )
        )  # fmt: skip
    return rows


def numbered(row: tuple[Any, ...], batch: int) -> tuple[Any, ...]:
    """A row as the table takes it: with its batch, and with that of the version it stands against."""
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
    *,
    against: UUID | None = None,
    against_batch: Any = None,
    consumer: str | None = None,
    started_at: datetime | None = None,
    ended_at: datetime | None = None,
) -> tuple[Any, ...]:
    state = hashlib.blake2s(f"{delivery.source[0]} {status}\n".encode())
    state.update(verbatim)
    return (
        index, delivery.source[0], record_id, status, code, detail, verbatim, state.digest(), against, against_batch,
        consumer, started_at, ended_at,
    )  # fmt: skip
