"""Rows as the sweeps get them, from plain values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from hypothesis import strategies as st
from numpy.typing import NDArray

from meter.archive.rows import ROW_DTYPE
from meter.findings.capacity import CapacitySweep
from meter.findings.month import ORDINAL_BITS, Rows, load_month, no_rows
from meter.findings.twice import TwiceSweep

MIDNIGHT = 1_762_531_200  # 2025-11-08T00:00:00+08:00
DAY = 20_400


@dataclass(frozen=True)
class Use:
    """One record; seconds are counted from MIDNIGHT."""

    start: int
    end: int
    cards: int = 1
    consumer: int = 1
    facility: int = 1
    chip: int = 1
    charge: int = 0
    order: int = 7


def entries(uses: Sequence[Use], batch: int = 1) -> NDArray[Any]:
    """Return records as archive rows: the n-th is number n of its batch."""
    rows = np.zeros(len(uses), ROW_DTYPE)
    for number, use in enumerate(uses):
        rows[number]["started"], rows[number]["ended"] = MIDNIGHT + use.start, MIDNIGHT + use.end
        rows[number]["millicards"], rows[number]["charge_fen"] = 1000 * use.cards, use.charge
        rows[number]["consumer"], rows[number]["facility"], rows[number]["chip"] = use.consumer, use.facility, use.chip
        rows[number]["order_digest"], rows[number]["ordinal"] = use.order, number
    rows["batch"], rows["sign"] = batch, 1
    return rows


def loaded(rows: NDArray[Any], pieces: int = 1) -> Rows:
    """Return rows as a month loads them, from so many chunks."""

    def chunk(part: NDArray[Any]) -> Callable[[], dict[str, NDArray[Any]]]:
        return lambda: {name: part[name] for name in ROW_DTYPE.names or ()}

    return load_month([chunk(part) for part in np.array_split(rows, pieces)])


def number_of(record: int) -> int:
    """Return which of the uses a record is."""
    return record & ((1 << ORDINAL_BITS) - 1)


@st.composite
def uses(draw: st.DrawFn) -> Use:
    """Draw a short record of one of few consumers, at one of few places, over about three days."""
    start = draw(st.integers(0, 12)) * 21_600 + draw(st.sampled_from([0, 0, 0, 1, -1]))
    length = draw(st.sampled_from([0, 1, 3_600, 21_600, 43_200, 86_400, 200_000]))
    start = max(start, 0)
    return Use(
        start, start + length, draw(st.integers(1, 3)), draw(st.integers(1, 2)), draw(st.integers(1, 2)),
        draw(st.integers(1, 2)), draw(st.sampled_from([0, 100, 5000])), draw(st.sampled_from([0, 5, 6])),
    )  # fmt: skip


def months_of(rows: NDArray[Any], cuts: Sequence[int]) -> list[tuple[int, Rows]]:
    """Return rows by spans of their start, each as (local day after the last start, rows); cuts are days from DAY."""
    edges = [-1000, *sorted(cuts), 1000]
    start_day = (rows["started"] - MIDNIGHT) // 86_400
    found = []
    for low, high in pairwise(edges):
        some = rows[(start_day >= low) & (start_day < high)]
        if len(some):
            found.append((DAY + int((some["started"].max() - MIDNIGHT) // 86_400) + 1, loaded(some, 2)))
    return found


def days_above(months: Sequence[tuple[int, Callable[[], Rows]]], capacities: pl.DataFrame) -> pl.DataFrame:
    """Sweep months, each given as (local day after its last start, loader of its rows), in order."""
    sweep = CapacitySweep(capacities)
    found = [sweep.sweep(no_rows(), 0)]
    found += [sweep.sweep(load(), until_day) for until_day, load in months]
    found.append(sweep.sweep(no_rows(), sweep.last_day()))  # what still runs after the last start
    return pl.concat(found).sort("facility", "chip", "day")


def metered_twice(months: Sequence[tuple[int, Callable[[], Rows]]]) -> pl.DataFrame:
    """Sweep months, each given as (instant after its last start, loader of its rows), in order."""
    sweep = TwiceSweep()
    return pl.concat([sweep.sweep(no_rows(), 0), *(sweep.sweep(load(), until) for until, load in months)])
