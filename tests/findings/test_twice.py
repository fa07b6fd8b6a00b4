"""A record inside another with the same consumer, facility, cards and order is found once, with that other."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st

from meter.findings.finding import FINDING_SCHEMA
from meter.findings.month import Rows
from meter.findings.twice import TwiceSweep, as_findings
from tests.findings.rows import MIDNIGHT, Use, entries, loaded, metered_twice, months_of, number_of, uses


def pairs(some: list[Use], cuts: list[int]) -> list[tuple[int, int]]:
    """Return (inner, outer) as numbers of the uses."""

    def ready(rows: Rows) -> Callable[[], Rows]:
        return lambda: rows

    months = [(MIDNIGHT + 86_400 * (day - 20_400), ready(rows)) for day, rows in months_of(entries(some), cuts)]
    found = metered_twice(months)
    return sorted((number_of(inner), number_of(outer)) for inner, outer in found.select("inner", "outer").iter_rows())


def plainly(some: list[Use]) -> list[tuple[int, int]]:
    """Return the same by comparing every two records."""
    found = []
    for inner, use in enumerate(some):
        if use.order == 0 or use.start == use.end:
            continue
        around = [
            (other.end, -other.start, -outer)
            for outer, other in enumerate(some)
            if (other.consumer, other.facility, other.cards, other.order)
            == (use.consumer, use.facility, use.cards, use.order)
            and other.start <= use.start
            and use.end <= other.end
            and ((other.start, other.end) != (use.start, use.end) or outer < inner)
            and other.start != other.end
        ]
        if around:
            found.append((inner, -max(around)[2]))
    return found


@given(st.lists(uses(), max_size=40), st.lists(st.integers(1, 4), max_size=2))
@settings(max_examples=200, deadline=None)
def test_the_sweep_finds_what_comparing_every_two_finds(some: list[Use], cuts: list[int]) -> None:
    assert pairs(some, cuts) == plainly(some)


def test_many_records_of_one_order_are_sorted_before_they_are_compared() -> None:
    some = [Use((7 * n) % 500, (7 * n) % 500 + 1 + (n * n) % 90) for n in range(500)]
    assert pairs(some, []) == plainly(some)


def order_with_the_hash_of(order: int, facility: int, cards: int) -> int:
    """Return another order whose records, of consumer 1 at that facility, have the same hash in the sweep."""
    word = 2**64 - 1
    first, second = 0x9E3779B97F4A7C15, 0xD6E8FEB86659FD93
    where = (1 << 32) | facility
    mixed = (((order & word) * first & word) ^ where) * second & word
    mixed = (mixed ^ (1000 * cards) ^ (mixed >> 32)) * second & word
    mixed = (mixed ^ 1) * pow(second, -1, 2**64) & word ^ (1000 * cards)  # the sweep sets the lowest bit
    mixed = (mixed ^ (mixed >> 32)) * pow(second, -1, 2**64) & word
    found = (mixed ^ where) * pow(first, -1, 2**64) & word
    return found - 2**64 if found >= 2**63 else found


def test_orders_with_one_hash_are_told_apart() -> None:
    other = order_with_the_hash_of(7, facility=1, cards=1)
    assert other != 7
    some = [Use(0, 100, order=other), Use(1, 5, order=7), Use(2, 3, order=7), Use(3, 50, order=other), Use(4, 60)]
    found = pairs(some, [])
    assert found == plainly(some) == [(2, 1), (3, 0)]


def test_records_without_an_order_or_a_length_are_left_out() -> None:
    assert pairs([Use(0, 10, order=0), Use(2, 5, order=0), Use(0, 10), Use(5, 5)], []) == []


def test_a_finding_names_the_outer_record_first() -> None:
    found = as_findings(TwiceSweep().sweep(loaded(entries([Use(2, 5, 2), Use(0, 10, 2)])), MIDNIGHT + 86_400))
    assert found.schema == FINDING_SCHEMA
    assert found["records"].to_list() == [[{"batch": 1, "ordinal": 1}, {"batch": 1, "ordinal": 0}]]
    assert found["found"].to_list() == [3 * 2000]
