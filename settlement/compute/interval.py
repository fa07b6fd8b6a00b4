"""How far the readings of the text reach: the strictest, the default and the most generous award of every line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import polars as pl

from settlement.compute.settle import settle
from settlement.compute.settlement import Settlement
from settlement.inputs.frames import Inputs
from settlement.inputs.timeline import Int64Array
from settlement.rounds import Round, reading_table
from settlement.rounds.reading_table import choices
from settlement.rounds.readings import Order, Readings, read_order, read_readings


@dataclass(frozen=True)
class Interval:
    """`lines`: uscc, name, region, strictest_fen, default_fen, generous_fen (award_fen each), moved_by (switches that
    alone move the award of the line from the default). `totals`: sums of the three columns. `settlement`: the default
    run."""

    settlement: Settlement
    lines: pl.DataFrame
    totals: dict[str, int]


def interval(
    inputs: Inputs,
    of_round: Round,
    order: Order | Mapping[str, Any] | None = None,
    readings: Readings | Mapping[str, Any] | None = None,
) -> Interval:
    """Return the interval of awards over all readings, around the readings given. Raises SettlementRefused like
    `settle`.

    A line's bounds are the least and the greatest award over all combinations of the switches that can turn, the
    others at their strict or generous end, and over every single switch turned alone. Budgets do not enter: an
    award is what a line comes to.
    """
    read = read_order(order, of_round)
    chosen = read_readings(readings, read, of_round)
    default = settle(inputs, of_round, read, chosen)
    if of_round.draft:  # the draft has no readings
        bounds = [pl.col("award_fen").alias(name) for name in ("strictest_fen", "default_fen", "generous_fen")]
        unmoved = pl.lit([], dtype=pl.List(pl.String)).alias("moved_by")
        plain = default.lines.select("uscc", "name", "region", *bounds, unmoved)
        return Interval(default, plain, _sums(plain))
    own: Int64Array = default.lines["award_fen"].to_numpy()
    least, greatest = own.copy(), own.copy()

    def award_under(other: Readings) -> Int64Array:
        """Return the award of every line under other readings, which also widens the bounds; lines stay the same."""
        nonlocal least, greatest
        lines = settle(inputs, of_round, read, other).lines
        assert lines["uscc"].equals(default.lines["uscc"]), "a reading adds no line and takes none away"
        awards: Int64Array = lines["award_fen"].to_numpy()
        least, greatest = np.minimum(least, awards), np.maximum(greatest, awards)
        return awards

    for other in combinations(chosen):
        award_under(other)
    moved = {
        name: np.any([award_under(other) != own for other in others], axis=0)
        for name, others in single_turns(chosen).items()
    }
    lines = default.lines.select("uscc", "name", "region").with_columns(
        pl.Series("strictest_fen", least),
        pl.Series("default_fen", own),
        pl.Series("generous_fen", greatest),
        pl.Series("moved_by", [[n for n in moved if moved[n][i]] for i in range(len(own))], dtype=pl.List(pl.String)),
    )
    return Interval(default, lines, _sums(lines))


def _sums(lines: pl.DataFrame) -> dict[str, int]:
    return {
        name: int(lines.select(pl.col(name).cast(pl.Int128).sum()).item() or 0)
        for name in ("strictest_fen", "default_fen", "generous_fen")
    }


def combinations(chosen: Readings) -> list[Readings]:
    """Return every combination of the switches that can turn a line either way, the others at their strict or generous
    end."""
    turning = [name for name, reading in reading_table.TABLE.items() if reading.grows is None]
    ends = {name: reading.grows for name, reading in reading_table.TABLE.items() if reading.grows is not None}
    return [
        replace(
            chosen,
            **dict(zip(turning, values, strict=True)),
            **{name: pair[end] for name, pair in ends.items()},
        )
        for values in product(*(choices(name) for name in turning))
        for end in (0, 1)
    ]


def single_turns(chosen: Readings) -> dict[str, list[Readings]]:
    """Return for every switch, the readings with that switch alone at each of its other values."""
    return {
        name: [replace(chosen, **{name: value}) for value in choices(name) if value != getattr(chosen, name)]
        for name in reading_table.TABLE
    }
