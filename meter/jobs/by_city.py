"""Use by month and city of the consumer's seat, for pictures: card-hours, charges and records."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import polars as pl

from meter.days import date_of
from meter.registry.queries import seats
from meter.rollup.store import last_number, use_as_of

_CARD_HOUR = 3_600_000  # millicard-seconds
_SUMMED = ("millicard_seconds", "charge_fen", "starts")


async def use_by_month_and_city(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return months in order, each with city (None: no seat on record), whole card-hours, fen and records."""
    use = await use_as_of(connection, await last_number(connection))
    if use.is_empty():
        return []
    regions = await seats(connection)
    return await asyncio.to_thread(by_month_and_city, use, regions)  # others are answered meanwhile


def by_month_and_city(use: pl.DataFrame, regions: pl.DataFrame) -> list[dict[str, Any]]:
    """Return the same of use and of (consumer, region).

    A province has a million days of consumers: they are added up by day and city before any is counted here.
    """
    cities = regions.select("consumer", city=pl.col("region").str.slice(0, 4) + "00")
    sums = (
        use.join(cities, on="consumer", how="left")
        .group_by("day", "city")
        .agg(pl.col(name).cast(pl.Int128).sum() for name in _SUMMED)
    )
    found: dict[tuple[str, str | None], list[int]] = {}
    for row in sums.iter_rows(named=True):
        one = found.setdefault((date_of(row["day"]).strftime("%Y-%m"), row["city"]), [0] * len(_SUMMED))
        for place, name in enumerate(_SUMMED):
            one[place] += int(row[name])
    return [
        {"month": month, "city": city, "card_hours": use // _CARD_HOUR, "charge_fen": fen, "records": records}
        for (month, city), (use, fen, records) in sorted(found.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    ]
