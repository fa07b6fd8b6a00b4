"""Party numbers by unified social credit code: a hash table for millions that grows by what is new."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from meter.kernels.kernel import Array, kernel
from meter.kernels.words import hash_of, same_text

USCC_BYTES = 18
LEAST_CAPACITY = 1024


@dataclass(slots=True)
class Shelf:
    """Storage shared by a line of `Parties`: entries are only ever appended, so every older count stays true."""

    slots: Array  # i4, open addressing: place of the entry, -1 where free; four times the capacity
    codes: Array  # u1, 18 bytes an entry
    numbers: Array  # i4
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def with_capacity(cls, capacity: int) -> Shelf:
        """Return an empty shelf."""
        slots = np.full(4 * capacity, -1, np.int32)
        return cls(slots, np.zeros(capacity * USCC_BYTES, np.uint8), np.zeros(capacity, np.int32))


@dataclass(frozen=True, slots=True)
class Parties:
    """The first `count` entries of a shelf. Immutable: what is appended later is not seen through this value."""

    shelf: Shelf
    count: int

    @classmethod
    def empty(cls) -> Parties:
        """Return a value without any party."""
        return cls(Shelf.with_capacity(LEAST_CAPACITY), 0)

    def extended(self, codes: Sequence[str], numbers: Sequence[int]) -> Parties:
        """Return this with more parties (18 ASCII characters each); one already here is left as it is. Thread-safe."""
        assert len(codes) == len(numbers), "one number for every code"
        if not len(codes):
            return self
        packed = np.array(codes, dtype=f"S{USCC_BYTES}").view(np.uint8)
        own_numbers = np.asarray(numbers, np.int32)
        with self.shelf.lock:
            # only the newest value may append in place: for an older one the places after its count are taken
            if self.shelf.count == self.count and self.count + len(codes) <= self.shelf.numbers.size:
                shelf = self.shelf
            else:
                capacity = LEAST_CAPACITY
                while capacity < 2 * (self.count + len(codes)):
                    capacity *= 2
                shelf = Shelf.with_capacity(capacity)
                kept = self.shelf.codes[: USCC_BYTES * self.count], self.shelf.numbers[: self.count]
                shelf.count = append_parties(shelf.slots, shelf.codes, shelf.numbers, 0, *kept)
            shelf.count = append_parties(shelf.slots, shelf.codes, shelf.numbers, shelf.count, packed, own_numbers)
            return Parties(shelf, shelf.count)

    def numbers_of(self, rows: Array, field: str) -> Array:
        """Return int32 numbers of the codes in a field of 18 bytes of a structured array, -1 where a code is not
        known."""
        found = np.empty(len(rows), np.int32)
        text = np.ascontiguousarray(rows).view(np.uint8)
        place: int = rows.dtype.fields[field][1]  # type: ignore[index]
        shelf = self.shelf
        find_parties(shelf.slots, shelf.codes, shelf.numbers, self.count, text, place, rows.dtype.itemsize, found)
        return found


@kernel
def find_party(slots: Array, known: Array, count: int, text: Array, start: int) -> int:
    """Return the place of a code among the first `count` entries, or -1."""
    mask = slots.size - 1
    slot = hash_of(text, start, USCC_BYTES) & mask
    while slots[slot] >= 0:
        place = slots[slot]
        if place < count and same_text(known, USCC_BYTES * place, text, start, USCC_BYTES):
            return int(place)
        slot = (slot + 1) & mask
    return -1


@kernel
def find_parties(
    slots: Array, known: Array, numbers: Array, count: int, text: Array, first: int, stride: int, found: Array
) -> None:
    """Fill `found` with the number of the code at every stride of `text`, -1 where unknown."""
    for row in range(found.size):
        place = find_party(slots, known, count, text, first + stride * row)
        found[row] = numbers[place] if place >= 0 else -1


@kernel
def append_parties(slots: Array, known: Array, numbers: Array, count: int, text: Array, own_numbers: Array) -> int:
    """Append the codes that are not there yet; returns the new count.

    The entry is written before its slot, so a reader in another thread never sees a slot without its entry.
    """
    mask = slots.size - 1
    for row in range(own_numbers.size):
        start = USCC_BYTES * row
        if find_party(slots, known, count, text, start) >= 0:
            continue
        for step in range(USCC_BYTES):  # a slice would compile for seconds
            known[USCC_BYTES * count + step] = text[start + step]
        numbers[count] = own_numbers[row]
        slot = hash_of(text, start, USCC_BYTES) & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = count
        count += 1
    return count
