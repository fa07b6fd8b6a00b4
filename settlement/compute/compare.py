"""What-if: how two settlements differ, by entity, by city and in total."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import polars as pl

from settlement.compute.settle import settle
from settlement.compute.settlement import CANONICAL, Settlement
from settlement.inputs.frames import Inputs
from settlement.rounds import Round
from settlement.rounds.readings import Order, Readings

MONEY: Final = ("award_fen", "held_fen", "payable_fen")
UNKNOWN_CITY: Final = "unknown"


@dataclass(frozen=True)
class Comparison:
    """`b` less `a`. `entities`: one row for each line that is not the same in both (uscc, name, region, in_a, in_b,
    and of each of MONEY a, b and difference; `changed`: the fields that differ). `cities`: sums by city code of the
    seat, every city. `totals`: differences of the totals."""

    entities: pl.DataFrame
    cities: pl.DataFrame
    totals: dict[str, int]

    @property
    def same(self) -> bool:
        """Whether no line differs in any field of the contract."""
        return self.entities.height == 0


def compare(a: Settlement, b: Settlement) -> Comparison:
    """Return the difference of two settlements, also of different rounds or inputs."""
    columns = [name for name in CANONICAL if name != "uscc"]

    def side(settlement: Settlement, suffix: str) -> pl.DataFrame:
        return settlement.lines.select(
            "uscc",
            pl.lit(True).alias(f"in_{suffix}"),
            pl.col("name").alias(f"name_{suffix}"),
            pl.col("region").alias(f"region_{suffix}"),
            *(pl.col(name).alias(f"{name}_{suffix}") for name in columns),
        )

    both = side(a, "a").join(side(b, "b"), on="uscc", how="full", coalesce=True).sort("uscc")
    both = both.with_columns(
        pl.col("in_a", "in_b").fill_null(False),
        pl.coalesce("name_b", "name_a").alias("name"),
        pl.coalesce("region_b", "region_a").alias("region"),
        *(pl.col(f"{name}_{suffix}").fill_null(0) for name in MONEY for suffix in ("a", "b")),
    ).with_columns(
        *((pl.col(f"{name}_b") - pl.col(f"{name}_a")).alias(f"{name}_difference") for name in MONEY),
        pl.concat_list(
            pl.when(pl.col(f"{name}_a").ne_missing(pl.col(f"{name}_b"))).then(pl.lit(name)) for name in columns
        )
        .list.drop_nulls()
        .alias("changed"),
    )
    money = [f"{name}_{part}" for name in MONEY for part in ("a", "b", "difference")]
    cities = (
        both.with_columns((pl.col("region").str.slice(0, 4) + "00").fill_null(UNKNOWN_CITY).alias("city"))
        .group_by("city")
        .agg(pl.col(money).sum(), (pl.col("changed").list.len() > 0).sum().alias("lines_changed"))
        .sort("city")
    )
    entities = both.filter((pl.col("changed").list.len() > 0) | (pl.col("in_a") != pl.col("in_b")))
    names = sorted(set(a.totals) | set(b.totals))
    return Comparison(
        entities.select("uscc", "name", "region", "in_a", "in_b", *money, "changed"),
        cities,
        {name: b.totals.get(name, 0) - a.totals.get(name, 0) for name in names},
    )


def compare_orders(
    inputs: Inputs,
    of_round: Round,
    orders: Sequence[Order | Mapping[str, Any] | None],
    readings: Sequence[Readings | Mapping[str, Any] | None] = (None,),
) -> list[tuple[Settlement, Comparison]]:
    """Settle every order under every readings, orders first, and compare each with the first of all."""
    settled = [settle(inputs, of_round, order, chosen) for chosen in readings or (None,) for order in orders or (None,)]
    return [(settlement, compare(settled[0], settlement)) for settlement in settled]
