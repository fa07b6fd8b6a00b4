"""Which use is use by insiders of its facility (R-SELF, R-JV): owners from 25 % on and everyone related to one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

from settlement.netting.holdings import Ancestry, Segment
from settlement.netting.rows import Owners, Rows

OUTSIDER, INSIDER, OPEN = np.uint8(0), np.uint8(1), np.uint8(2)


def insiders(rows: Rows, owners: Owners, ancestry: Ancestry, segments: list[Segment]) -> npt.NDArray[np.uint8]:
    """1 for every row on the platform whose consumer is an insider of its facility on that day, else 0.

    Inside a segment no holding changes; `ancestry` is moved through all of them.
    """
    inside = np.zeros(len(rows.day), dtype=np.uint8)
    marks = np.zeros(ancestry.holdings.parties, dtype=np.int64)
    queue = np.empty(ancestry.holdings.parties, dtype=np.int32)
    h = ancestry.holdings
    stamp = 0
    for segment in segments:
        ancestry.follow(segment.families, segment.day)
        open_rows = _judge(
            segment.low,
            segment.high,
            rows.consumer,
            rows.facility_fact,
            rows.via_platform,
            owners.offset,
            owners.party,
            owners.is_insider,
            h.family,
            ancestry.top,
            inside,
        )
        if open_rows:
            picked = segment.low + np.flatnonzero(inside[segment.low : segment.high] == OPEN)
            picked = picked[np.argsort(rows.facility_fact[picked], kind="stable")]
            stamp = _judge_closure(
                picked,
                segment.day,
                rows.consumer,
                rows.facility_fact,
                owners.offset,
                owners.party,
                owners.is_insider,
                h.by_held,
                h.holder,
                h.by_holder,
                h.downwards,
                h.held,
                h.begin,
                h.end,
                marks,
                queue,
                stamp,
                inside,
            )
    return inside


@njit(cache=True, nogil=True)
def _judge(  # type: ignore[no-untyped-def]
    low, high, consumer, fact, via_platform, offset, party, is_insider, family, top, inside
):  # fmt: skip
    """Decides every row whose parties have a single top; leaves OPEN the others, and says how many."""
    left = 0
    for i in range(low, high):
        if not via_platform[i]:
            continue
        x = consumer[i]
        verdict = OUTSIDER
        for k in range(offset[fact[i]], offset[fact[i] + 1]):
            if not is_insider[k]:
                continue
            owner = party[k]
            if owner == x:
                verdict = INSIDER
                break
            if family[x] < 0 or family[x] != family[owner]:
                continue
            if top[x] < 0 or top[owner] < 0:
                verdict = OPEN
            elif top[x] == top[owner]:
                verdict = INSIDER
                break
        if verdict == OPEN:
            left += 1
        inside[i] = verdict
    return left


@njit(cache=True, nogil=True)
def _judge_closure(  # type: ignore[no-untyped-def]
    picked, day, consumer, fact, offset, party, is_insider,
    by_held, holder, by_holder, downwards, held, begin, end, marks, queue, stamp, inside,
):  # fmt: skip
    """Decides OPEN rows, sorted by facility fact: marks all ancestors of its owners, then all their descendants."""
    previous = np.int64(-1)
    for i in picked:
        if fact[i] != previous:
            previous = fact[i]
            stamp += 1
            filled = 0
            for k in range(offset[previous], offset[previous + 1]):
                if is_insider[k] and marks[party[k]] != stamp:
                    marks[party[k]] = stamp
                    queue[filled] = party[k]
                    filled += 1
            done = 0
            while done < filled:
                x = queue[done]
                done += 1
                for k in range(by_held[x], by_held[x + 1]):
                    if begin[k] <= day < end[k] and marks[holder[k]] != stamp:
                        marks[holder[k]] = stamp
                        queue[filled] = holder[k]
                        filled += 1
            done = 0
            while done < filled:
                x = queue[done]
                done += 1
                for j in range(by_holder[x], by_holder[x + 1]):
                    k = downwards[j]
                    if begin[k] <= day < end[k] and marks[held[k]] != stamp:
                        marks[held[k]] = stamp
                        queue[filled] = held[k]
                        filled += 1
        inside[i] = INSIDER if marks[consumer[i]] == stamp else OUTSIDER
    return stamp
