"""The facts of a settlement's inputs as timelines: which is in force when, by subject (R-FACTS)."""

from __future__ import annotations

import polars as pl

from meter.days import EVER, NEVER
from meter.in_force import Int32Array, Int64Array, Timeline, timeline_of

__all__ = ["Int32Array", "Int64Array", "Timeline", "timeline"]


def timeline(facts: pl.DataFrame, subject: Int64Array, subjects: int) -> Timeline:
    """Return the timeline of a frame with seq, valid_from and valid_to; `subject` has one number for each row.

    `fact` of the timeline is the row of the frame.
    """
    start = facts["valid_from"].fill_null(EVER).to_numpy()
    end = facts["valid_to"].fill_null(NEVER).to_numpy()
    return timeline_of(subject, start, end, facts["seq"].to_numpy(), subjects)
