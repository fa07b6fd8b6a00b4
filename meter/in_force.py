"""Which dated fact is in force on a day (docs/rules.md, R-FACTS), said once plainly and once for arrays.

Of the facts about one subject the one with the greatest start on or before the day is in force, of two with the same
start the later recorded; from its end on nothing is, until the next start: an older fact does not revive. No start is
EVER, no end is NEVER. A money rule: the registry, the intake, the settlement and the findings all ask here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from meter.days import NEVER
from meter.kernels.kernel import Array, Whole, kernel

Int32Array = npt.NDArray[np.int32]
Int64Array = npt.NDArray[np.int64]
Fact = TypeVar("Fact")


def periods_in_force(facts: Iterable[tuple[int, int, Fact]]) -> list[tuple[int, int, Fact]]:
    """Return the disjoint periods on which each fact of one subject is in force, in order of time.

    `facts` are (first day, day after the last, fact) in the order in which they were recorded.
    """
    by_start: dict[int, tuple[int, Fact]] = {}
    for start, end, fact in facts:
        by_start[start] = (end, fact)  # of two with one start the later recorded
    starts = sorted(by_start)
    periods = []
    for start, following in zip(starts, [*starts, NEVER][1:], strict=True):
        end, fact = by_start[start]
        if start < min(end, following):
            periods.append((start, min(end, following), fact))
    return periods


@dataclass(frozen=True)
class Timeline:
    """The same periods [begin, end) of many subjects: of subject s those in [offset[s], offset[s + 1]), ascending and
    disjoint; `fact` is the place of the fact among those they were built from."""

    offset: Int64Array
    begin: Int32Array
    end: Int32Array
    fact: Int64Array

    def fact_on(self, subject: int, day: int) -> int | None:
        """Return the fact about one subject that is in force on a day, or None."""
        low, high = self.offset[subject], self.offset[subject + 1]
        found = int(place_in_force(self.begin, self.end, low, high, day, False))
        return None if found < 0 else int(self.fact[found])


def timeline_of(
    subject: Int64Array, start: npt.NDArray[Any], end: npt.NDArray[Any], recorded: npt.NDArray[Any], subjects: int
) -> Timeline:
    """Return the timeline of facts given as columns: whom each is about, its days, and its place in the order of
    recording.

    Facts that are never in force are left out.
    """
    order = np.lexsort((recorded, start, subject))
    ordered_subject, ordered_start = subject[order], start[order]
    last = np.ones(len(order), dtype=np.bool_)  # the later recorded of equal starts
    last[:-1] = (ordered_subject[1:] != ordered_subject[:-1]) | (ordered_start[1:] != ordered_start[:-1])
    order, ordered_subject, ordered_start = order[last], ordered_subject[last], ordered_start[last]
    until = end[order].copy()
    followed = np.zeros(len(order), dtype=np.bool_)
    followed[:-1] = ordered_subject[1:] == ordered_subject[:-1]
    until[:-1] = np.where(followed[:-1], np.minimum(until[:-1], ordered_start[1:]), until[:-1])
    ever = until > ordered_start
    offset = np.zeros(subjects + 1, dtype=np.int64)
    np.cumsum(np.bincount(ordered_subject[ever], minlength=subjects), out=offset[1:])
    return Timeline(
        offset, ordered_start[ever].astype(np.int32), until[ever].astype(np.int32), order[ever].astype(np.int64)
    )


@kernel
def place_in_force(begin: Array, end: Array, low: Whole, high: Whole, day: Whole, stand_in: bool) -> Any:
    """Return the place of the period among [low, high) that a day lies in, -1 for none.

    With `stand_in` the last before it.
    """
    first = low
    while low < high:
        middle = (low + high) >> 1
        if begin[middle] <= day:
            low = middle + 1
        else:
            high = middle
    found = low - 1
    if found < first or (end[found] <= day and not stand_in):
        return -1
    return found


@kernel(inline=True)
def is_in_force(begin: Array, end: Array, low: Whole, high: Whole, day: Whole) -> Any:
    """Return whether a day lies in one of the periods among [low, high), which are few.

    `place_in_force` says in which.
    """
    for period in range(low, high):  # noqa: SIM110 a loop is what compiles well
        if begin[period] <= day < end[period]:
            return True
    return False


@kernel
def facts_in_force(
    offset: Array, begin: Array, end: Array, fact: Array, subject: Array, day: Array, stand_in: bool
) -> Array:
    """Return the fact in force for each (subject, day) pair, -1 for none; with `stand_in` the last before it."""
    out = np.empty(len(subject), np.int64)
    for i in range(len(subject)):
        low, high = offset[subject[i]], offset[subject[i] + 1]
        found = place_in_force(begin, end, low, high, day[i], stand_in)
        out[i] = fact[found] if found >= 0 else -1
    return out


@kernel
def last_in_window(offset: Array, begin: Array, end: Array, fact: Array, window_start: Whole, last_day: Whole) -> Array:
    """Return for every subject the fact in force on the last day, or the last that was on any day from window_start
    on; -1 where none was."""
    out = np.empty(len(offset) - 1, np.int64)
    for subject in range(len(offset) - 1):
        found = place_in_force(begin, end, offset[subject], offset[subject + 1], last_day, True)
        out[subject] = fact[found] if found >= 0 and end[found] > window_start else -1
    return out
