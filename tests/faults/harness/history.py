"""Who asked what, when, and was told what; and whether one journal can have told all of it.

An id is a register that is written once. Whoever was told `accepted` wrote it, or somebody who was told nothing; there
must be one moment, within that operation, before which everybody found it empty and after which everybody found it
full. Batch numbers follow real time, and what is counted is always what the first so many batches brought.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

FOREVER = math.inf
EMPTY = 0
ACCEPTED, DUPLICATE, CONFLICT, UNKNOWN = "accepted", "duplicate", "conflict", "unknown"


@dataclass(frozen=True)
class Push:
    """Somebody sent a value for an id; who was told nothing may be recorded at any time later."""

    name: str
    value: int
    began: float
    ended: float
    told: str
    batch: int = 0


@dataclass(frozen=True)
class Look:
    """Somebody looked an id up: its value, or EMPTY."""

    name: str
    value: int
    began: float
    ended: float


@dataclass(frozen=True)
class Count:
    """Somebody asked how many records there are, and what they come to."""

    records: int
    fen: int
    began: float
    ended: float


Operation = Push | Look | Count


@dataclass(frozen=True)
class Stored:
    """What stands under an id in the end."""

    value: int
    batch: int


def contradictions(history: Iterable[Operation], stored: dict[str, Stored]) -> Iterator[str]:
    """Everything that no single journal can have told."""
    operations = list(history)
    pushes = [one for one in operations if isinstance(one, Push)]
    looks = [one for one in operations if isinstance(one, Look)]
    for name in sorted({one.name for one in pushes} | {one.name for one in looks}):
        mine = [one for one in pushes if one.name == name]
        seen = [one for one in looks if one.name == name]
        yield from _of_one(name, mine, seen, stored.get(name))
    for name in stored.keys() - {one.name for one in pushes}:
        yield f"{name} is stored, and nobody sent it"
    yield from _out_of_order(pushes)
    yield from _no_prefix([one for one in operations if isinstance(one, Count)], pushes, stored)


def _of_one(name: str, pushes: list[Push], looks: list[Look], stored: Stored | None) -> Iterator[str]:
    told = [one for one in pushes if one.told != UNKNOWN]
    if stored is None:
        if told or any(one.value != EMPTY for one in looks):
            yield f"{name} was acknowledged or seen, and is not stored"
        return
    accepted = [one for one in told if one.told == ACCEPTED]
    if len(accepted) > 1:
        yield f"{name} was accepted {len(accepted)} times"
    if any((one.value, one.batch) != (stored.value, stored.batch) for one in accepted):
        yield f"{name}: {accepted} were accepted, {stored} is stored"
    if any((one.value == stored.value) != (one.told != CONFLICT) for one in told):
        yield f"{name}: a repeat was called a conflict, or a conflict a repeat"
    if any(one.value not in (EMPTY, stored.value) for one in looks):
        yield f"{name}: a value was seen that is not the one stored"
    full = [one.ended for one in told if one.told != ACCEPTED] + [one.ended for one in looks if one.value != EMPTY]
    empty = [one.began for one in looks if one.value == EMPTY]
    writers = accepted or [one for one in pushes if one.told == UNKNOWN and one.value == stored.value]
    if not any(max([one.began, *empty]) <= min([one.ended, *full]) for one in writers):
        yield f"{name}: there is no moment at which it can have been written"


def _out_of_order(pushes: list[Push]) -> Iterator[str]:
    """What was accepted before another push began, and yet under a higher number."""
    accepted = sorted((one for one in pushes if one.told == ACCEPTED), key=lambda one: one.began)
    ended = sorted(accepted, key=lambda one: one.ended)
    highest, place = 0, 0
    for one in accepted:
        while place < len(ended) and ended[place].ended < one.began:
            highest = max(highest, ended[place].batch)
            place += 1
        if one.batch <= highest:
            yield f"{one.name} has batch {one.batch}, although batch {highest} was acknowledged before it was sent"


def _no_prefix(counts: list[Count], pushes: list[Push], stored: dict[str, Stored]) -> Iterator[str]:
    """Counts that are not those of the first so many batches, or leave out what was acknowledged before they began."""
    in_order = sorted(stored.values(), key=lambda one: one.batch)
    sums = [0]
    for one in in_order:
        sums.append(sums[-1] + one.value)
    accepted = [one for one in pushes if one.told == ACCEPTED]
    for count in counts:
        if count.records >= len(sums) or sums[count.records] != count.fen:
            yield f"{count} is the sum of no prefix"
            continue
        newest = in_order[count.records - 1].batch if count.records else 0
        if any(one.batch > newest for one in accepted if one.ended < count.began):
            yield f"{count} lacks what was acknowledged before"
        if any(one.batch <= newest for one in accepted if one.began > count.ended):
            yield f"{count} has what was sent later"
