"""The hash table of the key file beside a dictionary: what was put in is found, however crowded the buckets are."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.kernels.hash_table import (
    BUCKET_SLOTS,
    FARTHEST,
    FEWEST_BUCKET_BITS,
    HASH_BITS,
    LARGEST_LOCATOR,
    count_slots,
    find_keys,
    hash_of,
    insert_keys,
    move_slots,
)

Keys = npt.NDArray[np.uint64]
SECRETS = np.array([0x0123456789ABCDEF, 0xFEDCBA9876543210], np.uint64)
WORD = 2**64
FIRST, SECOND = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB
"""The factors of the mix, here once more: the tests undo it."""
BITS = FEWEST_BUCKET_BITS
PLACES = BUCKET_SLOTS * (FARTHEST + 1)


def key_with(hashed: int, second: int) -> tuple[int, int]:
    """The key with this second half whose hash this is: the mix undone step by step."""
    value = hashed << (64 - HASH_BITS)
    value ^= value >> 32
    value = value * pow(SECOND, -1, WORD) % WORD
    value ^= (value >> 29) ^ (value >> 58)
    value = value * pow(int(SECRETS[1]) | 1, -1, WORD) % WORD
    value = (value - second) % WORD
    value ^= value >> 32
    return value * pow(FIRST, -1, WORD) % WORD ^ int(SECRETS[0]), second


def keys_with(hashes: list[int]) -> Keys:
    """A key for each hash, no two of them the same key."""
    return np.array([key_with(hashed, number) for number, hashed in enumerate(hashes)], np.uint64).reshape(-1, 2)


def empty(bits: int = BITS) -> Any:
    """A table with no key in it."""
    return np.zeros(BUCKET_SLOTS << bits, np.uint64)


def found_in(table: Any, bits: int, keys: Keys) -> list[set[int]]:
    """The locators under which each key may stand."""
    room = PLACES * (len(keys) + 1)
    rows, locators = np.empty(room, np.int64), np.empty(room, np.int64)
    count = find_keys(table, bits, SECRETS, keys, rows, locators)
    assert count <= room
    found: list[set[int]] = [set() for _ in keys]
    for row, locator in zip(rows[:count], locators[:count], strict=True):
        found[row].add(int(locator))
    return found


def put_all(table: Any, bits: int, keys: Keys, locators: list[int]) -> tuple[int, int]:
    """Insert; how many slots were added, how many rows dealt with."""
    added, dealt = insert_keys(table, bits, SECRETS, keys, np.array(locators, np.int64))
    return int(added), int(dealt)


@given(st.lists(st.integers(0, 2**HASH_BITS - 1), min_size=1, max_size=80))
@settings(max_examples=50, deadline=None)
def test_a_key_can_be_made_for_any_hash(hashes: list[int]) -> None:
    assert [int(hash_of(first, second, SECRETS)) for first, second in keys_with(hashes)] == hashes


few_homes = st.integers(0, 3)
few_remainders = st.integers(0, 5) | st.integers(0, 2 ** (HASH_BITS - BITS) - 1)
crowded = st.tuples(few_homes, few_remainders).map(lambda pair: pair[0] << (HASH_BITS - BITS) | pair[1])
entries = st.lists(st.tuples(crowded, st.integers(1, 3) | st.integers(1, LARGEST_LOCATOR)), min_size=1, max_size=120)


@given(entries, entries, st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=150, deadline=None)
def test_it_finds_what_a_dictionary_finds_before_and_after_a_move(
    given_entries: list[tuple[int, int]], others: list[tuple[int, int]], wider: int, shift: int
) -> None:
    """Keys of few homes and few remainders: many lie far from home, and many look alike."""
    table, hashes = empty(), [hashed for hashed, _ in given_entries]
    keys, locators = keys_with(hashes), [locator for _, locator in given_entries]
    model: dict[int, set[int]] = {}
    added, dealt = put_all(table, BITS, keys, locators)
    for hashed, locator in given_entries[:dealt]:
        model.setdefault(hashed, set()).add(locator)
    assert added == count_slots(table) == sum(len(found) for found in model.values())
    assert dealt == len(keys) or max(len(model), added) > BUCKET_SLOTS * 2
    asked = hashes[:dealt] + [hashed for hashed, _ in others]
    assert found_in(table, BITS, keys_with(asked)) == [model.get(hashed, set()) for hashed in asked]
    assert put_all(table, BITS, keys[:dealt], locators[:dealt]) == (0, dealt), "what is there stays as it is"
    target = empty(BITS + wider)
    moved = move_slots(table, BITS, target, BITS + wider, shift)
    coarser = {hashed: {(one - 1 >> shift) + 1 for one in found} for hashed, found in model.items()}
    if moved < 0:
        assert wider == 0, "with more buckets there is room"
    else:
        assert moved == count_slots(target) == sum(len(found) for found in coarser.values())
        assert found_in(target, BITS + wider, keys_with(asked)) == [coarser.get(hashed, set()) for hashed in asked]


def test_keys_of_one_home_and_stride_fill_their_buckets_and_the_next_is_refused() -> None:
    """One hash under more locators than its buckets have slots: each is found, and the first without room is told."""
    table, locators = empty(), list(range(1, PLACES + 4))
    keys = keys_with([12_345] * len(locators))
    assert put_all(table, BITS, keys, locators) == (PLACES, PLACES)
    assert found_in(table, BITS, keys[:1]) == [set(range(1, PLACES + 1))]
    assert move_slots(table, BITS, empty(BITS + 1), BITS + 1, 0) == PLACES


@pytest.mark.parametrize("share", [0.5, 0.75])
def test_random_keys_fill_three_quarters_of_a_table_and_are_all_found(share: float) -> None:
    chance = np.random.default_rng(7)
    count = int(share * (BUCKET_SLOTS << BITS))
    keys, locators = chance.integers(0, WORD, (count, 2), np.uint64), chance.integers(1, LARGEST_LOCATOR, count)
    table = empty()
    assert insert_keys(table, BITS, SECRETS, keys, locators) == (count, count)
    rows, found = np.empty(2 * count, np.int64), np.empty(2 * count, np.int64)
    assert find_keys(table, BITS, SECRETS, keys, rows, found) == count
    assert (rows[:count] == np.arange(count)).all()
    assert (found[:count] == locators).all()
    strangers = chance.integers(0, WORD, (count, 2), np.uint64)
    assert find_keys(table, BITS, SECRETS, strangers, rows, found) == 0


def test_what_does_not_fit_into_the_answer_is_counted() -> None:
    table, keys = empty(), keys_with([9, 9, 9])
    put_all(table, BITS, keys, [1, 2, 3])
    rows, locators = np.full(2, -1, np.int64), np.full(2, -1, np.int64)
    assert find_keys(table, BITS, SECRETS, keys[:1], rows, locators) == 3
    assert locators.tolist() == [1, 2]
