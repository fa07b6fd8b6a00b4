"""Runs the sweeps over months of rows, side by side."""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import polars as pl

from meter.days import day_number, first_second
from meter.findings.capacity import CapacitySweep
from meter.findings.month import Columns, chosen, load_month, no_rows
from meter.findings.twice import TwiceSweep

Progress = Callable[[int, int], None]


class Month(NamedTuple):
    """Rows that start in one local month, as functions that load a chunk of them (columns month.NEEDED) each."""

    first_day: int
    rows: int  # at most so many
    chunks: Iterable[Callable[[], Columns]]


def sweep_months(
    months: Sequence[Month],
    capacities: pl.DataFrame,
    threads: int = 2,
    progress: Progress | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return (days above capacity, records inside others); see `CapacitySweep.sweep` and `TwiceSweep.sweep`.

    `months` are in order; every row starts in its month. Memory holds a month at a time. `progress` is called with
    (months done, months in all).
    """
    above, twice = CapacitySweep(capacities), TwiceSweep()
    days = [above.sweep(no_rows(), 0)]
    inner = [twice.sweep(no_rows(), 0)]
    with ThreadPoolExecutor(1) as beside:
        for place, month in enumerate(months):
            before = len(twice.running.record)
            behind = load_month(month.chunks, threads, twice.running, month.rows)
            rows = chosen(behind, slice(before, None))
            last_start = int(rows.started.max()) if len(rows.started) else 0
            until_day = months[place + 1].first_day if place + 1 < len(months) else day_number(last_start) + 1
            seen = beside.submit(twice.sweep_behind, behind, first_second(until_day))
            days.append(above.sweep(rows, until_day, threads))
            inner.append(seen.result())
            if progress is not None:
                progress(place + 1, len(months))
    days.append(above.sweep(no_rows(), above.last_day(), threads))
    return pl.concat(days).sort("facility", "chip", "day"), pl.concat(inner)
