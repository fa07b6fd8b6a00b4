"""What is in force on a day: the array form finds what the plain form finds, and days have one number."""

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.days import (
    EVER,
    FIRST_DATE,
    LAST_DATE,
    NEVER,
    SHANGHAI,
    date_of,
    day_number,
    first_second,
    read_date,
    read_instant,
)
from meter.in_force import facts_in_force, is_in_force, last_in_window, periods_in_force, timeline_of

SUBJECTS = 3
DAYS = st.integers(0, 12)
FACTS = st.lists(
    st.tuples(
        st.integers(0, SUBJECTS - 1),
        st.one_of(st.just(EVER), DAYS),
        st.one_of(st.just(NEVER), st.integers(13, 20), DAYS),
    ).filter(lambda fact: fact[1] < fact[2]),
    max_size=10,
)
UNHURRIED = settings(deadline=None)  # the first example may wait for the compiler


@UNHURRIED
@given(FACTS, st.randoms(use_true_random=False))
def test_the_plain_form_and_the_kernels_find_the_same_facts(facts: list[tuple[int, int, int]], chance: object) -> None:
    recorded = list(range(len(facts)))
    chance.shuffle(recorded)  # type: ignore[attr-defined]
    subject, start, end = (np.array([fact[i] for fact in facts], np.int64) for i in range(3))
    lines = timeline_of(subject, start, end, np.array(recorded, np.int64), SUBJECTS)
    in_order = sorted(range(len(facts)), key=lambda place: recorded[place])
    plain = [
        periods_in_force((facts[place][1], facts[place][2], place) for place in in_order if facts[place][0] == one)
        for one in range(SUBJECTS)
    ]
    for one in range(SUBJECTS):
        low, high = lines.offset[one], lines.offset[one + 1]
        found = [(int(lines.begin[i]), int(lines.end[i]), int(lines.fact[i])) for i in range(low, high)]
        assert found == plain[one]
    asked = [(one, day) for one in range(SUBJECTS) for day in range(-1, 22)]
    subjects, days = (np.array(column, np.int32) for column in zip(*asked, strict=True))
    for stand_in in (False, True):
        found_facts = facts_in_force(lines.offset, lines.begin, lines.end, lines.fact, subjects, days, stand_in)
        for (one, day), fact in zip(asked, found_facts.tolist(), strict=True):
            here = [place for begin, until, place in plain[one] if begin <= day and (day < until or stand_in)]
            assert fact == (here[-1] if here else -1)
            if not stand_in:
                assert lines.fact_on(one, day) == (here[-1] if here else None)
    for one, day in asked:
        low, high = lines.offset[one], lines.offset[one + 1]
        assert is_in_force(lines.begin, lines.end, low, high, day) == (lines.fact_on(one, day) is not None)
    for first, last in ((0, 5), (4, 4), (9, 15)):
        newest = last_in_window(lines.offset, lines.begin, lines.end, lines.fact, first, last)
        for one, fact in enumerate(newest.tolist()):
            touching = [place for begin, until, place in plain[one] if begin <= last and first < until]
            assert fact == (touching[-1] if touching else -1)


@given(st.dates(FIRST_DATE, LAST_DATE))
def test_a_date_and_its_number_are_each_others_inverse(day: date) -> None:
    number = day_number(day)
    assert date_of(number) == day == read_date(day.isoformat())
    assert day_number(first_second(number)) == number == day_number(first_second(number + 1) - 1)
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI)
    assert day_number(noon) == number == day_number(int(noon.timestamp()))


@pytest.mark.parametrize(
    "text",
    [
        "1899-12-31",
        "0001-01-01",
        "10000-01-01",
        "2025-02-29",
        "２０２５-01-01",
        "20250101",
        None,
        20250101,
        date(2025, 1, 1),
    ],
)
def test_what_is_no_date_that_a_client_may_give_is_none(text: object) -> None:
    assert read_date(text) is None


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("1970-01-01T08:00:00+08:00", datetime(1970, 1, 1, tzinfo=UTC)),
        ("2025-10-01t00:00:00.1234567z", datetime(2025, 10, 1, 0, 0, 0, 123456, tzinfo=UTC)),
        ("1900-01-01T00:00:00+08:00", datetime(1899, 12, 31, 16, tzinfo=UTC)),
        ("9999-12-31T23:59:59+08:00", datetime(9999, 12, 31, 15, 59, 59, tzinfo=UTC)),
        ("1899-12-31T23:59:59+08:00", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00+23:59", None),
        ("0000-01-01T00:00:00Z", None),
        ("2025-10-01", None),
        ("2025-10-01T00:00:00", None),
        ("2025-13-01T00:00:00Z", None),
        ("2025-10-01T24:00:00Z", None),
        ("２０２５-10-01T00:00:00Z", None),
        (None, None),
    ],
)
def test_an_instant_is_rfc_3339_on_a_day_that_a_client_may_give(text: object, instant: datetime | None) -> None:
    assert read_instant(text) == instant
