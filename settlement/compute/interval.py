"""How far the readings of the text reach: the strictest, the default and the most generous award of every line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from typing import Any, Final

import numpy as np
import polars as pl

from settlement.compute.settle import settle
from settlement.compute.settlement import Settlement
from settlement.inputs.frames import Inputs
from settlement.inputs.timeline import Int64Array
from settlement.rounds import Round
from settlement.rounds.readings import CHOICES, Order, Readings, read_order, read_readings

# Along these switches an award only grows (docs/rules.md, section 9, law 10), from the strictest value on.
GROWING: Final[Mapping[str, tuple[str, str]]] = {
    "net_effect": ("proportional", "gate"),
    "hold_below_external_share": ("0.10", "0"),
    "spend_basis": ("least_evidenced", "settled"),
    "purpose_missing": ("refuse", "accept"),
    "uplift": ("off", "lifted"),
    "north_places": ("six", "six_plus_four"),
    "rounding": ("floor", "half_up"),
    "filter_order": ("filter_then_net", "net_then_filter"),
}
# These can move one line up and another down, so every combination of them is tried.
TURNING: Final = ("supply_owner", "self_test", "related")

assert set(GROWING) | set(TURNING) == set(CHOICES), "every switch is either tried or known to grow"


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
    """The interval of awards over all readings, around the readings given. Raises SettlementRefused like `settle`.

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
        """The award of every line under other readings, which also widens the bounds; lines stay the same."""
        nonlocal least, greatest
        lines = settle(inputs, of_round, read, other).lines
        assert lines["uscc"].equals(default.lines["uscc"]), "a reading adds no line and takes none away"
        awards: Int64Array = lines["award_fen"].to_numpy()
        least, greatest = np.minimum(least, awards), np.maximum(greatest, awards)
        return awards

    for values in product(*(CHOICES[name] for name in TURNING)):
        turn = dict(zip(TURNING, values, strict=True))
        for end in (0, 1):
            award_under(replace(chosen, **turn, **{name: ends[end] for name, ends in GROWING.items()}))
    moved = {}
    for name, choices in CHOICES.items():
        others = [value for value in choices if value != getattr(chosen, name)]
        moved[name] = np.any([award_under(replace(chosen, **{name: value})) != own for value in others], axis=0)
    lines = default.lines.select("uscc", "name", "region").with_columns(
        pl.Series("strictest_fen", least),
        pl.Series("default_fen", own),
        pl.Series("generous_fen", greatest),
        pl.Series("moved_by", [[n for n in CHOICES if moved[n][i]] for i in range(len(own))], dtype=pl.List(pl.String)),
    )
    return Interval(default, lines, _sums(lines))


def _sums(lines: pl.DataFrame) -> dict[str, int]:
    return {
        name: int(lines.select(pl.col(name).cast(pl.Int128).sum()).item() or 0)
        for name in ("strictest_fen", "default_fen", "generous_fen")
    }
