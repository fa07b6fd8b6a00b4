"""Holdings that count on each day (R-RELATED), cut into families, and the root and top holder of every member."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit

from settlement.inputs import WHOLE, Inputs
from settlement.refused import Refused
from settlement.rounds.round import date_of
from settlement.timeline import EVER, NEVER_ENDS, Int32Array, Int64Array, Timeline, timeline

SEVERAL = np.int32(-2)
"""Top of a party above which somebody has more than one holder that counts: relation needs the whole closure."""


@dataclass(frozen=True)
class Holdings:
    """Edges holder -> held that count, each on days [begin, end), as lists by held and by holder.

    A family is a set of parties that counting edges of the window connect; `family` is -1 for a party without any.
    `change_days` and `change_families` list, by day, the families whose edges change on it inside the window.
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
    family: Int32Array
    family_offset: Int64Array
    members: Int32Array
    change_days: Int32Array
    change_families: Int32Array


def holdings_of(inputs: Inputs, entities: Timeline, window: tuple[int, int], threshold_billionths: int) -> Holdings:
    """The counting edges of the window. Refused HOLDINGS_ABOVE_WHOLE where one held is held above 100 % on a day."""
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
    """No company is held above 100 % on any day."""
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
        raise Refused("HOLDINGS_ABOVE_WHOLE", f"R-RELATED: {code} is held above 100 % since {since}")


def _state_intervals(inputs: Inputs, entities: Timeline) -> tuple[Int64Array, Int32Array, Int32Array]:
    """Days on which a party is a State body: offsets by party, begin, end."""
    is_state = inputs.entity_facts["state_body"].to_numpy()[entities.fact].astype(np.bool_)
    party = np.repeat(np.arange(len(entities.offset) - 1), np.diff(entities.offset))
    offset = np.zeros(len(entities.offset), dtype=np.int64)
    np.cumsum(np.bincount(party[is_state], minlength=len(offset) - 1), out=offset[1:])
    return offset, entities.begin[is_state], entities.end[is_state]


@njit(cache=True, nogil=True)
def _without_state(holder, begin, end, offset, state_begin, state_end):  # type: ignore[no-untyped-def]
    """Cuts the days on which the holder is a State body out of its edges: (edge, begin, end) of what is left."""
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
    leader = _leaders(parties, holder, held)
    joined = np.zeros(parties, dtype=np.bool_)
    joined[holder] = True
    joined[held] = True
    family = np.full(parties, -1, dtype=np.int32)
    members = np.flatnonzero(joined)
    names, number = np.unique(leader[members], return_inverse=True)
    family[members] = number
    family_offset = np.zeros(len(names) + 1, dtype=np.int64)
    np.cumsum(np.bincount(number, minlength=len(names)), out=family_offset[1:])
    change = np.concatenate((begin, end)).astype(np.int64)
    where = np.concatenate((family[held], family[held])).astype(np.int64)
    inside = (change > window[0]) & (change < window[1])
    events = np.unique(change[inside] * max(len(names), 1) + where[inside])
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
        family=family,
        family_offset=family_offset,
        members=members[np.argsort(number, kind="stable")].astype(np.int32),
        change_days=(events // max(len(names), 1)).astype(np.int32),
        change_families=(events % max(len(names), 1)).astype(np.int32),
    )


@njit(cache=True, nogil=True)
def _leaders(parties, holder, held):  # type: ignore[no-untyped-def]
    """Union-find over edges: one representative for each connected set."""
    leader = np.arange(parties)
    for i in range(len(holder)):
        a, b = np.int64(holder[i]), np.int64(held[i])
        while leader[a] != a:
            leader[a] = leader[leader[a]]
            a = leader[a]
        while leader[b] != b:
            leader[b] = leader[leader[b]]
            b = leader[b]
        if a < b:
            leader[b] = a
        else:
            leader[a] = b
    for i in range(parties):
        a = np.int64(i)
        while leader[a] != a:
            leader[a] = leader[leader[a]]
            a = leader[a]
        leader[i] = a
    return leader


@dataclass(frozen=True)
class Segment:
    """Rows [low, high) lie on days from `day` on, up to the next segment; `families` changed on that day."""

    low: int
    high: int
    day: int
    families: Int32Array


def segments_of(holdings: Holdings, window: tuple[int, int], days: Int32Array) -> list[Segment]:
    """Cuts rows, ascending by day, where any holding changes; the first segment lists every family."""
    starts, first = np.unique(holdings.change_days, return_index=True)
    edges = np.append(first, len(holdings.change_days))
    cuts = np.concatenate(([0], np.searchsorted(days, starts), [len(days)]))
    found = [
        Segment(0, int(cuts[1]), window[0], np.arange(len(holdings.family_offset) - 1, dtype=np.int32)),
    ]
    for i, day in enumerate(starts):
        families = holdings.change_families[edges[i] : edges[i + 1]]
        found.append(Segment(int(cuts[i + 1]), int(cuts[i + 2]), int(day), families))
    return found


class Ancestry:
    """Root (largest holder followed up) and top (only holder followed up) of every party on the current day.

    `root[x]`: the code that names the group of x. `top[x]`: the single party or cycle all holders of x end in, named
    by its smallest code, or SEVERAL. Both are x itself for a party without a holder that counts.
    """

    def __init__(self, holdings: Holdings) -> None:
        self.holdings = holdings
        self.root: Int32Array = np.arange(holdings.parties, dtype=np.int32)
        self.top: Int32Array = np.arange(holdings.parties, dtype=np.int32)
        self._largest: Int32Array = np.full(holdings.parties, -1, dtype=np.int32)
        self._only: Int32Array = np.full(holdings.parties, -1, dtype=np.int32)
        self._seen: Int32Array = np.zeros(holdings.parties, dtype=np.int32)
        self._walk: Int32Array = np.empty(len(holdings.members), dtype=np.int32)

    def follow(self, families: npt.NDArray[np.int32], day: int) -> None:
        """Brings the members of these families to the state of a day."""
        h = self.holdings
        _follow(
            families,
            day,
            h.family_offset,
            h.members,
            h.by_held,
            h.holder,
            h.share,
            h.begin,
            h.end,
            self._largest,
            self._only,
            self.root,
            self.top,
            self._seen,
            self._walk,
        )


@njit(cache=True, nogil=True)
def _follow(  # type: ignore[no-untyped-def]
    families, day, family_offset, members, by_held, holder, share, begin, end, largest, only, root, top, seen, walk
):  # fmt: skip
    for f in families:
        low, high = family_offset[f], family_offset[f + 1]
        for m in range(low, high):
            x = members[m]
            best, best_share, holders = np.int32(-1), np.int64(-1), 0
            for k in range(by_held[x], by_held[x + 1]):
                if begin[k] <= day < end[k]:
                    holders += 1
                    # equal shares: the smaller code, and ranks are in the order of codes
                    if share[k] > best_share or (share[k] == best_share and holder[k] < best):
                        best, best_share = holder[k], share[k]
            largest[x] = best
            only[x] = best if holders <= 1 else SEVERAL
        _climb(members, low, high, largest, root, seen, walk)
        _climb(members, low, high, only, top, seen, walk)


@njit(cache=True, nogil=True)
def _climb(members, low, high, up, out, seen, walk):  # type: ignore[no-untyped-def]
    """out[x] = where following `up` from x ends: the last party, the smallest code of a cycle, or SEVERAL."""
    for m in range(low, high):
        out[members[m]] = -1
        seen[members[m]] = -1
    for m in range(low, high):
        current = members[m]
        length = 0
        while True:
            if out[current] != -1:
                end = out[current]
                break
            if seen[current] == m:  # the walk has come back to itself: a cycle
                end = current
                other = up[current]
                while other != current:
                    end = min(end, other)
                    other = up[other]
                break
            seen[current] = m
            walk[length] = current
            length += 1
            if up[current] < 0:
                end = current if up[current] == -1 else SEVERAL
                break
            current = up[current]
        for i in range(length):
            out[walk[i]] = end


assert NEVER_ENDS > EVER, "an interval without dates is not empty"
