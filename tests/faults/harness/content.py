"""What the clients of a storm send, batch by batch, and what it comes to in plain integers; both from names alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.support.records import uscc

CITIES = ("340100", "340200", "340300")
CONSUMERS = tuple(uscc(7000 + number, CITIES[number % len(CITIES)]) for number in range(12))
MONTHS = ("2025-09", "2025-10", "2025-11", "2025-12")
REPEATS = 5
LARGE_EVERY, LARGE_TIMES = 16, 6
EXTRAS_EVERY = 3
"""Each third batch also repeats, contradicts and takes back records of the one before."""


@dataclass(frozen=True)
class Batch:
    """The batch `number` of a lane whose batches have `records` new records each."""

    lane: str
    number: int
    records: int

    @property
    def size(self) -> int:
        """How many new records it has; now and then a batch is large enough to go ahead of its turn."""
        return self.records * (LARGE_TIMES if self.number % LARGE_EVERY == LARGE_EVERY - 1 else 1)

    @property
    def has_extras(self) -> bool:
        """Whether it also says something about the batch before."""
        return self.number % EXTRAS_EVERY == EXTRAS_EVERY - 1

    @property
    def counts(self) -> tuple[int, int, int]:
        """What its receipt must say the first time: accepted, duplicate, conflict."""
        return (self.size + 1, REPEATS, 1) if self.has_extras else (self.size, 0, 0)

    @property
    def before(self) -> Batch:
        """The batch before it."""
        return Batch(self.lane, self.number - 1, self.records)

    def ids(self) -> Iterator[str]:
        """The ids that it adds."""
        for place in range(self.size):
            yield f"{self.lane}.{self.number}.{place}"
        if self.has_extras:
            yield f"{self.lane}.{self.number}.void"

    def body(self) -> bytes:
        """NDJSON."""
        lines = [_line(self, place) for place in range(self.size)]
        if self.has_extras:
            lines += [_line(self.before, place) for place in range(2, 2 + REPEATS)]
            lines.append(_line(self.before, 0, more_fen=1))
            undo = {"id": f"{self.lane}.{self.number}.void", "corrects": f"{self.lane}.{self.number - 1}.1"}
            lines.append(json.dumps({**undo, "action": "void"}))
        return "\n".join(lines).encode()


def _line(batch: Batch, place: int, more_fen: int = 0) -> str:
    consumer, _, month, fen = _meant(batch, place)
    day = place % 28 + 1
    return (
        f'{{"id":"{batch.lane}.{batch.number}.{place}","consumer":"{consumer}","facility":"hf-01","chip":"card-a",'
        f'"cards":1,"started_at":"{month}-{day:02d}T08:00:00+08:00","ended_at":"{month}-{day:02d}T09:00:00+08:00",'
        f'"charge_fen":{fen + more_fen},"purpose":"research"}}'
    )


def _meant(batch: Batch, place: int) -> tuple[str, str, str, int]:
    """A record's consumer, city, month and charge."""
    number = (batch.number * 5 + place) % len(CONSUMERS)
    fen = (batch.number * 31 + place * 7) % 997 + 1
    return CONSUMERS[number], CITIES[number % len(CITIES)], MONTHS[(batch.number + place) % len(MONTHS)], fen


@dataclass
class Sums:
    """What batches come to: counted records and fen by city and month, entries, corrections and conflicts."""

    records: Counter[tuple[str, str]] = field(default_factory=Counter)
    fen: Counter[tuple[str, str]] = field(default_factory=Counter)
    entries: int = 0
    voids: int = 0
    conflicts: int = 0

    def add(self, batch: Batch) -> None:
        """Add a batch."""
        for place in range(batch.size):
            self._count(batch, place, 1)
        self.entries += batch.size
        if batch.has_extras:
            self._count(batch.before, 1, -1)
            self.entries += 1
            self.voids += 1
            self.conflicts += 1

    def _count(self, batch: Batch, place: int, sign: int) -> None:
        _, city, month, fen = _meant(batch, place)
        self.records[city, month] += sign
        self.fen[city, month] += sign * fen
