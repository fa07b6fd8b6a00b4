"""What is known once for the whole window about everybody's holders, so that most questions of relation need no search.

Two parties are related on a day iff somebody is above both (or is one of them). Whoever is above on a day is above in
the graph of all edges of the window, and above everybody stand its sources: so parties without a source in common
are related on no day, and where no edge above either changes inside the window, those with one are related on all.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from meter.kernels.kernel import Array, Whole, kernel
from settlement.inputs.timeline import Int32Array, Int64Array
from settlement.netting.holdings import Holdings

SOURCES_KEPT = 64
MANY = np.int8(-1)


class Ancestors(NamedTuple):
    """By party: the sources above it in the graph of all edges of the window, ascending, `kept` of them from `offset`
    on in `sources` (MANY: more than are kept); `steady`: no edge at or above it changes inside the window; `joined`:
    it has an edge at all."""

    sources: Int32Array
    offset: Int64Array
    kept: npt.NDArray[np.int8]
    steady: npt.NDArray[np.bool_]
    joined: npt.NDArray[np.bool_]


class _Walk(NamedTuple):
    """What the walk writes down by party, as in `Ancestors`; `closed`: its strongly connected set is complete; `merged`
    has room for the sources of one set."""

    closed: npt.NDArray[np.bool_]
    offset: Int64Array
    kept: npt.NDArray[np.int8]
    steady: npt.NDArray[np.bool_]
    merged: Int32Array


def ancestors_of(holdings: Holdings, window: tuple[int, int]) -> Ancestors:
    """Return sources and steadiness of every party, by one walk over the strongly connected sets from the top down."""
    parties = holdings.parties
    joined = np.zeros(parties, dtype=np.bool_)
    joined[holdings.members] = True
    walk = _Walk(
        closed=np.zeros(parties, dtype=np.bool_),
        offset=np.zeros(parties, dtype=np.int64),
        kept=np.zeros(parties, dtype=np.int8),
        steady=np.ones(parties, dtype=np.bool_),
        merged=np.empty(SOURCES_KEPT + 1, dtype=np.int32),
    )
    sources = _walk(holdings, window, walk)
    return Ancestors(sources, walk.offset, walk.kept, walk.steady, joined)


@kernel
def _walk(  # noqa: PLR0915 - a kernel: one walk over a graph
    holdings: Holdings, window: tuple[int, int], walk: _Walk
) -> Array:
    """Walk (Tarjan) along the edges upwards: a strongly connected set is complete once all above it are.
    Returns the sources of all sets, one after the other."""
    members, by_held, holder = holdings.members, holdings.by_held, holdings.holder
    parties = holdings.parties
    number = np.zeros(parties, np.int32)
    low = np.zeros(parties, np.int32)
    edge = np.zeros(parties, np.int64)
    on_stack = np.zeros(parties, np.bool_)
    stack = np.empty(len(members), np.int32)
    path = np.empty(len(members), np.int32)
    sources = np.empty(4 * len(members) + SOURCES_KEPT, np.int32)
    kept = np.int64(0)
    stacked, numbered = 0, 0
    for first in members:
        if number[first] != 0:
            continue
        depth = 1
        path[0] = first
        numbered += 1
        number[first] = low[first] = numbered
        edge[first] = by_held[first]
        stack[stacked] = first
        stacked += 1
        on_stack[first] = True
        while depth > 0:
            x = path[depth - 1]
            if edge[x] < by_held[x + 1]:
                above = holder[edge[x]]
                edge[x] += 1
                if number[above] == 0:
                    numbered += 1
                    number[above] = low[above] = numbered
                    edge[above] = by_held[above]
                    stack[stacked] = above
                    stacked += 1
                    on_stack[above] = True
                    path[depth] = above
                    depth += 1
                elif on_stack[above]:
                    low[x] = min(low[x], number[above])
                continue
            depth -= 1
            if depth > 0:
                low[path[depth - 1]] = min(low[path[depth - 1]], low[x])
            if low[x] != number[x]:
                continue
            bottom = stacked
            while True:
                bottom -= 1
                on_stack[stack[bottom]] = False
                if stack[bottom] == x:
                    break
            if kept + SOURCES_KEPT > len(sources):
                more = np.empty(2 * len(sources), np.int32)
                more[:kept] = sources[:kept]
                sources = more
            kept = _close(stack[bottom:stacked], x, holdings, window, sources, kept, walk)
            stacked = bottom
    return sources[:kept]


@kernel
def _close(
    together: Array, first: Whole, holdings: Holdings, window: tuple[int, int], sources: Array, kept: Whole, walk: _Walk
) -> Whole:
    """Give the parties of one strongly connected set the sources of all above them, or one of themselves as the
    source; returns how many sources are kept now. A set with one set above it shares its list."""
    by_held, holder, begin, end = holdings.by_held, holdings.holder, holdings.begin, holdings.end
    closed, offset, count, steady, merged = walk
    start, stop = window
    calm = True
    found = 0
    shared = np.int32(-1)
    for x in together:
        for k in range(by_held[x], by_held[x + 1]):
            calm &= (begin[k] <= start) & (end[k] >= stop)
            above = holder[k]
            if not closed[above]:  # in the set itself: all above the set are complete
                continue
            calm &= steady[above]
            if found < 0 or count[above] == MANY:
                found = -1
                continue
            if shared >= 0 and offset[shared] == offset[above]:
                continue
            shared = above if found == 0 else np.int32(-1)
            for i in range(offset[above], offset[above] + count[above]):
                found = _insert(merged, found, sources[i])
                if found < 0:
                    break
    where = kept
    if found == 0:
        merged[0] = first
        found = 1
    if shared >= 0 and found > 0:
        where = offset[shared]
    else:
        for i in range(max(found, 0)):
            sources[kept + i] = merged[i]
        kept += max(found, 0)
    for x in together:
        closed[x] = True
        steady[x] = calm
        count[x] = found
        offset[x] = where
    return kept


@kernel
def _insert(merged: Array, found: Whole, value: Whole) -> Whole:
    """Insert into an ascending list without repeats; -1 where it grows beyond what is kept."""
    at = 0
    while at < found and merged[at] < value:
        at += 1
    if at < found and merged[at] == value:
        return found
    if found == SOURCES_KEPT:
        return -1
    for i in range(found, at, -1):
        merged[i] = merged[i - 1]
    merged[at] = value
    return found + 1


@kernel
def share_source(known: Ancestors, x: Whole, y: Whole) -> bool:
    """Return whether two parties with kept sources have one in common."""
    sources = known.sources
    i, j = known.offset[x], known.offset[y]
    end_i, end_j = i + known.kept[x], j + known.kept[y]
    while i < end_i and j < end_j:
        a, b = sources[i], sources[j]
        if a == b:
            return True
        if a < b:
            i += 1
        else:
            j += 1
    return False
