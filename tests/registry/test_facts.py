"""Which fact rules on a day (R-FACTS), and holdings above one, as pure functions against the rule said plainly."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from meter.days import EVER, NEVER
from meter.in_force import periods_in_force
from meter.registry.facts import held_above_one

DAYS = st.integers(0, 12)
FACTS = st.lists(
    st.tuples(st.one_of(st.just(EVER), DAYS), st.one_of(st.just(NEVER), st.integers(13, 20), DAYS)).filter(
        lambda period: period[0] < period[1]
    ),
    max_size=6,
)


def rules_on(facts: list[tuple[int, int]], day: int) -> int | None:
    """The place of the fact that rules on a day: the greatest start, of equal ones the later recorded; or none."""
    started = [(start, place) for place, (start, _) in enumerate(facts) if start <= day]
    if not started:
        return None
    _, place = max(started)
    return place if day < facts[place][1] else None


@given(FACTS)
def test_the_newest_fact_by_start_rules_and_an_ended_older_one_never_revives(facts: list[tuple[int, int]]) -> None:
    periods = periods_in_force((start, end, place) for place, (start, end) in enumerate(facts))
    for day in range(-1, 22):
        found = [place for start, end, place in periods if start <= day < end]
        assert found == [place for place in [rules_on(facts, day)] if place is not None]


@given(st.lists(st.tuples(st.integers(1, 3), FACTS, st.integers(0, 10)), max_size=6))
def test_holdings_above_one_are_found_on_their_first_day(said: list[tuple[int, list[tuple[int, int]], int]]) -> None:
    rows = [(holder, start, end, Decimal(tenths) / 10) for holder, facts, tenths in said for start, end in facts]

    def held_on(day: int) -> Decimal:
        total = Decimal(0)
        for holder in {row[0] for row in rows}:
            own = [row for row in rows if row[0] == holder]
            place = rules_on([(start, end) for _, start, end, _ in own], day)
            total += own[place][3] if place is not None else 0
        return total

    above = [day for day in range(-1, 22) if held_on(day) > 1]
    found = held_above_one(rows)
    assert (found is None) == (not above)
    if found is not None:
        assert found == (EVER if held_on(-1) > 1 else above[0])
