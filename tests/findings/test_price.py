"""Prices far from the median of their facility, chip and month are found by whole numbers alone."""

from fractions import Fraction
from math import floor

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from meter.findings.finding import FINDING_SCHEMA
from meter.findings.price import HIGHEST_PRICE, as_findings, price_strays, prices
from tests.findings.rows import Use, entries, loaded, number_of


@given(st.integers(1, 10**9), st.integers(1, 10 * 366 * 86_400), st.integers(0, 10**15))
@settings(max_examples=300, deadline=None)
def test_a_price_is_the_floor_of_the_exact_quotient(millicards: int, seconds: int, charge: int) -> None:
    found = prices(*(np.array([value]) for value in (millicards, 0, seconds, charge)))
    exact = floor(Fraction(1000 * charge) / Fraction(millicards * seconds, 3_600_000))
    assert found[0] == min(exact, HIGHEST_PRICE)


def test_strays_are_measured_against_their_own_facility_and_chip() -> None:
    usual = [Use(n, n + 3_600, 1, charge=1_000) for n in range(30)]
    dear = [Use(n, n + 3_600, 1, facility=2, charge=9_000) for n in range(30)]
    odd = [
        Use(0, 3_600, charge=3_001),
        Use(0, 3_600, charge=3_000),
        Use(0, 3_600, charge=333),
        Use(0, 7_200, charge=667),
    ]
    found = price_strays(loaded(entries([*usual, *dear, *odd])))
    assert [number_of(record) - 60 for record in found["record"]] == [0, 2]
    assert found["median"].to_list() == [1_000_000] * 2
    assert as_findings(found).schema == FINDING_SCHEMA


def test_few_records_and_records_of_no_length_have_no_median() -> None:
    some = (
        [Use(n, n + 3_600, charge=1_000) for n in range(18)] + [Use(5, 5, charge=99)] * 10 + [Use(0, 1, charge=9_999)]
    )
    assert price_strays(loaded(entries(some))).is_empty()
    assert price_strays(loaded(entries(some)), fewest=19).height == 1
