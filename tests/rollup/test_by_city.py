"""Use by month and city: added up exactly, by the seat of the consumer, whatever it comes to."""

from __future__ import annotations

from datetime import date

import polars as pl

from meter.days import day_number
from meter.jobs.by_city import by_month_and_city

HOUR = 3_600_000  # millicard-seconds of a card


def test_days_are_added_up_by_month_and_by_the_city_of_the_seat() -> None:
    days = [day_number(day) for day in (date(2025, 9, 1), date(2025, 9, 30), date(2025, 10, 1), date(2025, 9, 2))]
    use = pl.DataFrame(
        {"consumer": [1, 1, 1, 2], "day": days, "millicard_seconds": [HOUR, 2 * HOUR, HOUR - 1, 5 * HOUR],
         "charge_fen": [2**62, 2**62, 3, 4], "starts": [1, 1, 1, 2]},
        schema_overrides={"consumer": pl.Int32, "day": pl.Int32},
    )  # fmt: skip
    regions = pl.DataFrame({"consumer": [1], "region": ["340123"]}, schema_overrides={"consumer": pl.Int32})
    assert by_month_and_city(use, regions) == [
        {"month": "2025-09", "city": None, "card_hours": 5, "charge_fen": 4, "records": 2},
        {"month": "2025-09", "city": "340100", "card_hours": 3, "charge_fen": 2**63, "records": 2},
        {"month": "2025-10", "city": "340100", "card_hours": 0, "charge_fen": 3, "records": 1},
    ]
