"""The rollup once more in plain Python and fractions: slow, obvious, and without a line of the kernels."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime, timedelta, timezone
from fractions import Fraction
from math import floor
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meter.rollup.columns import MEASURED_DTYPE

SHANGHAI = timezone(timedelta(hours=8))
EPOCH_DAY = datetime(1970, 1, 1, tzinfo=UTC).date()


@dataclass(frozen=True)
class Row:
    """One measured row."""

    started: int
    ended: int
    charge_fen: int = 0
    millicards: int = 1000
    consumer: int = 1
    facility: int = 1
    chip: int = 1
    purpose: int = 1
    via_platform: bool = True
    sign: int = 1


def as_entries(rows: Sequence[Row]) -> NDArray[Any]:
    """Return rows as the structured array the stores hand over."""
    entries = np.zeros(len(rows), MEASURED_DTYPE)
    for field in fields(Row):
        entries[field.name] = [getattr(row, field.name) for row in rows]
    return entries


def local_midnight(day: int) -> int:
    """Return the instant at which a local day begins, by the standard library's calendar."""
    date = EPOCH_DAY + timedelta(days=day)
    return int(datetime(date.year, date.month, date.day, tzinfo=SHANGHAI).timestamp())


def local_day(instant: int) -> int:
    """Return the local day of an instant, by the standard library's calendar."""
    return (datetime.fromtimestamp(instant, SHANGHAI).date() - EPOCH_DAY).days


def part(row: Row, begin: int, end: int) -> tuple[int, int] | None:
    """Return (millicard-seconds, fen) of the part of a row in [begin, end), None where it does not touch it."""
    if row.started == row.ended:
        return (0, row.charge_fen) if begin <= row.started < end else None
    first, last = max(row.started, begin), min(row.ended, end)
    if first >= last:
        return None

    def charged_until(instant: int) -> int:
        return floor(Fraction(row.charge_fen * (instant - row.started), row.ended - row.started))

    return row.millicards * (last - first), charged_until(last) - charged_until(first)


def parts(row: Row) -> Iterator[tuple[int, int, int]]:
    """Yield (day, millicard-seconds, fen) for every local day the row touches."""
    for day in range(local_day(row.started), local_day(max(row.started, row.ended - 1)) + 1):
        found = part(row, local_midnight(day), local_midnight(day + 1))
        if found is not None:
            yield day, *found


def plain_roll_up(rows: Sequence[Row]) -> list[tuple[Any, ...]]:
    """Return the rows of the `use` frame of these rows, sorted, without groups that came to nothing."""
    sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0, 0])
    for row in rows:
        for day, quantity, fen in parts(row):
            group = sums[(day, row.consumer, row.facility, row.chip, row.purpose, row.via_platform)]
            amounts = (quantity, fen, 1, int(day == local_day(row.started)))
            for place, amount in enumerate(amounts):
                group[place] += row.sign * amount
    return sorted((*key, *group) for key, group in sums.items() if any(group))


def plain_window_totals(
    rows: Sequence[Row], start: int, end: int, by: Sequence[str]
) -> dict[tuple[Any, ...], tuple[int, int, int]]:
    """Return (millicard-seconds, fen, records) inside [start, end) by the columns asked for."""
    sums: dict[tuple[Any, ...], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in rows:
        spans = [(start, end, 0)]
        if "day" in by:
            last = max(row.started, row.ended - 1)
            spans = [
                (max(start, local_midnight(day)), min(end, local_midnight(day + 1)), day)
                for day in range(local_day(row.started), local_day(last) + 1)
            ]
        for begin, until, day in spans:
            found = part(row, begin, until) if begin < until else None
            if found is not None:
                values = asdict(row) | {"day": day}
                group = sums[tuple(values[name] for name in by)]
                for place, amount in enumerate((*found, 1)):
                    group[place] += row.sign * amount
    return {key: (group[0], group[1], group[2]) for key, group in sums.items() if any(group)}


def as_rows(frame: pl.DataFrame) -> list[tuple[Any, ...]]:
    """Return a frame as plain tuples."""
    return frame.rows()
