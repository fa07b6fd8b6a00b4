"""Party numbers by unified social credit code: a hash table for millions that grows by what is new."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
USCC_BYTES = 18
LEAST_CAPACITY = 1024


@dataclass(slots=True)
class Shelf:
    """Storage shared by a line of `Parties`: entries are only ever appended, so every older count stays true."""

    slots: Array  # i4, open addressing: place of the entry, -1 where free; four times the capacity
    codes: Array  # u1, (capacity, 18)
    numbers: Array  # i4
    count: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def with_capacity(cls, capacity: int) -> Shelf:
        """An empty shelf."""
        slots = np.full(4 * capacity, -1, np.int32)
        return cls(slots, np.zeros((capacity, USCC_BYTES), np.uint8), np.zeros(capacity, np.int32))


@dataclass(frozen=True, slots=True)
class Parties:
    """The first `count` entries of a shelf. Immutable: what is appended later is not seen through this value."""

    shelf: Shelf
    count: int

    @classmethod
    def empty(cls) -> Parties:
        """No party at all."""
        return cls(Shelf.with_capacity(LEAST_CAPACITY), 0)

    def extended(self, codes: Sequence[str], numbers: Sequence[int]) -> Parties:
        """With more parties (18 ASCII characters each); a code already here is left as it is. Thread-safe."""
        assert len(codes) == len(numbers), "one number for every code"
        if not len(codes):
            return self
        packed = np.array(codes, dtype=f"S{USCC_BYTES}").view(np.uint8).reshape(len(codes), USCC_BYTES)
        own_numbers = np.asarray(numbers, np.int32)
        with self.shelf.lock:
            # only the newest value may append in place: for an older one the places after its count are taken
            if self.shelf.count == self.count and self.count + len(codes) <= self.shelf.codes.shape[0]:
                shelf = self.shelf
            else:
                capacity = LEAST_CAPACITY
                while capacity < 2 * (self.count + len(codes)):
                    capacity *= 2
                shelf = Shelf.with_capacity(capacity)
                kept = self.shelf.codes[: self.count], self.shelf.numbers[: self.count]
                shelf.count = append_parties(shelf.slots, shelf.codes, shelf.numbers, 0, *kept)
            shelf.count = append_parties(shelf.slots, shelf.codes, shelf.numbers, shelf.count, packed, own_numbers)
            return Parties(shelf, shelf.count)

    def numbers_of(self, codes: Array) -> Array:
        """int32 numbers of an (n, 18) uint8 array of codes, -1 where a code is not known."""
        found = np.empty(codes.shape[0], np.int32)
        find_parties(self.shelf.slots, self.shelf.codes, self.shelf.numbers, self.count, codes, found)
        return found


@numba.njit(cache=True, nogil=True)
def hash_of_code(codes: Array, row: int) -> int:
    """A 64-bit hash of one code of 18 bytes."""
    value = np.uint64(0xCBF29CE484222325)
    for place in range(18):
        value = (value ^ np.uint64(codes[row, place])) * np.uint64(0x100000001B3)
    value ^= value >> np.uint64(29)
    return np.int64(value >> np.uint64(1))


@numba.njit(cache=True, nogil=True)
def find_party(slots: Array, known: Array, count: int, codes: Array, row: int) -> int:
    """The place of a code among the first `count` entries, or -1."""
    mask = slots.size - 1
    slot = hash_of_code(codes, row) & mask
    while slots[slot] >= 0:
        place = slots[slot]
        if place < count:
            same = True
            for step in range(18):
                if known[place, step] != codes[row, step]:
                    same = False
                    break
            if same:
                return place
        slot = (slot + 1) & mask
    return -1


@numba.njit(cache=True, nogil=True)
def find_parties(slots: Array, known: Array, numbers: Array, count: int, codes: Array, found: Array) -> None:
    """Fill `found` with the number of every code, -1 where unknown."""
    for row in range(codes.shape[0]):
        place = find_party(slots, known, count, codes, row)
        found[row] = numbers[place] if place >= 0 else -1


@numba.njit(cache=True, nogil=True)
def append_parties(slots: Array, known: Array, numbers: Array, count: int, codes: Array, own_numbers: Array) -> int:
    """Append the codes that are not there yet; returns the new count.

    The entry is written before its slot, so a reader in another thread never sees a slot without its entry.
    """
    mask = slots.size - 1
    for row in range(codes.shape[0]):
        if find_party(slots, known, count, codes, row) >= 0:
            continue
        known[count, :] = codes[row, :]
        numbers[count] = own_numbers[row]
        slot = hash_of_code(codes, row) & mask
        while slots[slot] >= 0:
            slot = (slot + 1) & mask
        slots[slot] = count
        count += 1
    return count
