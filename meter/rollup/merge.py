"""Adds rollups up."""

from collections.abc import Iterable

import polars as pl

from meter.rollup.table import GroupTable


def merge(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add `use` frames up to one, sorted, without groups that came to nothing."""
    table = GroupTable()
    for frame in frames:
        table.add_frame(frame)
    return table.frame()
