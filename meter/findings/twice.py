"""Finds records inside another one with the same consumer, facility, cards and order: likely metered twice."""

from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import polars as pl

from meter.findings.finding import FINDING_SCHEMA
from meter.findings.month import ORDINAL_BITS, Rows, chosen, joined, no_rows
from meter.kernels.kernel import Array, Whole, kernel

PART_BITS = 9  # of a hash: a part of a month of some ten million rows fits the cache
BUCKET_BITS = 13  # of a hash, after those
NO_HASH = np.uint64(0)  # hashes are odd
LENGTH_BITS = 29  # of a time: a record lasts at most 10 * 366 days
LENGTH_MASK = (1 << LENGTH_BITS) - 1
THREADS = 2
FEW = 24  # rows that insertion sorts faster than merging


class Hashed(NamedTuple):
    """Rows in parts of like hashes: part p is edges[p]..edges[p + 1] of the other three.

    A hash is of all that must be equal. A time is the start and, in its low bits, what a length lacks to the longest:
    in its order earlier starts come first, of one start the later end. `rows` says where a row stands among the rows.
    """

    edges: Array
    hashes: Array
    times: Array
    rows: Array


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
        hashed = by_hash(rows)
        # parts stand alone, so several threads may look through some each; laid end to end it is the same
        cuts = [(len(hashed.edges) - 1) * number // THREADS for number in range(THREADS + 1)]

        def find(low: int, high: int) -> tuple[Array, Array]:
            part = hashed._replace(edges=hashed.edges[low : high + 1])
            found: tuple[Array, Array] = find_inside(part, rows, before)
            return found

        with ThreadPoolExecutor(THREADS) as pool:
            inner, outer = (np.concatenate(some) for some in zip(*pool.map(find, cuts[:-1], cuts[1:]), strict=True))
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


@kernel
def by_hash(some: Rows) -> Hashed:
    """Return the rows that can be inside another, in parts of like hashes."""
    consumer, facility, millicards = some.consumer, some.facility, some.millicards
    started, ended, order_digest = some.started, some.ended, some.order_digest
    hash_of = np.empty(len(started), np.uint64)
    edges = np.zeros((1 << PART_BITS) + 1, np.int64)
    for row in range(len(started)):
        if order_digest[row] == 0 or ended[row] <= started[row]:
            hash_of[row] = NO_HASH
            continue
        mixed = np.uint64(order_digest[row]) * np.uint64(0x9E3779B97F4A7C15)
        mixed ^= np.uint64((np.int64(consumer[row]) << 32) | np.int64(facility[row]))
        mixed *= np.uint64(0xD6E8FEB86659FD93)
        mixed ^= np.uint64(millicards[row]) ^ (mixed >> np.uint64(32))
        mixed *= np.uint64(0xD6E8FEB86659FD93)
        mixed |= np.uint64(1)
        hash_of[row] = mixed
        edges[np.int64(mixed >> np.uint64(64 - PART_BITS)) + 1] += 1
    for part in range(1 << PART_BITS):
        edges[part + 1] += edges[part]
    fills = edges.copy()
    hashes = np.empty(edges[-1], np.uint64)
    times = np.empty(edges[-1], np.int64)
    rows = np.empty(edges[-1], np.int32)
    for row in range(len(started)):
        mixed = hash_of[row]
        if mixed != NO_HASH:
            its_part = np.int64(mixed >> np.uint64(64 - PART_BITS))
            to = fills[its_part]
            hashes[to] = mixed
            times[to] = (started[row] << LENGTH_BITS) | (LENGTH_MASK - (ended[row] - started[row]))
            rows[to] = row
            fills[its_part] += 1
    return Hashed(edges, hashes, times, rows)


@kernel(inline=True)
def _unlike(one: Whole, other: Whole, some: Rows) -> Whole:
    """Return -1, 0 or 1: how two rows compare by what must be equal."""
    consumer, facility, millicards, order_digest = some.consumer, some.facility, some.millicards, some.order_digest
    if order_digest[one] != order_digest[other]:
        return -1 if order_digest[one] < order_digest[other] else 1
    if millicards[one] != millicards[other]:
        return -1 if millicards[one] < millicards[other] else 1
    if consumer[one] != consumer[other]:
        return -1 if consumer[one] < consumer[other] else 1
    if facility[one] != facility[other]:
        return -1 if facility[one] < facility[other] else 1
    return 0


@kernel(inline=True)
def _comes_before(one: Whole, other: Whole, exactly: bool, hashed: Hashed, some: Rows) -> bool:
    """Compare two rows by hash (and, `exactly`, by what was hashed), then time, then place in the journal."""
    hashes, times, rows, record = hashed.hashes, hashed.times, hashed.rows, some.record
    if hashes[one] != hashes[other]:
        return bool(hashes[one] < hashes[other])
    if exactly:
        unlike = _unlike(rows[one], rows[other], some)
        if unlike != 0:
            return bool(unlike < 0)
    if times[one] != times[other]:
        return bool(times[one] < times[other])
    return bool(record[rows[one]] < record[rows[other]])


@kernel
def _sort_some(place: Array, spare: Array, exactly: bool, hashed: Hashed, some: Rows) -> None:
    """Sort places: runs of FEW by insertion, then merged pairwise; what is in order already is left as it is.

    A sort of its own, because a bucket holds a few rows and compiled code has no library sort by several columns: of
    a million rows numpy's lexsort alone takes as long as the whole sweep (0.41 s against 0.36 s).
    """
    count = len(place)
    for begin in range(0, count, FEW):
        for at in range(begin + 1, min(begin + FEW, count)):
            mine = place[at]
            to = at
            while to > begin and _comes_before(mine, place[to - 1], exactly, hashed, some):
                place[to] = place[to - 1]
                to -= 1
            place[to] = mine
    width = FEW
    while width < count:
        for begin in range(0, count - width, 2 * width):
            middle = begin + width
            end = min(middle + width, count)
            if not _comes_before(place[middle], place[middle - 1], exactly, hashed, some):
                continue
            spare[:width] = place[begin:middle]
            left = 0
            right = middle
            to = begin
            while left < width:
                if right < end and _comes_before(place[right], spare[left], exactly, hashed, some):
                    place[to] = place[right]
                    right += 1
                else:
                    place[to] = spare[left]
                    left += 1
                to += 1
        width *= 2


@kernel
def find_inside(  # noqa: C901, PLR0912, PLR0915 - a kernel: one pass over hashes
    hashed: Hashed, some: Rows, before: Whole
) -> tuple[Array, Array]:
    """Return (inner, outer) rows; the first `before` rows come from earlier months and are no inner ones again.

    In order of time, a record lies inside an earlier one exactly when it ends no later than the latest end so far.
    A part is small enough for the cache; in it, a counting sort brings together what may have one hash.
    """
    edges, hashes, times, rows = hashed
    inner = np.empty(1024, np.int64)
    outer = np.empty(1024, np.int64)
    count = 0
    largest = 0
    for part in range(len(edges) - 1):
        largest = max(largest, edges[part + 1] - edges[part])
    place = np.empty(largest, np.int32)
    spare = np.empty(largest, np.int32)
    begins = np.empty((1 << BUCKET_BITS) + 1, np.int64)
    shift = np.uint64(64 - PART_BITS - BUCKET_BITS)
    bucket_mask = np.uint64((1 << BUCKET_BITS) - 1)
    for part in range(len(edges) - 1):
        begins[:] = 0
        for at in range(edges[part], edges[part + 1]):
            begins[np.int64((hashes[at] >> shift) & bucket_mask) + 1] += 1
        for bucket in range(1 << BUCKET_BITS):
            begins[bucket + 1] += begins[bucket]
        for at in range(edges[part], edges[part + 1]):
            mine = np.int64((hashes[at] >> shift) & bucket_mask)
            place[begins[mine]] = at
            begins[mine] += 1
        low = 0
        for bucket in range(1 << BUCKET_BITS):  # begins[bucket] is by now where the bucket ends
            high = begins[bucket]
            if high - low > 1:
                exactly = False
                first_found = count
                at = low
                while at <= low:  # a second time only when two kinds of rows have one hash
                    _sort_some(place[low:high], spare, exactly, hashed, some)
                    longest = place[low]
                    latest = _end(times[longest])
                    at = low + 1
                    while at < high:
                        mine = np.int64(place[at])
                        end = _end(times[mine])
                        same = hashes[mine] == hashes[longest]
                        if same and _unlike(rows[mine], rows[longest], some) != 0:
                            if not exactly:
                                break
                            same = False
                        if not same or end > latest:
                            longest = mine
                            latest = end
                        elif rows[mine] >= before:
                            if count == len(inner):
                                inner = np.concatenate((inner, np.empty(count, np.int64)))
                                outer = np.concatenate((outer, np.empty(count, np.int64)))
                            inner[count] = rows[mine]
                            outer[count] = rows[longest]
                            count += 1
                        at += 1
                    if at < high:
                        exactly = True
                        count = first_found
                        at = low
            low = high
    return inner[:count], outer[:count]


@kernel(inline=True)
def _end(time: Whole) -> Whole:
    """Return the end that a time stands for."""
    return (time >> LENGTH_BITS) + LENGTH_MASK - (time & LENGTH_MASK)
