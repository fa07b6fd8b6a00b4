"""Adds rollups up: brought into order, the rows of one group are neighbours."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meter.kernels.kernel import Array, Whole, kernel
from meter.rollup.frames import USE_KEY, USE_SUMS, check_use, empty_use
from meter.rollup.table import ROW_MOST, GroupTable


class Sorted(NamedTuple):
    """The columns of a sorted `use` frame, of so many rows each."""

    day: NDArray[np.int32]
    consumer: NDArray[np.int32]
    facility: NDArray[np.int32]
    chip: NDArray[np.int32]
    purpose: NDArray[np.int8]
    via_platform: NDArray[np.bool_]
    millicard_seconds: NDArray[np.int64]
    charge_fen: NDArray[np.int64]
    pieces: NDArray[np.int64]
    starts: NDArray[np.int64]


def merge(frames: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Add `use` frames up to one, sorted by its key, without groups that came to nothing.

    A group whose sum may be beyond ROW_MOST is left to a table, which is slower and adds up whatever there is.
    """
    given = [check_use(frame) for frame in frames]
    whole = pl.concat([empty_use(), *given], rechunk=True).sort(USE_KEY)
    if whole.is_empty():
        return whole
    groups = np.empty(whole.height, np.int64)
    sums = np.empty((len(USE_SUMS), whole.height), np.int64)
    count = int(add_neighbours(Sorted(*(whole[name].to_numpy() for name in Sorted._fields)), groups, sums))
    if count < 0:
        table = GroupTable()
        for frame in given:
            table.add_frame(frame)
        return table.frame()
    if count == whole.height:
        return whole
    return whole[groups[:count]].with_columns(
        pl.Series(name, some[:count]) for name, some in zip(USE_SUMS, sums, strict=True)
    )


@kernel
def add_neighbours(rows: Sorted, groups: Array, sums: Array) -> Whole:
    """Write of each group that is not nothing its first row and its `sums` (4, rows); return how many there are.

    -1 when a sum on the way was beyond ROW_MOST either way.
    """
    day, consumer, facility, chip, purpose, via_platform, seconds, fen, pieces, starts = rows
    count = np.int64(0)
    row = np.int64(0)
    while row < len(day):
        first = row
        total = (seconds[row], fen[row], pieces[row], starts[row])
        row += 1
        if _beyond(total):
            return np.int64(-1)
        while (
            row < len(day)
            and consumer[row] == consumer[first]
            and facility[row] == facility[first]
            and day[row] == day[first]
            and chip[row] == chip[first]
            and purpose[row] == purpose[first]
            and via_platform[row] == via_platform[first]
        ):
            one = (seconds[row], fen[row], pieces[row], starts[row])
            if _beyond(one):
                return np.int64(-1)
            total = (total[0] + one[0], total[1] + one[1], total[2] + one[2], total[3] + one[3])
            if _beyond(total):
                return np.int64(-1)
            row += 1
        if (total[0] | total[1] | total[2] | total[3]) != 0:
            groups[count] = first
            for place in range(4):
                sums[place, count] = total[place]
            count += 1
    return count


@kernel(inline=True)
def _beyond(sums: tuple[Whole, Whole, Whole, Whole]) -> bool:
    """Return whether a sum is beyond ROW_MOST either way: two that are not can be added within 64 bits."""
    beyond = False
    for place in range(4):
        beyond = beyond or sums[place] >= ROW_MOST or sums[place] <= -ROW_MOST
    return beyond
