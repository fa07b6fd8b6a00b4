"""Which use is use by insiders of its facility (R-SELF, R-JV): owners from 25 % on and everyone related to one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from meter.kernels.kernel import Array, Whole, kernel
from settlement.netting.ancestors import MANY, Ancestors, ancestors_of, share_source
from settlement.netting.holdings import Holdings
from settlement.netting.rows import Owners, Rows

OUTSIDER, INSIDER, OPEN = np.uint8(0), np.uint8(1), np.uint8(2)


def insiders(rows: Rows, owners: Owners, holdings: Holdings, window: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Return 1 for every row on the platform whose consumer is an insider of its facility on that day, else 0."""
    inside = np.zeros(len(rows.day), dtype=np.uint8)
    known = ancestors_of(holdings, window)
    judge_day = np.zeros(len(rows.day), dtype=np.int32)
    left = _judge(rows, owners, known, window[0], judge_day, inside)
    if left:
        picked = np.flatnonzero(inside == OPEN)
        order = np.lexsort((rows.consumer[picked], judge_day[picked], rows.facility_fact[picked]))
        _search(picked[order], judge_day, rows, owners, holdings, inside)
    return inside


@kernel
def _judge(rows: Rows, owners: Owners, known: Ancestors, window_start: Whole, judge_day: Array, inside: Array) -> Whole:
    """Decide every row it can without a search; leave OPEN the others, with the day to judge them by (the first of
    the window where nothing above changes, so that one answer serves all days), and says how many."""
    day, consumer, fact, via_platform = rows.day, rows.consumer, rows.facility_fact, rows.via_platform
    offset, party, is_insider = owners.offset, owners.party, owners.is_insider
    count, steady, joined = known.kept, known.steady, known.joined
    left = 0
    for i in range(len(consumer)):
        if not via_platform[i]:
            continue
        x = consumer[i]
        verdict = OUTSIDER
        calm = steady[x]
        for k in range(offset[fact[i]], offset[fact[i] + 1]):
            if not is_insider[k]:
                continue
            owner = party[k]
            if owner == x:
                verdict = INSIDER
                break
            if not joined[x] or not joined[owner]:
                continue
            calm &= steady[owner]
            if count[x] != MANY and count[owner] != MANY:
                if not share_source(known, x, owner):
                    continue
                if steady[x] and steady[owner]:
                    verdict = INSIDER
                    break
            verdict = OPEN
        if verdict == OPEN:
            left += 1
            judge_day[i] = window_start if calm else day[i]
        inside[i] = verdict
    return left


@kernel
def _search(  # noqa: C901, PLR0912, PLR0915 - a kernel: one pass over rows
    picked: Array, judge_day: Array, rows: Rows, owners: Owners, holdings: Holdings, inside: Array
) -> None:
    """Decide OPEN rows, sorted by facility fact, day to judge by and consumer: is anybody above the consumer (or the
    consumer) also above an owner (or the owner)? What a search without success has seen is not searched again."""
    consumer, fact = rows.consumer, rows.facility_fact
    offset, party, is_insider = owners.offset, owners.party, owners.is_insider
    by_held, holder, begin, end = holdings.by_held, holdings.holder, holdings.begin, holdings.end
    parties = holdings.parties
    above_owner = np.zeros(parties, np.int64)
    hopeless = np.zeros(parties, np.int64)
    visited = np.zeros(parties, np.int64)
    queue = np.empty(parties, np.int32)
    place, searches = 0, 0
    last_fact, last_day, last_consumer = np.int64(-1), np.int32(0), np.int32(-1)
    verdict = OUTSIDER
    for i in picked:
        if fact[i] == last_fact and judge_day[i] == last_day and consumer[i] == last_consumer:
            inside[i] = verdict
            continue
        day = judge_day[i]
        if fact[i] != last_fact or day != last_day:
            last_fact, last_day = fact[i], day
            place += 1
            filled = 0
            for k in range(offset[last_fact], offset[last_fact + 1]):
                if is_insider[k] and above_owner[party[k]] != place:
                    above_owner[party[k]] = place
                    queue[filled] = party[k]
                    filled += 1
            done = 0
            while done < filled:
                x = queue[done]
                done += 1
                for k in range(by_held[x], by_held[x + 1]):
                    if begin[k] <= day < end[k] and above_owner[holder[k]] != place:
                        above_owner[holder[k]] = place
                        queue[filled] = holder[k]
                        filled += 1
        last_consumer = consumer[i]
        verdict = INSIDER if above_owner[last_consumer] == place else OUTSIDER
        if verdict == OUTSIDER and hopeless[last_consumer] != place:
            searches += 1
            visited[last_consumer] = searches
            queue[0] = last_consumer
            filled, done = 1, 0
            while done < filled and verdict == OUTSIDER:
                x = queue[done]
                done += 1
                for k in range(by_held[x], by_held[x + 1]):
                    if not begin[k] <= day < end[k]:
                        continue
                    above = holder[k]
                    if above_owner[above] == place:
                        verdict = INSIDER
                        break
                    if hopeless[above] != place and visited[above] != searches:
                        visited[above] = searches
                        queue[filled] = above
                        filled += 1
            if verdict == OUTSIDER:
                for k in range(filled):
                    hopeless[queue[k]] = place
        inside[i] = verdict
