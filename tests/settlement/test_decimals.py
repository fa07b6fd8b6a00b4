"""Exact decimals are read within stated bounds, or not at all, and shown as they were."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meter.decimals import DIGITS_MAX, decimal_text, read_decimal, read_rational
from settlement.numbers.exact import exact_number


@pytest.mark.parametrize(
    "text",
    [
        *["9" * 5000, "0." + "1" * 5000, "1e400", "1E5", "NaN", "Infinity", "inf", "-0", "-0.00", "－1", "１", "٣"],
        *[
            "",
            " ",
            " 1",
            "1 ",
            "1\n",
            ".5",
            "5.",
            "+1",
            "1_000",
            "1,000",
            "0x10",
            "1/3",
            "--1",
            "1.2.3",
            None,
            True,
            1.0,
        ],
    ],
)
def test_what_is_no_plain_decimal_is_not_read(text: object) -> None:
    assert read_decimal(text) is None
    assert read_decimal(text, signed=True) is None
    assert exact_number(text) is None


@given(st.integers(0, 10**12), st.integers(0, 9), st.booleans())
def test_a_decimal_that_is_shown_is_read_back(digits: int, places: int, below: bool) -> None:
    value = Fraction(-digits if below else digits, 10**places)
    assert read_decimal(decimal_text(value), signed=True, canonical=True) == value
    assert (read_decimal(decimal_text(value)) is None) == (value < 0)


@given(st.integers(-(10**12), 10**12), st.integers(1, 10**6))
def test_any_fraction_that_is_shown_is_read_back(above: int, below: int) -> None:
    assert read_rational(decimal_text(Fraction(above, below)), signed=True) == Fraction(above, below)


def test_the_bounds_are_on_digits_on_either_side_of_the_point() -> None:
    most = "9" * DIGITS_MAX
    assert read_decimal(f"{most}.{most}") == Fraction(f"{most}.{most}")
    assert read_decimal(f"{most}9") is read_decimal(f"0.{most}9") is None
    assert read_decimal("007.50") == Fraction(15, 2)
    assert read_decimal("007.50", canonical=True) is None
    assert read_decimal("0.1234567890", places=9) is None
    assert read_rational("1/0") is read_rational("1/3/4") is read_rational("0.5/2") is read_rational("-1/3") is None
