"""Holdings that count on each day (R-RELATED) and the group every party belongs to on a day (R-GROUP)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from meter.days import EVER, date_of
from meter.kernels.kernel import Array, Whole, kernel
from settlement.errors import SettlementRefused
from settlement.inputs.frames import WHOLE, Inputs
from settlement.inputs.timeline import Int32Array, Int64Array, Timeline, timeline


class Holdings(NamedTuple):
    """Edges holder -> held that count, each on days [begin, end), as lists by held and by holder.

    The edges to a held x are by_held[x] to by_held[x + 1]; those of a holder x are downwards[by_holder[x]] to
    downwards[by_holder[x + 1]]. Days are local days since 1970-01-01, shares in billionths. `members` are the parties
    with an edge. `change_days` and `change_parties` list, by day, the parties whose holders change on it inside the
    window.
    """

    parties: int
    by_held: Int64Array
    holder: Int32Array
    share: Int64Array
    begin: Int32Array
    end: Int32Array
    by_holder: Int64Array
    downwards: Int64Array
    held: Int32Array
    members: Int32Array
    change_days: Int32Array
    change_parties: Int32Array


def holdings_of(inputs: Inputs, entities: Timeline, window: tuple[int, int], threshold_billionths: int) -> Holdings:
    """Return the counting edges of the window.

    Raises SettlementRefused HOLDINGS_ABOVE_WHOLE where one held is held above 100 % on a day.
    """
    facts = inputs.holding_facts
    parties = inputs.parties.height
    holder = facts["holder"].to_numpy().astype(np.int64)
    held = facts["held"].to_numpy().astype(np.int64)
    pairs, subject = np.unique(holder * max(parties, 1) + held, return_inverse=True)
    lines = timeline(facts, subject.astype(np.int64), len(pairs))
    share = facts["share_billionths"].to_numpy()[lines.fact]
    holder, held = holder[lines.fact], held[lines.fact]
    _check_whole(inputs, held, share, lines)
    state = _state_intervals(inputs, entities)
    counts = (share >= threshold_billionths) & (lines.begin < window[1]) & (lines.end > window[0])
    source = np.flatnonzero(counts)
    pieces = _without_state(
        holder[source],
        np.maximum(lines.begin[source], np.int32(window[0])),
        np.minimum(lines.end[source], np.int32(window[1])),
        *state,
    )
    edge = source[pieces[0]]
    return _indexed(
        parties,
        holder[edge].astype(np.int32),
        held[edge].astype(np.int32),
        share[edge],
        pieces[1],
        pieces[2],
        window,
    )


def _check_whole(inputs: Inputs, held: Int64Array, share: Int64Array, lines: Timeline) -> None:
    """Check that no company is held above 100 % on any day."""
    if len(held) == 0:
        return
    subject = np.concatenate((held, held))
    day = np.concatenate((lines.begin, lines.end))
    change = np.concatenate((share, -share))
    order = np.lexsort((change, day, subject))  # on one day what ends goes first
    running = np.cumsum(change[order])
    if running.max() > WHOLE:
        at = order[int(np.argmax(running > WHOLE))]
        code = inputs.parties["uscc"][int(subject[at])]
        since = "ever" if day[at] == EVER else date_of(int(day[at])).isoformat()
        raise SettlementRefused("HOLDINGS_ABOVE_WHOLE", f"R-RELATED: {code} is held above 100 % since {since}")


def _state_intervals(inputs: Inputs, entities: Timeline) -> tuple[Int64Array, Int32Array, Int32Array]:
    """Return days on which a party is a State body: offsets by party, begin, end."""
    is_state = inputs.entity_facts["state_body"].to_numpy()[entities.fact].astype(np.bool_)
    party = np.repeat(np.arange(len(entities.offset) - 1), np.diff(entities.offset))
    offset = np.zeros(len(entities.offset), dtype=np.int64)
    np.cumsum(np.bincount(party[is_state], minlength=len(offset) - 1), out=offset[1:])
    return offset, entities.begin[is_state], entities.end[is_state]


@kernel
def _without_state(holder: Array, begin: Array, end: Array, offset: Array, state_begin: Array, state_end: Array) -> Any:
    """Cut the days on which the holder is a State body out of its edges: (edge, begin, end) of what is left."""
    room = len(holder)
    for i in range(len(holder)):
        room += offset[holder[i] + 1] - offset[holder[i]]
    edge = np.empty(room, np.int64)
    from_day = np.empty(room, np.int32)
    to_day = np.empty(room, np.int32)
    found = 0
    for i in range(len(holder)):
        low, high = begin[i], end[i]
        for k in range(offset[holder[i]], offset[holder[i] + 1]):
            if state_end[k] <= low or state_begin[k] >= high:
                continue
            if state_begin[k] > low:
                edge[found], from_day[found], to_day[found] = i, low, state_begin[k]
                found += 1
            low = state_end[k]
        if low < high:
            edge[found], from_day[found], to_day[found] = i, low, high
            found += 1
    return edge[:found], from_day[:found], to_day[:found]


def _indexed(
    parties: int,
    holder: Int32Array,
    held: Int32Array,
    share: Int64Array,
    begin: Int32Array,
    end: Int32Array,
    window: tuple[int, int],
) -> Holdings:
    order = np.lexsort((begin, holder, held))
    holder, held, share, begin, end = holder[order], held[order], share[order], begin[order], end[order]
    by_held = np.zeros(parties + 1, dtype=np.int64)
    np.cumsum(np.bincount(held, minlength=parties), out=by_held[1:])
    by_holder = np.zeros(parties + 1, dtype=np.int64)
    np.cumsum(np.bincount(holder, minlength=parties), out=by_holder[1:])
    joined = np.zeros(parties, dtype=np.bool_)
    joined[holder] = True
    joined[held] = True
    change = np.concatenate((begin, end)).astype(np.int64)
    inside = (change > window[0]) & (change < window[1])
    events = np.unique(change[inside] * parties + np.concatenate((held, held))[inside])
    return Holdings(
        parties=parties,
        by_held=by_held,
        holder=holder,
        share=share,
        begin=begin,
        end=end,
        by_holder=by_holder,
        downwards=np.argsort(holder, kind="stable"),
        held=held,
        members=np.flatnonzero(joined).astype(np.int32),
        change_days=(events // parties).astype(np.int32) if parties else np.empty(0, dtype=np.int32),
        change_parties=(events % parties).astype(np.int32) if parties else np.empty(0, dtype=np.int32),
    )


@dataclass(frozen=True)
class Segment:
    """Rows [low, high) lie on days from `day` on, up to the next segment; the holders of `changed` change on it."""

    low: int
    high: int
    day: int
    changed: Int32Array


def segments_of(holdings: Holdings, window: tuple[int, int], days: Int32Array) -> list[Segment]:
    """Cut rows, ascending by day, where any holding changes; nothing changes at the start of the first segment."""
    starts, first = np.unique(holdings.change_days, return_index=True)
    edges = np.append(first, len(holdings.change_days))
    cuts = np.concatenate(([0], np.searchsorted(days, starts), [len(days)]))
    found = [Segment(0, int(cuts[1]), window[0], holdings.change_parties[:0])]
    for i, day in enumerate(starts):
        changed = holdings.change_parties[edges[i] : edges[i + 1]]
        found.append(Segment(int(cuts[i + 1]), int(cuts[i + 2]), int(day), changed))
    return found


class Groups:
    """The group of every party on the current day: the root that following the largest holder leads to (R-GROUP).

    Days are taken in order with `advance`; only parties below a change are looked at again.
    """

    def __init__(self, holdings: Holdings, window: tuple[int, int]) -> None:
        self.holdings = holdings
        self.root: Int32Array = np.arange(holdings.parties, dtype=np.int32)
        self._largest: Int32Array = np.full(holdings.parties, -1, dtype=np.int32)
        self._seen: Int32Array = np.full(holdings.parties, -1, dtype=np.int32)
        self._walk: Int32Array = np.empty(len(holdings.members), dtype=np.int32)
        self._mark: Int32Array = np.zeros(holdings.parties, dtype=np.int32)
        self._stamp = 0
        self._follow(holdings.members, window[0])
        _climb(holdings.members, self._largest, self.root, self._seen, self._walk)

    def below(self, changed: Int32Array) -> Int32Array:
        """Return everybody whose path to the root passes one of `changed`, they included."""
        self._stamp += 1
        found: Int32Array = _below(changed, self.holdings, self._largest, self._mark, self._stamp, self._walk)
        return found.copy()

    def advance(self, changed: Int32Array, moved: Int32Array, day: int) -> None:
        """Move to `day`, on which the holders of `changed` change; `moved` = `below(changed)`."""
        self._follow(changed, day)
        _climb(moved, self._largest, self.root, self._seen, self._walk)

    def _follow(self, parties: Int32Array, day: int) -> None:
        _follow(parties, day, self.holdings, self._largest)


@kernel
def _follow(parties: Array, day: Whole, holdings: Holdings, largest: Array) -> None:
    """Set largest[x] to the largest holder of x that counts on the day, -1 for none."""
    by_held, holder, share = holdings.by_held, holdings.holder, holdings.share
    begin, end = holdings.begin, holdings.end
    for x in parties:
        best, best_share = np.int32(-1), np.int64(-1)
        for k in range(by_held[x], by_held[x + 1]):
            # equal shares: the smaller code, and ranks are in the order of codes
            counts = begin[k] <= day < end[k]
            if counts and (share[k] > best_share or (share[k] == best_share and holder[k] < best)):
                best, best_share = holder[k], share[k]
        largest[x] = best


@kernel
def _below(changed: Array, holdings: Holdings, largest: Array, mark: Array, stamp: Whole, queue: Array) -> Array:
    """Return `changed` and everybody below them. The path of a party up to the first changed one is the same before and
    after the change, so either state of `largest` gives the same answer."""
    by_holder, downwards, held = holdings.by_holder, holdings.downwards, holdings.held
    filled = 0
    for x in changed:
        if mark[x] != stamp:
            mark[x] = stamp
            queue[filled] = x
            filled += 1
    done = 0
    while done < filled:
        x = queue[done]
        done += 1
        for j in range(by_holder[x], by_holder[x + 1]):
            y = held[downwards[j]]
            if largest[y] == x and mark[y] != stamp:
                mark[y] = stamp
                queue[filled] = y
                filled += 1
    return queue[:filled]


@kernel
def _climb(parties: Array, up: Array, root: Array, seen: Array, walk: Array) -> None:
    """Set root[x] to where following `up` from x ends: the last party, or the smallest code of a cycle. The roots of
    parties that are not listed are taken as they are."""
    for i in range(len(parties)):
        root[parties[i]] = -1
        seen[parties[i]] = -1
    for i in range(len(parties)):
        current = parties[i]
        length = 0
        while True:
            if root[current] != -1:
                end = root[current]
                break
            if seen[current] == i:  # the walk has come back to itself: a cycle
                end = current
                other = up[current]
                while other != current:
                    end = min(end, other)
                    other = up[other]
                break
            seen[current] = i
            walk[length] = current
            length += 1
            if up[current] < 0:
                end = current
                break
            current = up[current]
        for k in range(length):
            root[walk[k]] = end
