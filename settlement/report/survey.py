"""What a report says of all lines together, gathered while they go by: counts, codes, cities, the rows of the form."""

from __future__ import annotations

from collections import Counter
from types import TracebackType

import polars as pl

from settlement.report.quantities import QuantitySums
from settlement.report.spill import Spill

CITY_MONEY = ("eligible_expenditure_fen", "base_fen", "award_fen", "held_fen", "payable_fen", "adjustment_fen")
CITY_QUANTITIES = ("consumed_pflops_hours", "supplied_pflops_hours", "net_pflops_hours")
EVERYWHERE = ""


class Survey:
    """Sums over the lines seen so far; sums of money are exact whatever they come to."""

    def __init__(self, *, by_city: bool) -> None:
        self.lines = self.payable = self.held = 0
        self.codes: Counter[str] = Counter()
        self.requested_fen: Counter[str] = Counter()
        """What the form asks for, by the city of its table (one table: under EVERYWHERE)."""
        self.requests = Spill()
        """The rows of the form by the same key: uscc, name, region, requested_fen."""
        self._by_city = by_city
        self._cities: list[pl.DataFrame] = []
        self.quantities = {name: QuantitySums() for name in CITY_QUANTITIES}
        """Sums of the lines' quantities by city."""

    def __enter__(self) -> Survey:
        """Return itself: what is put aside lasts as long as the block."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Let go of what was put aside."""
        self.requests.close()

    def add(self, lines: pl.DataFrame) -> None:
        """Take in some lines."""
        pays, waits = lines["payable_fen"] > 0, lines["held_fen"] > 0
        self.lines += lines.height
        self.payable += int(pays.sum())
        self.held += int((waits & ~pays).sum())
        for name in ("reasons", "flags"):
            for code, lines_with in lines[name].explode(empty_as_null=False).drop_nulls().value_counts().iter_rows():
                self.codes[code] += lines_with
        city = pl.col("region").str.slice(0, 4) + "00"
        seen = lines.with_columns(
            city=pl.when(pl.col("region").fill_null("") == "").then(pl.lit("")).otherwise(city),
            requested_fen=pl.coalesce("adjustment_fen", "payable_fen"),
        )
        self._add_cities(seen)
        asked = seen.filter(pl.col("requested_fen") != 0)
        if not self._by_city:
            asked = asked.with_columns(city=pl.lit(EVERYWHERE))
        for key, fen in asked.group_by("city").agg(pl.col("requested_fen").cast(pl.Int128).sum()).iter_rows():
            self.requested_fen[key] += fen
        self.requests.add(asked["city"], asked.select("uscc", "name", "region", "requested_fen"))

    def _add_cities(self, lines: pl.DataFrame) -> None:
        for name, sums in self.quantities.items():
            sums.add(lines["city"], lines[name])
        found = lines.group_by("city").agg(
            pl.len().cast(pl.Int64).alias("entities"),
            (pl.col("payable_fen") > 0).sum().cast(pl.Int64).alias("payable_entities"),
            (pl.col("held_fen") > 0).sum().cast(pl.Int64).alias("held_entities"),
            *(pl.col(name).cast(pl.Int128).sum() for name in CITY_MONEY),
        )
        together = pl.concat([*self._cities, found])
        self._cities = [together.group_by("city").sum()]

    def cities(self) -> pl.DataFrame:
        """Return one row a city, in order of its code: city, entities, payable_entities, held_entities, CITY_MONEY."""
        if self._cities:
            return self._cities[0].sort("city")
        counts = dict.fromkeys(("entities", "payable_entities", "held_entities"), pl.Int64)
        return pl.DataFrame(schema={"city": pl.String, **counts, **dict.fromkeys(CITY_MONEY, pl.Int128)})
