"""Which fact is in force on a day (docs/rules.md, R-FACTS): the greatest start on or before it; none revives."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import TypeVar

EVER = -(2**31)  # the day before every day: a fact without a start
NEVER = 2**31 - 1  # the day after every day: a fact without an end
_EPOCH = date(1970, 1, 1).toordinal()

Fact = TypeVar("Fact")


def day_number(day: date | None, absent: int) -> int:
    """A local day as days since 1970-01-01, or `absent` when none is given."""
    return absent if day is None else day.toordinal() - _EPOCH


def day_of(number: int) -> date:
    """The local day with this number of days since 1970-01-01."""
    return date.fromordinal(number + _EPOCH)


def ruling(facts: Iterable[tuple[int, int, Fact]]) -> list[tuple[int, int, Fact]]:
    """The disjoint periods on which each fact of one subject rules, in order of time.

    `facts` are (from day, to day exclusive, fact) in the order in which they were recorded.
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


def held_above_one(holdings: Sequence[tuple[int, int, int, Decimal]]) -> int | None:
    """The first day on which the recorded holdings of one held entity exceed 1, or None.

    `holdings` are (holder, from day, to day exclusive, share) in the order in which they were recorded.
    """
    by_holder: dict[int, list[tuple[int, int, Decimal]]] = {}
    for holder, start, end, share in holdings:
        by_holder.setdefault(holder, []).append((start, end, share))
    steps: dict[int, Decimal] = {}
    for facts in by_holder.values():
        for start, end, share in ruling(facts):
            steps[start] = steps.get(start, Decimal(0)) + share
            steps[end] = steps.get(end, Decimal(0)) - share
    total = Decimal(0)
    for day in sorted(steps):
        total += steps[day]
        if total > 1:
            return day
    return None
