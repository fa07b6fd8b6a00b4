"""What dated facts about holdings add up to: the first day on which an entity would be held above 100 %."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from meter.in_force import periods_in_force


def held_above_one(holdings: Sequence[tuple[int, int, int, Decimal]]) -> int | None:
    """Return the first day on which the recorded holdings of one held entity exceed 1, or None.

    `holdings` are (holder, from day, to day exclusive, share) in the order in which they were recorded.
    """
    by_holder: dict[int, list[tuple[int, int, Decimal]]] = {}
    for holder, start, end, share in holdings:
        by_holder.setdefault(holder, []).append((start, end, share))
    steps: dict[int, Decimal] = {}
    for facts in by_holder.values():
        for start, end, share in periods_in_force(facts):
            steps[start] = steps.get(start, Decimal(0)) + share
            steps[end] = steps.get(end, Decimal(0)) - share
    total = Decimal(0)
    for day in sorted(steps):
        total += steps[day]
        if total > 1:
            return day
    return None
