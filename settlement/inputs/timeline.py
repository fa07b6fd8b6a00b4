"""Which dated fact rules on which day (R-FACTS), for many subjects at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from meter.kernels.kernel import Array, Whole, kernel

EVER = np.int32(-(2**31))
NEVER_ENDS = np.int32(2**31 - 1)

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Timeline:
    """The intervals [begin, end) of days on which facts rule: of subject s those in [offset[s], offset[s + 1]),
    disjoint and ascending; `fact` is the row of the fact in the frame they were built from."""

    offset: Int64Array
    begin: Int32Array
    end: Int32Array
    fact: Int64Array


def timeline(facts: pl.DataFrame, subject: npt.NDArray[np.int64], subjects: int) -> Timeline:
    """Intervals of ruling facts. `facts` needs seq, valid_from and valid_to, `subject` one number for each row.

    The fact with the greatest start on or before a day rules, the later recorded of two with the same start; from its
    end on nothing rules until the next start: an older fact does not revive. Facts that never rule are left out.
    """
    start = facts["valid_from"].fill_null(int(EVER)).to_numpy()
    stop = facts["valid_to"].fill_null(int(NEVER_ENDS)).to_numpy()
    order = np.lexsort((facts["seq"].to_numpy(), start, subject))
    ordered_subject, ordered_start = subject[order], start[order]
    last = np.ones(len(order), dtype=np.bool_)  # the later recorded of equal starts
    last[:-1] = (ordered_subject[1:] != ordered_subject[:-1]) | (ordered_start[1:] != ordered_start[:-1])
    order, ordered_subject, ordered_start = order[last], ordered_subject[last], ordered_start[last]
    end = stop[order].copy()
    followed = np.zeros(len(order), dtype=np.bool_)
    followed[:-1] = ordered_subject[1:] == ordered_subject[:-1]
    end[:-1] = np.where(followed[:-1], np.minimum(end[:-1], ordered_start[1:]), end[:-1])
    rules = end > ordered_start
    offset = np.zeros(subjects + 1, dtype=np.int64)
    np.cumsum(np.bincount(ordered_subject[rules], minlength=subjects), out=offset[1:])
    return Timeline(
        offset,
        ordered_start[rules].astype(np.int32),
        end[rules].astype(np.int32),
        order[rules].astype(np.int64),
    )


@kernel
def ruling(offset: Array, begin: Array, end: Array, subject: Whole, day: Whole, stand_in: Whole) -> Any:
    """Index of the interval that rules for a subject on a day, -1 for none; with `stand_in` the last before it."""
    low, high = offset[subject], offset[subject + 1]
    while low < high:
        middle = (low + high) >> 1
        if begin[middle] <= day:
            low = middle + 1
        else:
            high = middle
    found = low - 1
    if found < offset[subject] or (end[found] <= day and not stand_in):
        return np.int64(-1)
    return found


@kernel
def rule_all(offset: Array, begin: Array, end: Array, fact: Array, subject: Array, day: Array, stand_in: Whole) -> Any:
    """The ruling fact of each (subject, day) pair, -1 for none."""
    out = np.empty(len(subject), np.int64)
    for i in range(len(subject)):
        found = ruling(offset, begin, end, subject[i], day[i], stand_in)
        out[i] = fact[found] if found >= 0 else -1
    return out


@kernel
def last_in_window(offset: Array, begin: Array, end: Array, fact: Array, window_start: Whole, last_day: Whole) -> Any:
    """For every subject the fact that rules on the last day, or the last that ruled on any day from window_start on;
    -1 where none did."""
    out = np.empty(len(offset) - 1, np.int64)
    for subject in range(len(offset) - 1):
        found = ruling(offset, begin, end, subject, last_day, True)
        out[subject] = fact[found] if found >= 0 and end[found] > window_start else -1
    return out
