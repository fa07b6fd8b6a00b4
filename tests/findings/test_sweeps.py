"""Sweeping an archive's months together finds what each sweep finds alone."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meter.archive.rows import ROW_DTYPE
from meter.findings.capacity import CAPACITY_SCHEMA
from meter.findings.month import Rows, load_month
from meter.findings.sweeps import Month, sweep_months
from tests.archive.year import AUGUST_2025, journal
from tests.findings.rows import days_above, metered_twice

FIRST_DAY = (AUGUST_2025 + 28_800) // 86_400


def test_sweeping_months_together_equals_each_sweep_alone() -> None:
    rows = journal(seed=4, batches=80)
    day = (rows["started"] + 28_800) // 86_400 - FIRST_DAY
    edges = [0, 31, 61, 92]
    capacities = pl.DataFrame(
        [(facility, chip, 0, 99_999, 9_000) for facility in range(1, 4) for chip in range(1, 3)],
        schema=CAPACITY_SCHEMA,
        orient="row",
    )

    def chunk(part: NDArray[Any]) -> Callable[[], dict[str, NDArray[Any]]]:
        return lambda: {name: part[name] for name in ROW_DTYPE.names or ()}

    months = []
    for low, high in pairwise(edges):
        some = rows[(day >= low) & (day < high)]
        months.append(Month(FIRST_DAY + low, 0, [chunk(part) for part in np.array_split(some, 3)]))
    seen: list[tuple[int, int]] = []
    above, twice = sweep_months(months, capacities, progress=lambda done, every: seen.append((done, every)))

    def loader(place: int) -> Callable[[], Rows]:
        return lambda: load_month(months[place].chunks)

    ends = [FIRST_DAY + high for high in edges[1:]]
    alone = days_above([(end, loader(place)) for place, end in enumerate(ends)], capacities)
    assert above.equals(alone)
    assert above.height > 50
    inside = metered_twice([(end * 86_400 - 28_800, loader(place)) for place, end in enumerate(ends)])
    assert twice.equals(inside)
    assert twice.height > 5
    assert seen[-1] == (3, 3)
