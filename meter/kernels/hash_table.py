"""Kernels of the key file: a hash table of eight-byte slots that says under which batches a key may stand.

A slot holds, from the top: 36 bits of the key's hash, 4 bits of how many strides it lies from its home bucket, and 24
bits of a locator (a batch number shifted right, plus one, so that 0 is a free slot). Eight slots are a bucket, one
cache line. A bucket fills from its first slot and nothing is ever taken out, so a free slot ends a search. Strides
differ from key to key: with neighbours instead, full buckets cluster and a table stops at 0.69 of its slots (measured).
A table of 2^b buckets knows b + 36 bits of hash, of which `HASH_BITS` count: two keys that agree in all of them are
told apart by the journal.
"""

from typing import Any

import numpy as np

from meter.kernels.kernel import Array, Whole, kernel

BUCKET_SLOTS = 8
REMAINDER_BITS, DISTANCE_BITS, LOCATOR_BITS = 36, 4, 24
FARTHEST = (1 << DISTANCE_BITS) - 1
LOCATOR_MASK = np.uint64((1 << LOCATOR_BITS) - 1)
LARGEST_LOCATOR = (1 << LOCATOR_BITS) - 1
FEWEST_BUCKET_BITS = 13
HASH_BITS = FEWEST_BUCKET_BITS + REMAINDER_BITS
AHEAD = 32  # keys whose buckets are asked for together, so that waiting for memory overlaps

_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_ONE, _SHORT, _LONG = np.uint64(1), np.uint64(29), np.uint64(32)
_LOW = np.uint64(64 - HASH_BITS)
_REMAINDER_SHIFT = np.uint64(DISTANCE_BITS + LOCATOR_BITS)
_DISTANCE_SHIFT = np.uint64(LOCATOR_BITS)


@kernel
def hash_of(first: Any, second: Any, secrets: Array) -> Any:
    """Return the top HASH_BITS of a mix of the key's two halves.

    The file's secrets keep senders from choosing buckets.
    """
    value = (first ^ secrets[0]) * _FIRST
    value ^= value >> _LONG
    value = (value + second) * (secrets[1] | _ONE)
    value ^= value >> _SHORT
    value *= _SECOND
    value ^= value >> _LONG
    return value >> _LOW


@kernel
def stride_of(remainder: Any) -> int:
    """Return how many buckets a key moves on at a time: odd, so that all buckets come."""
    return np.int64((remainder * _FIRST) >> _LONG) | 1  # type: ignore[return-value]


@kernel
def find_keys(table: Array, bucket_bits: int, secrets: Array, keys: Array, rows: Array, locators: Array) -> int:
    """Return how many (row of `keys`, locator) pairs the table holds; as many as fit are written to `rows` and
    `locators`.

    table: uint64, 8 * 2^bucket_bits slots. keys: (n, 2) uint64, the two halves of each key.
    """
    mask = np.int64((1 << bucket_bits) - 1)
    shift = np.uint64(HASH_BITS - bucket_bits)
    remainder_mask = (_ONE << shift) - _ONE
    homes = np.empty(AHEAD, np.int64)
    remainders = np.empty(AHEAD, np.uint64)
    found = 0
    for start in range(0, keys.shape[0], AHEAD):
        count = min(AHEAD, keys.shape[0] - start)
        touched = np.uint64(0)
        for step in range(count):
            hashed = hash_of(keys[start + step, 0], keys[start + step, 1], secrets)
            homes[step] = np.int64(hashed >> shift)
            remainders[step] = hashed & remainder_mask
            touched |= table[homes[step] * BUCKET_SLOTS]
        if touched == 0:
            continue  # every home is empty
        for step in range(count):
            distance = 0
            bucket = homes[step]
            while distance <= FARTHEST:
                first = bucket * BUCKET_SLOTS
                wanted = remainders[step] << np.uint64(DISTANCE_BITS) | np.uint64(distance)
                free = False
                for slot in range(first, first + BUCKET_SLOTS):
                    held = table[slot]
                    if held == 0:
                        free = True
                        break
                    if held >> _DISTANCE_SHIFT == wanted:
                        if found < rows.size:
                            rows[found] = start + step
                            locators[found] = np.int64(held & LOCATOR_MASK)
                        found += 1
                if free:
                    break
                distance += 1
                bucket = (bucket + stride_of(remainders[step])) & mask
    return found


@kernel
def put(table: Array, mask: Whole, home: Whole, remainder: Whole, locator: Whole) -> int:
    """Put one slot into the table: 1 when it was added, 0 when it is there already, -1 when no bucket has room."""
    bucket = home
    for distance in range(FARTHEST + 1):
        wanted = remainder << _REMAINDER_SHIFT | np.uint64(distance) << _DISTANCE_SHIFT | locator
        first = bucket * BUCKET_SLOTS
        for slot in range(first, first + BUCKET_SLOTS):
            if table[slot] == wanted:
                return 0
            if table[slot] == 0:
                table[slot] = wanted
                return 1
        bucket = (bucket + stride_of(remainder)) & mask
    return -1


@kernel
def insert_keys(table: Array, bucket_bits: int, secrets: Array, keys: Array, locators: Array) -> tuple[int, int]:
    """Insert keys (n, 2) with a locator (int64) each: (how many were added, how many rows were dealt with).

    Fewer rows than keys were dealt with when a key found no room: the table must be widened first.
    """
    mask = np.int64((1 << bucket_bits) - 1)
    shift = np.uint64(HASH_BITS - bucket_bits)
    remainder_mask = (_ONE << shift) - _ONE
    hashes = np.empty(AHEAD, np.uint64)
    added = 0
    for start in range(0, keys.shape[0], AHEAD):
        count = min(AHEAD, keys.shape[0] - start)
        touched = np.uint64(0)
        for step in range(count):
            hashes[step] = hash_of(keys[start + step, 0], keys[start + step, 1], secrets)
            touched |= table[np.int64(hashes[step] >> shift) * BUCKET_SLOTS]
        if touched == np.uint64(0xFFFFFFFFFFFFFFFF):  # keeps the reads above alive; says nothing
            added += 0
        for step in range(count):
            hashed = hashes[step]
            outcome = put(
                table, mask, np.int64(hashed >> shift), hashed & remainder_mask, np.uint64(locators[start + step])
            )
            if outcome < 0:
                return added, start + step
            added += outcome
    return added, keys.shape[0]


@kernel
def move_slots(old: Array, old_bits: int, new: Array, new_bits: int, locator_shift: int) -> int:
    """Put every slot of a table into a larger or equal one, locators shifted right further; slots moved, or -1.

    Homes keep their order, so both tables are walked from front to back but for the few slots that lie elsewhere.
    """
    old_mask, new_mask = np.int64((1 << old_bits) - 1), np.int64((1 << new_bits) - 1)
    old_shift, new_shift = np.uint64(HASH_BITS - old_bits), np.uint64(HASH_BITS - new_bits)
    remainder_mask = (_ONE << new_shift) - _ONE
    moved = 0
    for slot in range(old.size):
        held = old[slot]
        if held == 0:
            continue
        distance = np.int64(held >> _DISTANCE_SHIFT & np.uint64(FARTHEST))
        remainder = held >> _REMAINDER_SHIFT
        home = ((slot >> 3) - distance * stride_of(remainder)) & old_mask
        hashed = np.uint64(home) << old_shift | remainder
        locator = ((held & LOCATOR_MASK) - _ONE >> np.uint64(locator_shift)) + _ONE
        outcome = put(new, new_mask, np.int64(hashed >> new_shift), hashed & remainder_mask, locator)
        if outcome < 0:
            return -1
        moved += outcome
    return moved


@kernel
def count_slots(table: Array) -> int:
    """Return how many slots are taken."""
    taken = 0
    for slot in range(table.size):
        taken += table[slot] != 0
    return taken
