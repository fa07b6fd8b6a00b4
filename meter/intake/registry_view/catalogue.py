"""Facility or chip codes with their numbers and the local days on which some fact about them is in force."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from meter.days import EVER, NEVER
from meter.in_force import is_in_force, periods_in_force
from meter.intake.codes import Code, RecordRefused
from meter.kernels.kernel import Array, kernel
from meter.kernels.words import hash_of, same_text

ENTRY = np.dtype(
    [("text_start", "i4"), ("text_length", "i4"), ("number", "i4"), ("first_span", "i4"), ("end_span", "i4")]
)


class DatedCode(NamedTuple):
    """One fact: the code and number of its subject, and its days (since 1970-01-01, Asia/Shanghai, end exclusive)."""

    code: str
    number: int
    valid_from: int | None = None
    valid_to: int | None = None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All facts in the order recorded, and what follows from them as arrays for the kernels and a table for Python."""

    facts: tuple[DatedCode, ...]
    numbers: dict[str, tuple[int, tuple[tuple[int, int], ...]]]  # code -> number, days on which a fact is in force
    slots: Array  # i4, open addressing: place of the entry, -1 where free; a power of two long, at most half full
    entries: Array  # ENTRY
    begins: Array  # i4, the first days of the spans, by entry, ascending, disjoint
    ends: Array  # i4, the days after their last
    text: Array  # u1, the codes in UTF-8

    @classmethod
    def of(cls, facts: Iterable[DatedCode]) -> Catalogue:
        """Make a catalogue from every fact in the order recorded; one code has one number."""
        facts = tuple(facts)
        by_code: dict[str, list[DatedCode]] = {}
        for fact in facts:
            by_code.setdefault(fact.code, []).append(fact)
        numbers = {}
        for code, own in by_code.items():
            assert len({fact.number for fact in own}) == 1, f"code {code!r} has two numbers"
            numbers[code] = (own[0].number, days_in_force(own))
        entries = np.zeros(len(numbers), ENTRY)
        text = bytearray()
        spans: list[tuple[int, int]] = []
        for place, (code, (number, days)) in enumerate(numbers.items()):
            encoded = code.encode()
            entries[place] = (len(text), len(encoded), number, len(spans), len(spans) + len(days))
            text += encoded
            spans += days
        slots = np.full(max(8, 1 << (2 * len(entries)).bit_length()), -1, np.int32)
        letters = np.frombuffer(bytes(text) or b"\0", np.uint8)
        fill_slots(slots, entries, letters)
        begins, ends = np.array(spans or [(0, 0)], np.int32).T.copy()
        return cls(facts, numbers, slots, entries, begins, ends, letters)

    @property
    def arrays(self) -> tuple[Array, Array, Array, Array, Array]:
        """What the kernels take: slots, entries, begins, ends, text."""
        return self.slots, self.entries, self.begins, self.ends, self.text

    def extended(self, facts: Iterable[DatedCode]) -> Catalogue:
        """Return this with more facts, recorded after these."""
        more = tuple(facts)
        return Catalogue.of(self.facts + more) if more else self

    def number_on_day(self, code: str, day: int, unknown: Code, not_ruling: Code) -> int:
        """Return the number of a code on a day when a fact is in force.

        Raises `RecordRefused` with one of the two codes.
        """
        noun = str(unknown).removeprefix("unknown_")
        if code not in self.numbers:
            rule = " (R-UNIT: a rating is never guessed)" if unknown is Code.UNKNOWN_CHIP else ""
            raise RecordRefused(unknown, f"{noun} '{code}' is not registered{rule}")
        number, days = self.numbers[code]
        if not any(first <= day < end for first, end in days):
            raise RecordRefused(
                not_ruling, f"no fact about {noun} '{code}' rules on the day the record starts (R-UNIT)"
            )
        return number


def days_in_force(facts: Iterable[DatedCode]) -> tuple[tuple[int, int], ...]:
    """Return the days on which some fact of one subject is in force (R-FACTS), ascending, disjoint, adjoining ones
    joined."""
    spans: list[tuple[int, int]] = []
    for first, end, _ in periods_in_force(
        (
            EVER if fact.valid_from is None else fact.valid_from,
            NEVER if fact.valid_to is None else fact.valid_to,
            None,
        )
        for fact in facts
    ):
        if spans and spans[-1][1] == first:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((first, end))
    return tuple(spans)


@kernel
def fill_slots(slots: Array, entries: Array, text: Array) -> None:
    """Enter every code into the open-addressing table."""
    mask = slots.size - 1
    for place in range(entries.size):
        slot = hash_of(text, entries[place].text_start, entries[place].text_length) & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = place


@kernel
def find_code(slots: Array, entries: Array, own_text: Array, text: Array, start: int, length: int) -> int:
    """Return the place of the entry whose code is text[start:start+length], or -1."""
    mask = slots.size - 1
    slot = hash_of(text, start, length) & mask
    while slots[slot] >= 0:
        place = slots[slot]
        entry = entries[place]
        if entry.text_length == length and same_text(own_text, entry.text_start, text, start, length):
            return int(place)
        slot = (slot + 1) & mask
    return -1


@kernel
def in_force_on(entries: Array, begins: Array, ends: Array, place: int, day: int) -> bool:
    """Return whether some fact of the entry is in force on the day."""
    return is_in_force(begins, ends, entries[place].first_span, entries[place].end_span, day)  # type: ignore[no-any-return]
