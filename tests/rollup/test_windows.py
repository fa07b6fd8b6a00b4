"""Totals are split exactly at any two instants and count the records that touch the span."""

from dataclasses import replace
from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.rollup.windows import TOTALS_BY, window_totals
from tests.rollup.plain import Row, as_entries, local_midnight, plain_window_totals
from tests.rollup.strategies import TEN_YEARS, instants, records

MIDNIGHT = local_midnight(20_400)
SUBSETS = [by for count in range(len(TOTALS_BY) + 1) for by in combinations(TOTALS_BY, count)]


@given(st.lists(records(longest_seconds=40 * 86_400), max_size=20), instants(), instants(), st.sampled_from(SUBSETS))
@settings(max_examples=300, deadline=None)
def test_totals_equal_the_plain_ones(rows: list[Row], one: int, other: int, by: tuple[str, ...]) -> None:
    start, end = min(one, other), max(one, other)
    frame = window_totals(as_entries(rows), start, end, by)
    expected = plain_window_totals(rows, start, end, by)
    if not by:
        assert frame.rows() == [expected.get((), (0, 0, 0))]
        return
    assert frame.rows() == sorted((*key, *sums) for key, sums in expected.items())


@given(st.lists(records(), max_size=10), st.lists(instants(), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_adjacent_spans_add_up(rows: list[Row], cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), 2**40]
    spans = [window_totals(as_entries(rows), start, end).row(0) for start, end in pairwise(edges)]
    assert sum(span[0] for span in spans) == sum(r.sign * r.millicards * (r.ended - r.started) for r in rows)
    assert sum(span[1] for span in spans) == sum(r.sign * r.charge_fen for r in rows)


def test_a_record_that_ends_where_the_span_starts_does_not_touch_it() -> None:
    rows = [Row(MIDNIGHT - 10, MIDNIGHT), Row(MIDNIGHT + 10, MIDNIGHT + 20), Row(MIDNIGHT + 10, MIDNIGHT + 10)]
    assert window_totals(as_entries(rows), MIDNIGHT, MIDNIGHT + 10).row(0) == (0, 0, 0)


def test_a_record_of_no_length_touches_the_span_it_starts_in() -> None:
    rows = [Row(MIDNIGHT, MIDNIGHT, 5)]
    assert window_totals(as_entries(rows), MIDNIGHT, MIDNIGHT + 1).row(0) == (0, 5, 1)


def test_a_record_over_three_days_is_one_record_in_all_and_one_on_each_day() -> None:
    rows = [Row(MIDNIGHT - 5, MIDNIGHT + 86_400 + 5, 100)]
    assert window_totals(as_entries(rows), 0, 2**40)["records"].to_list() == [1]
    assert window_totals(as_entries(rows), 0, 2**40, ["day"])["records"].to_list() == [1, 1, 1]


def test_sums_of_the_largest_records_are_exact_even_inside_one_run() -> None:
    largest = Row(MIDNIGHT, MIDNIGHT + TEN_YEARS, millicards=10**9)
    back = replace(largest, sign=-1)
    for by in ((), ("consumer",)):
        (found,) = window_totals(as_entries([largest] * 30), 0, 2**40, by)["millicard_seconds"].to_list()
        assert found == 30 * 10**9 * TEN_YEARS
    rows = [largest] * 300 + [back] * 299
    assert window_totals(as_entries(rows), 0, 2**40).row(0) == (10**9 * TEN_YEARS, 0, 1)


def test_usage_is_not_grouped_by_something_else() -> None:
    with pytest.raises(ValueError, match="purpose"):
        window_totals(as_entries([]), 0, 1, ["purpose"])
