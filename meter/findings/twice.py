"""Finds records inside another one with the same consumer, facility, cards and order: likely metered twice."""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
from numba import njit

from meter.findings.finding import FINDING_SCHEMA
from meter.findings.month import ORDINAL_BITS, Array, Rows, Whole, chosen, joined, no_rows

BUCKET_BITS = 11  # of one pass of the distribution; two passes make 2^22 buckets
FEW = 24  # rows that insertion sorts faster than merging


class TwiceSweep:
    """Sweeps months in order; keeps of a month only what runs on into the next.

    Records without an order are left out: of one consumer's many jobs with as many cards, one lies inside another
    every day. So are records of no length: nothing is metered twice by them.
    """

    def __init__(self) -> None:
        self.running = no_rows()  # of the months swept, what may still have others inside

    def sweep(self, rows: Rows, until: int) -> pl.DataFrame:
        """Add rows that start before the instant `until`, and not before the last one; return those inside another.

        Columns: outer and inner (record, see `month.Rows`), consumer, facility, chip, started, ended of the inner
        record, and the millicard_seconds it metered. An inner record is found once, with the outer one that ends last;
        of records with one span the one recorded first is the outer. Sorted by inner.
        """
        return self.sweep_behind(joined((self.running, rows)), until)

    def sweep_behind(self, rows: Rows, until: int) -> pl.DataFrame:
        """Do the same with rows that already have `running` before them; saves laying them end to end again."""
        before = len(self.running.record)
        place, bucket = by_bucket(rows.consumer, rows.facility, rows.millicards, rows.started, rows.ended,
                                  rows.order_digest)  # fmt: skip
        inner, outer = find_inside(
            place, bucket, before, rows.record, rows.consumer, rows.facility, rows.millicards, rows.started, rows.ended,
            rows.order_digest,
        )  # fmt: skip
        found = pl.DataFrame(
            {
                "outer": rows.record[outer],
                "inner": rows.record[inner],
                "consumer": rows.consumer[inner],
                "facility": rows.facility[inner],
                "chip": rows.chip[inner],
                "started": rows.started[inner],
                "ended": rows.ended[inner],
                "millicard_seconds": rows.millicards[inner] * (rows.ended[inner] - rows.started[inner]),
            }
        )
        self.running = chosen(rows, np.flatnonzero((rows.ended > until) & (rows.order_digest != 0)))
        return found.sort("inner")


def metered_twice(months: Sequence[tuple[int, Callable[[], Rows]]]) -> pl.DataFrame:
    """Sweep months, each given as (instant after its last start, loader of its rows), in order."""
    sweep = TwiceSweep()
    return pl.concat([sweep.sweep(no_rows(), 0), *(sweep.sweep(load(), until) for until, load in months)])


def as_findings(found: pl.DataFrame) -> pl.DataFrame:
    """Return what `TwiceSweep.sweep` found as findings; the outer record is named first."""

    def place(name: str) -> pl.Expr:
        return pl.struct(
            (pl.col(name) // (1 << ORDINAL_BITS)).alias("batch"),
            (pl.col(name) % (1 << ORDINAL_BITS)).cast(pl.Int32).alias("ordinal"),
        )

    return found.select(
        pl.lit("metered_twice").alias("kind"),
        "facility",
        "chip",
        "consumer",
        "started",
        "ended",
        pl.col("millicard_seconds").alias("found"),
        pl.lit(0, pl.Int64).alias("expected"),
        pl.lit([], pl.List(pl.Int32)).alias("parties"),
        pl.concat_list(place("outer"), place("inner")).alias("records"),
    ).match_to_schema(FINDING_SCHEMA)


@njit(cache=True, nogil=True, error_model="numpy")
def by_bucket(
    consumer: Array, facility: Array, millicards: Array, started: Array, ended: Array, order_digest: Array
) -> tuple[Array, Array]:
    """Return (rows, buckets): rows that can be inside another, brought together by a hash of what must be equal.

    Two counting sorts that keep the order of rows, so what comes sorted by start stays so within a bucket.
    """
    size = 1 << BUCKET_BITS
    digit_mask = np.uint64(size - 1)
    low_counts = np.zeros(size + 1, np.int64)
    high_counts = np.zeros(size + 1, np.int64)
    bucket = np.empty(len(started), np.int32)
    for row in range(len(started)):
        if order_digest[row] == 0 or ended[row] <= started[row]:
            bucket[row] = -1
            continue
        mixed = np.uint64(order_digest[row]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= np.uint64((np.int64(consumer[row]) << 32) | np.int64(facility[row]))
        mixed *= np.uint64(0xD6E8FEB86659FD93)
        mixed ^= np.uint64(millicards[row]) ^ (mixed >> np.uint64(32))
        mixed *= np.uint64(0xD6E8FEB86659FD93)
        low = np.int64((mixed >> np.uint64(40)) & digit_mask)
        high = np.int64((mixed >> np.uint64(52)) & digit_mask)
        bucket[row] = (high << BUCKET_BITS) | low
        low_counts[low + 1] += 1
        high_counts[high + 1] += 1
    for digit in range(size):
        low_counts[digit + 1] += low_counts[digit]
        high_counts[digit + 1] += high_counts[digit]
    by_low = np.empty(low_counts[size], np.int32)
    for row in range(len(started)):
        if bucket[row] >= 0:
            low = np.int64(bucket[row]) & (size - 1)
            by_low[low_counts[low]] = row
            low_counts[low] += 1
    place = np.empty(len(by_low), np.int32)
    for at in range(len(by_low)):
        row = by_low[at]
        high = np.int64(bucket[row]) >> BUCKET_BITS
        place[high_counts[high]] = row
        high_counts[high] += 1
    return place, bucket


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _comes_before(
    one: Whole, other: Whole, record: Array, consumer: Array, facility: Array, millicards: Array, started: Array,
    ended: Array, order_digest: Array,
) -> bool:  # fmt: skip
    """Order by what must be equal, then start, then the later end, then place in the journal."""
    if order_digest[one] != order_digest[other]:
        return bool(order_digest[one] < order_digest[other])
    if millicards[one] != millicards[other]:
        return bool(millicards[one] < millicards[other])
    if consumer[one] != consumer[other]:
        return bool(consumer[one] < consumer[other])
    if facility[one] != facility[other]:
        return bool(facility[one] < facility[other])
    if started[one] != started[other]:
        return bool(started[one] < started[other])
    if ended[one] != ended[other]:
        return bool(ended[one] > ended[other])
    return bool(record[one] < record[other])


@njit(cache=True, nogil=True, error_model="numpy")
def _sort_bucket(
    place: Array, low: Whole, high: Whole, spare: Array, record: Array, consumer: Array, facility: Array,
    millicards: Array, started: Array, ended: Array, order_digest: Array,
) -> None:  # fmt: skip
    """Sort place[low:high]: runs of FEW by insertion, then merged pairwise."""
    for begin in range(low, high, FEW):
        end = min(begin + FEW, high)
        for at in range(begin + 1, end):
            mine = place[at]
            to = at
            while to > begin and _comes_before(
                mine, place[to - 1], record, consumer, facility, millicards, started, ended, order_digest
            ):
                place[to] = place[to - 1]
                to -= 1
            place[to] = mine
    width = FEW
    while width < high - low:
        for begin in range(low, high, 2 * width):
            middle = min(begin + width, high)
            end = min(begin + 2 * width, high)
            if middle == end or not _comes_before(
                place[middle], place[middle - 1], record, consumer, facility, millicards, started, ended, order_digest
            ):
                continue
            spare[: middle - begin] = place[begin:middle]
            left = 0
            right = middle
            to = begin
            while left < middle - begin:
                if right < end and _comes_before(
                    place[right], spare[left], record, consumer, facility, millicards, started, ended, order_digest
                ):
                    place[to] = place[right]
                    right += 1
                else:
                    place[to] = spare[left]
                    left += 1
                to += 1
        width *= 2


@njit(cache=True, nogil=True, error_model="numpy")
def find_inside(
    place: Array, bucket: Array, before: Whole, record: Array, consumer: Array, facility: Array, millicards: Array,
    started: Array, ended: Array, order_digest: Array,
) -> tuple[Array, Array]:  # fmt: skip
    """Return (inner, outer) rows; the first `before` rows come from earlier months and are no inner ones again.

    In order of start, a record lies inside an earlier one exactly when it ends no later than the latest end so far.
    """
    inner = np.empty(1024, np.int64)
    outer = np.empty(1024, np.int64)
    spare = np.empty(len(place), np.int32)
    count = 0
    low = 0
    while low < len(place):
        high = low + 1
        while high < len(place) and bucket[place[high]] == bucket[place[low]]:
            high += 1
        if high - low > 1:
            _sort_bucket(place, low, high, spare, record, consumer, facility, millicards, started, ended, order_digest)
            longest = place[low]
            for at in range(low + 1, high):
                row = place[at]
                same = (
                    order_digest[row] == order_digest[longest]
                    and millicards[row] == millicards[longest]
                    and consumer[row] == consumer[longest]
                    and facility[row] == facility[longest]
                )
                if not same or ended[row] > ended[longest]:
                    longest = row
                elif row >= before:
                    if count == len(inner):
                        inner = np.concatenate((inner, np.empty(count, np.int64)))
                        outer = np.concatenate((outer, np.empty(count, np.int64)))
                    inner[count] = row
                    outer[count] = longest
                    count += 1
        low = high
    return inner[:count], outer[:count]
