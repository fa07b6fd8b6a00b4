"""Rolls entries up by local day."""

import polars as pl

from meter.rollup.columns import Entries, measured
from meter.rollup.table import GroupTable


def roll_up(entries: Entries, sign: int = 1) -> pl.DataFrame:
    """Return the `use` frame of entries (columns by `columns.MEASURED_DTYPE`; rule R-WIN).

    Each record is split over the local days it touches by whole seconds, its charge by cumulative floor; a record of
    no length belongs to the day of its start. `sign` -1 takes all rows back; a column `sign` does so row by row.
    Raises RowOutOfRange for a row beyond the limits of intake.
    """
    table = GroupTable()
    table.add_entries(measured(entries, sign))
    return table.frame()
