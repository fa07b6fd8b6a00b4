"""Examples of docs/rules.md, recomputed by the reference; they hold without any file from outside."""

from fractions import Fraction
from typing import Any

import pytest

from tests.reference import settle, uscc
from tests.reference.matches import settle_one
from tests.reference.money import share_out
from tests.reference.parts import cumulative_floor
from tests.reference.quantity import text_of
from tests.reference.rounds import ROUNDS
from tests.support import records

A, OWNER = records.uscc(20016), records.uscc(90014)


def match(**fields: Any) -> dict[str, Any]:
    """A match of 合肥 of 400 P, completed in time."""
    return {
        "id": "m1",
        "city": "340100",
        "new_single_site_pflops": "400",
        "completed": "2024-12-31",
        "city_paid_fen": 1_000_000_000,
    } | fields


@pytest.mark.parametrize(
    ("fields", "uplift", "award_fen", "reasons"),
    [
        ({}, "off", 333_333_333, []),
        ({"new_single_site_pflops": "399.99"}, "off", 0, ["BELOW_400_PFLOPS"]),
        ({"new_single_site_pflops": "450", "completed": "2025-01-01"}, "off", 0, ["COMPLETED_LATE"]),
        ({"city": "340600", "new_single_site_pflops": "450", "city_paid_fen": 3_000_000_000}, "off", 10**9, []),
        ({"city": "340600", "city_paid_fen": 3_000_000_000}, "lifted", 1_200_000_000, []),
        ({"city_paid_fen": 0}, "off", 0, ["CITY_MONEY_NOT_PROVEN"]),
    ],
)
def test_the_compute_centre_match_pays_a_third(
    fields: dict[str, Any], uplift: str, award_fen: int, reasons: list[str]
) -> None:
    """The examples of R-DC."""
    settled = settle_one(match(**fields), {"uplift": uplift, "north_places": "six"})
    assert settled == {"award_fen": award_fen, "reasons": reasons}


@pytest.mark.parametrize(
    ("quantity", "text"),
    [
        (Fraction(1000), "1000"),
        (Fraction(7, 36), "7/36"),
        (Fraction(1, 1000), "0.001"),
        (Fraction(-600), "-600"),
        (Fraction(-5, 4), "-1.25"),
        (Fraction(0), "0"),
        (Fraction(999_999, 1000), "999.999"),
    ],
)
def test_a_quantity_is_written_exactly(quantity: Fraction, text: str) -> None:
    """A decimal without trailing zeros where it is finite, else a reduced fraction."""
    assert text_of(quantity) == text


def test_cumulative_floors_of_adjacent_parts_add_up() -> None:
    """10 fen over 3 hours: 3 and 7; and a red invoice is floored towards minus infinity."""
    assert cumulative_floor(10, 0, 1, 0, 3) + cumulative_floor(10, 1, 3, 0, 3) == 10
    assert cumulative_floor(10, 1, 3, 0, 3) == 7
    assert cumulative_floor(-10, 0, 1, 0, 3) == -4


def test_the_odd_fen_go_to_the_smaller_codes() -> None:
    """Three equal claims of 100.00 on a budget of 200.00."""
    assert share_out({"A": 10_000, "B": 10_000, "D": 10_000}, 20_000) == {"A": 6667, "B": 6667, "D": 6666}


def test_the_windows_leave_the_gap_of_2024() -> None:
    """R-GAP: from 2024-06-16 to 2024-09-14 no round, and no two rounds overlap."""
    first, second, third = (ROUNDS[name] for name in ("anhui-2024-1", "anhui-2025", "anhui-2026"))
    assert second.first_day - first.end_day == 91
    assert second.end_day == third.first_day


def test_a_wrong_check_character_is_no_code() -> None:
    """GB 32100-2015."""
    assert uscc.is_valid(A)
    assert not uscc.is_valid(A[:-1] + "0")
    assert not uscc.is_valid(A[:-1])


def test_one_plain_case_from_record_to_award() -> None:
    """20% of 1,000,000 yuan."""
    world = {
        "round": "anhui-2026",
        "order": {"rate": "0.20"},
        "entities": [records.entity(A)],
        "facilities": [records.facility("hub", owners=[{"uscc": OWNER, "share": "1"}])],
        "chips": [records.chip("K1000", tflops_fp16="1000")],
        "usage": [
            records.usage("u1", consumer=A, facility="hub", chip="K1000", cards=100, charge_fen=100_000_000)
            | {"started_at": "2025-10-01T08:00:00+08:00", "ended_at": "2025-10-01T18:00:00+08:00"}
        ],
    }
    line = settle(world)["lines"][A]
    assert (line["consumed_pflops_hours"], line["award_fen"], line["payable_fen"]) == ("1000", 20_000_000, 20_000_000)
    assert (line["reasons"], line["flags"]) == ([], ["NO_EXPENDITURE_EVIDENCE"])
