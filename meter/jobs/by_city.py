"""Use by month and city of the consumer's seat, for pictures: card-hours, charges and records."""

from __future__ import annotations

from typing import Any

import asyncpg
import polars as pl

from meter.days import date_of
from meter.registry.queries import seats
from meter.rollup.store import last_number, use_as_of

_CARD_HOUR = 3_600_000  # millicard-seconds


async def use_by_month_and_city(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return months in order, each with city (None: no seat on record), whole card-hours, fen and records."""
    use = await use_as_of(connection, await last_number(connection))
    if use.is_empty():
        return []
    sums = (
        use.group_by("consumer", "day")
        .agg(pl.col("millicard_seconds").sum(), pl.col("charge_fen").cast(pl.Int128).sum(), pl.col("starts").sum())
        .join(await seats(connection), on="consumer", how="left")
    )
    found: dict[tuple[str, str | None], list[int]] = {}
    for row in sums.iter_rows(named=True):
        key = date_of(row["day"]).strftime("%Y-%m"), None if row["region"] is None else f"{row['region'][:4]}00"
        one = found.setdefault(key, [0, 0, 0])
        for place, name in enumerate(("millicard_seconds", "charge_fen", "starts")):
            one[place] += int(row[name])
    return [
        {"month": month, "city": city, "card_hours": use // _CARD_HOUR, "charge_fen": fen, "records": records}
        for (month, city), (use, fen, records) in sorted(found.items(), key=lambda item: (item[0][0], item[0][1] or ""))
    ]
