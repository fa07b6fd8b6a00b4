"""Totals of metered use between two arbitrary instants, split exactly at both."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from meter.rollup.columns import Entries, measured
from meter.rollup.table import GroupTable

TOTALS_BY: Final = ("day", "consumer", "facility", "chip")


def window_totals(entries: Entries, start: int, end: int, by: Sequence[str] = ()) -> pl.DataFrame:
    """Return what entries come to inside [start, end) (epoch seconds), by any of day, consumer, facility, chip.

    Columns: those of `by` (in the order of TOTALS_BY, sorted by it), then `millicard_seconds`, `charge_fen` (cumulative
    floor, rule R-WIN) and `records`, the counted records that touch the span: with a part in it that is not empty, or
    of no length and starting inside. By day, a record counts on every day it touches. Always one row without `by`.
    Raises ValueError for another column, SumOverflow as `roll_up` does.
    """
    if set(by) - set(TOTALS_BY):
        raise ValueError(f"totals are grouped by {', '.join(TOTALS_BY)}, not {sorted(set(by) - set(TOTALS_BY))}")
    columns = [name for name in TOTALS_BY if name in by]
    table = GroupTable(by=columns, cut=(start, end))
    table.add_entries(measured(entries))
    totals = table.frame().select(*columns, "millicard_seconds", "charge_fen", pl.col("pieces").alias("records"))
    if columns or totals.height:
        return totals
    return pl.DataFrame({"millicard_seconds": [0], "charge_fen": [0], "records": [0]}, schema=totals.schema)
