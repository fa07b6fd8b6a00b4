"""Use above the registered capacity is found on each day on which it happens, with the records that exceed it."""

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.findings.capacity import CAPACITY_SCHEMA, OverlappingCapacities, with_proof
from meter.findings.finding import FINDING_SCHEMA
from tests.findings.rows import DAY, MIDNIGHT, Use, days_above, entries, loaded, months_of, uses


def capacities(*facts: tuple[int, int, int, int, int]) -> pl.DataFrame:
    """Return capacities from (facility, chip, first day, day after the last, cards), days from DAY."""
    rows = [(f, c, DAY + first, DAY + last, 1000 * cards) for f, c, first, last, cards in facts]
    return pl.DataFrame(rows, schema=CAPACITY_SCHEMA, orient="row")


def above(some: list[Use], *facts: tuple[int, int, int, int, int], cuts: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """Return (facility, chip, day, seconds from MIDNIGHT, cards, capacity) for each day above."""
    months = [(day, lambda rows=rows: rows) for day, rows in months_of(entries(some), cuts)]
    found = days_above(months, capacities(*facts))
    return [
        (f, c, day - DAY, instant - MIDNIGHT, cards // 1000, limit // 1000)
        for f, c, day, instant, cards, limit in found.iter_rows()
    ]


def plainly(some: list[Use], facts: list[tuple[int, int, int, int, int]]) -> list[tuple[int, ...]]:
    """Return the same by looking at every instant at which use or capacity can change."""
    found: list[tuple[int, ...]] = []
    for facility, chip in sorted({(fact[0], fact[1]) for fact in facts}):
        here = [use for use in some if (use.facility, use.chip) == (facility, chip)]
        for day in range(-1, 12):
            limits = [cards for f, c, low, high, cards in facts if (f, c) == (facility, chip) and low <= day < high]
            if not limits:
                continue
            instants = {86_400 * day} | {t for use in here for t in (use.start, use.end) if t // 86_400 == day}
            peaks = [(sum(u.cards for u in here if u.start <= t < u.end) - limits[0], -t) for t in instants]
            excess, instant = max(peaks)
            if excess > 0:
                found.append((facility, chip, day, -instant, excess + limits[0], limits[0]))
    return found


@given(st.lists(uses(), max_size=14), st.lists(st.integers(1, 4), max_size=2), st.integers(0, 3), st.integers(1, 4))
@settings(max_examples=150, deadline=None)
def test_the_sweep_finds_what_looking_at_every_instant_finds(
    some: list[Use], cuts: list[int], first: int, cards: int
) -> None:
    facts = [(1, 1, -5, 2, cards), (1, 1, 2, 20, cards + 1), (1, 2, first, 9, 2), (2, 2, -5, 20, 1)]
    assert above(some, *facts, cuts=tuple(cuts)) == plainly(some, facts)


def test_a_record_that_begins_when_another_ends_does_not_add_to_it() -> None:
    assert above([Use(0, 100, 2), Use(100, 200, 2)], (1, 1, 0, 9, 2)) == []
    assert above([Use(0, 101, 2), Use(100, 200, 2)], (1, 1, 0, 9, 2)) == [(1, 1, 0, 100, 4, 2)]


def test_use_that_stays_above_is_found_on_every_day_it_lasts() -> None:
    found = above([Use(3_600, 3 * 86_400 + 1, 5)], (1, 1, 0, 99, 4))
    assert [(day, instant) for _, _, day, instant, _, _ in found] == [
        (0, 3_600),
        (1, 86_400),
        (2, 172_800),
        (3, 259_200),
    ]


def test_where_nothing_is_registered_nothing_is_above() -> None:
    assert above([Use(0, 100, 9)], (2, 1, 0, 9, 1)) == []
    assert above([Use(0, 100, 9)], (1, 1, 1, 9, 1)) == []


def test_the_proof_is_the_fewest_records_that_exceed_the_capacity() -> None:
    some = [Use(0, 50, 1), Use(0, 50, 4), Use(10, 60, 3), Use(90, 95, 9, facility=2), Use(0, 10, 8, chip=2)]
    rows = loaded(entries(some))
    days = days_above([(DAY + 1, lambda: rows)], capacities((1, 1, 0, 9, 6)))
    found = with_proof(days, [lambda: rows])
    assert found.schema == FINDING_SCHEMA
    assert found["records"].to_list() == [[{"batch": 1, "ordinal": 1}, {"batch": 1, "ordinal": 2}]]
    assert found.select("found", "expected").rows() == [(8000, 6000)]


def test_a_corrected_record_does_not_count() -> None:
    rows = entries([Use(0, 50, 4), Use(0, 50, 4)])
    rows["sign"][1] = -1
    rows["corrected_batch"][1], rows["corrected_ordinal"][1] = 1, 0
    assert len(loaded(rows).record) == 0


def test_two_capacities_for_one_day_are_refused() -> None:
    with pytest.raises(OverlappingCapacities):
        days_above([], capacities((1, 1, 0, 9, 1), (1, 1, 8, 12, 1)))
