"""What the registry knows: which days a fact rules, and values that are extended without being changed."""

import random
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from meter.intake import RECORD, DatedCode, Registered
from meter.intake.registry_view.catalogue import days_in_force
from meter.intake.registry_view.parties import Parties
from meter.uscc import ALPHABET

DAYS = st.none() | st.integers(0, 12)


def rules(facts: list[tuple[int | None, int | None]], day: int) -> bool:
    """Word for word: the greatest start on or before the day, the later recorded of two; nothing rules from its end."""
    ruling: tuple[int | None, int | None] | None = None
    for fact in facts:
        start = -99 if fact[0] is None else fact[0]
        if start <= day and (ruling is None or start >= (-99 if ruling[0] is None else ruling[0])):
            ruling = fact
    return ruling is not None and (ruling[1] is None or day < ruling[1])


@given(st.lists(st.tuples(DAYS, DAYS), max_size=5))
def test_days_in_force(facts: list[tuple[int | None, int | None]]) -> None:
    """Against the rule applied to every day, one by one; spans are ascending and disjoint."""
    spans = days_in_force(DatedCode("x", 1, first, end) for first, end in facts)
    for day in range(-3, 15):
        assert any(first <= day < end for first, end in spans) == rules(facts, day)
    edges = [edge for span in spans for edge in span]
    assert edges == sorted(edges)
    assert all(first < end for first, end in spans)


def code(number: int) -> str:
    """Some 18 characters; the check digit does not matter here."""
    return f"91340100MA{number:07d}{ALPHABET[number % 31]}"


def lookup(parties: Parties, codes: list[str]) -> list[int]:
    """Numbers by code."""
    rows = np.zeros(len(codes), RECORD)
    if codes:
        rows["consumer_code"] = np.array(codes, "S18").view(np.uint8).reshape(-1, 18)
    return parties.numbers_of(rows, "consumer_code").tolist()  # type: ignore[no-any-return]


def test_older_values_do_not_see_what_came_later() -> None:
    """Extended in place, over a change of size, and from an older value: each keeps what it knew."""
    known = [Parties.empty()]
    for step in range(40):
        numbers = list(range(step * 100, step * 100 + 100))
        known.append(known[-1].extended([code(number) for number in numbers], numbers))
    every = [code(number) for number in range(4100)]
    for step, parties in enumerate(known):
        expected = [number if number < step * 100 else -1 for number in range(4100)]
        assert lookup(parties, every) == expected
    branch = known[3].extended([code(9999), code(5)], [1, 77])
    assert lookup(branch, [code(9999), code(5), code(299), code(300)]) == [1, 5, 299, -1]
    assert lookup(known[-1], [code(9999), code(300)]) == [-1, 300]


def test_readers_and_a_writer_at_once() -> None:
    """A lookup gives the number or, in an older value, nothing; never another's number."""
    parties = Parties.empty()
    chance = random.Random(1)
    with ThreadPoolExecutor(4) as pool:
        waiting = []
        for step in range(200):
            parties = parties.extended([code(step)], [step])
            asked = [chance.randrange(250) for _ in range(50)]
            waiting.append((step, asked, pool.submit(lookup, parties, [code(number) for number in asked])))
        for step, asked, found in waiting:
            assert found.result() == [number if number <= step else -1 for number in asked]


def test_facts_are_extended_by_value() -> None:
    """A new fact is known from its version on."""
    first = Registered.of(1, [DatedCode("hub", 7, 10)], [])
    second = first.extended(2, facilities=[DatedCode("hub", 7, 20, 30), DatedCode("new", 8)])
    assert first.facilities.numbers == {"hub": (7, ((10, 2**31 - 1),))}
    assert second.facilities.numbers == {"hub": (7, ((10, 30),)), "new": (8, ((-(2**31), 2**31 - 1),))}
    assert second.chips is first.chips
    assert (first.version, second.version) == (1, 2)
