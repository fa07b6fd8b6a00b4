"""Totals of metered use between two arbitrary instants, split exactly at both."""

from collections.abc import Sequence
from typing import Final

import polars as pl

from meter.rollup.columns import Entries, measured
from meter.rollup.frames import USE_SUMS
from meter.rollup.table import GroupTable

TOTALS_BY: Final = ("day", "consumer", "facility", "chip")


def window_totals(entries: Entries, start: int, end: int, by: Sequence[str] = ()) -> pl.DataFrame:
    """Return what entries come to inside [start, end) (epoch seconds), by any of day, consumer, facility, chip.

    Columns: those of `by` (in the order of TOTALS_BY, sorted by it), then `millicard_seconds`, `charge_fen` (cumulative
    floor, rule R-WIN) and `records`, the counted records that touch the span: with a part in it that is not empty, or
    of no length and starting inside. By day, a record counts on every day it touches. Always one row without `by`.
    The two sums are Int128: every total is exact. Raises ValueError for another column.
    """
    if set(by) - set(TOTALS_BY):
        raise ValueError(f"totals are grouped by {', '.join(TOTALS_BY)}, not {sorted(set(by) - set(TOTALS_BY))}")
    columns = [name for name in TOTALS_BY if name in by]
    table = GroupTable(by=columns, cut=(start, end))
    table.add_entries(measured(entries))
    found = table.frame()
    sums = (*(pl.col(name).cast(pl.Int128).sum() for name in USE_SUMS[:2]), pl.col("pieces").sum().alias("records"))
    # a group whose sum is beyond 64 bits has several rows
    return found.group_by(columns, maintain_order=True).agg(*sums) if columns else found.select(*sums)
