"""Use by month and city, for pictures: by the consumer's seat card-hours, charges and records; used and supplied."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

import asyncpg

from meter.days import date_of
from meter.rollup.store import balance_by_month_and_city, use_by_day_and_city

_CARD_HOUR = 3_600_000  # millicard-seconds
_TENTH = 360_000_000  # of a PFLOPS-hour, in millicard-seconds times TFLOPS
_SUMMED = ("millicard_seconds", "charge_fen", "starts")


async def use_by_month_and_city(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return months in order with city (None: no seat on record), whole card-hours, fen and records, as far as use is
    added up.
    """
    return by_month_and_city(await use_by_day_and_city(connection))


def by_month_and_city(days: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the same of sums by day and city."""
    found: dict[tuple[str, str | None], list[int]] = {}
    for row in days:
        one = found.setdefault((date_of(row["day"]).strftime("%Y-%m"), row["city"]), [0] * len(_SUMMED))
        for place, name in enumerate(_SUMMED):
            one[place] += int(row[name])
    return [
        {"month": month, "city": city, "card_hours": use // _CARD_HOUR, "charge_fen": fen, "records": records}
        for (month, city), (use, fen, records) in sorted(found.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    ]


async def used_and_supplied(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return months in order with city (None: no seat on record), what its consumers used through the platform and its
    investors' facilities supplied, and the difference, in tenths of a PFLOPS-hour; fen, and fen of use without a
    stated purpose. The difference is that of the rounded figures, so that whoever subtracts what is shown gets it.
    """
    found = []
    for row in await balance_by_month_and_city(connection):
        used, supplied = (int(row[name] / _TENTH + Decimal("0.5")) for name in ("consumed", "supplied"))
        found.append({
            "month": row["month"], "city": row["city"], "consumed": used, "supplied": supplied, "net": used - supplied,
            "spend_fen": int(row["spend_fen"]), "unstated_fen": int(row["unstated_fen"]),
        })  # fmt: skip
    return found
