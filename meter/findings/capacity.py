"""Finds the days on which more cards were in use at a facility, at some instant, than are registered there."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import polars as pl

from meter.days import DAY_SECONDS, UTC_PLUS_8_SECONDS, day_number, first_second
from meter.findings.finding import FINDING_SCHEMA, no_findings
from meter.findings.month import ORDINAL_BITS, Rows
from meter.kernels.kernel import Array, Whole, kernel

DELTA_BITS: Final = 32  # of an event: cards that begin or end, offset so that they are not negative
NO_CAPACITY: Final = 2**62  # nothing registered on a day: nothing to be above of

CAPACITY_SCHEMA: Final = pl.Schema(
    {"facility": pl.Int32, "chip": pl.Int32, "day_from": pl.Int32, "day_to": pl.Int32, "millicards": pl.Int64}
)  # local days, day_to exclusive; facts of one facility and chip must not overlap


class OverlappingCapacities(ValueError):
    """Two capacities are registered for one facility, chip and day."""


class CapacitySweep:
    """Sweeps months in order; keeps only what runs on from one month to the next."""

    def __init__(self, capacities: pl.DataFrame) -> None:
        facts = capacities.select(pl.col(name).cast(kind) for name, kind in CAPACITY_SCHEMA.items())
        facts = facts.sort("facility", "chip", "day_from")
        same = (facts["facility"] == facts["facility"].shift(1)) & (facts["chip"] == facts["chip"].shift(1))
        if (same & (facts["day_from"] < facts["day_to"].shift(1))).any():
            raise OverlappingCapacities("capacities of one facility and chip overlap in time")
        packed = (facts["facility"].cast(pl.Int64).to_numpy() << 32) | facts["chip"].to_numpy()
        self._sites, first = np.unique(packed, return_index=True)
        self._edges = np.append(first, len(packed)).astype(np.int64)
        self._facts = tuple(facts[name].cast(pl.Int64).to_numpy() for name in ("day_from", "day_to", "millicards"))
        self._running = np.zeros(len(self._sites), np.int64)
        self._pending: list[Array] = [np.empty(0, np.int64) for _ in self._sites]
        self._day = 0  # swept up to the beginning of this local day

    def sweep(self, rows: Rows, until_day: int, threads: int = 2) -> pl.DataFrame:
        """Add rows that start before local day `until_day` (and not before the last one); return the days above.

        Columns: facility, chip, day, instant (first of the greatest excess that day), millicards in use, capacity.
        """
        events = events_by_site(rows.facility, rows.chip, rows.millicards, rows.started, rows.ended, self._sites)
        edges, packed = events
        until = first_second(until_day)

        if until_day <= self._day:
            assert not len(packed), "rows start before what is swept already"

        def one(site: int) -> Array | None:
            fresh = packed[edges[site] : edges[site + 1]]
            waiting = self._pending[site]
            mine = np.concatenate((waiting, fresh)) if len(waiting) else fresh
            mine.sort()
            cut = int(np.searchsorted(mine, until << DELTA_BITS))
            self._pending[site] = mine[cut:].copy()
            mine = mine[:cut]
            if not len(mine) and self._running[site] == 0:
                return None
            low, high = self._edges[site], self._edges[site + 1]
            first_day = self._day or day_number(int(mine[0]) >> DELTA_BITS)
            day_from, day_to, registered = (column[low:high] for column in self._facts)
            capacity = capacity_by_day(day_from, day_to, registered, first_day, until_day)
            peaks = np.zeros((until_day - first_day, 3), np.int64)
            self._running[site] = find_peaks(mine, int(self._running[site]), capacity, first_day, peaks)
            days = np.flatnonzero(peaks[:, 1] > 0)
            if not len(days):
                return None
            found = np.empty((len(days), 5), np.int64)
            found[:, 0], found[:, 1] = site, days + first_day
            found[:, 2], found[:, 3], found[:, 4] = peaks[days, 0], peaks[days, 2], capacity[days]
            return found

        with ThreadPoolExecutor(threads) as pool:
            found = [days for days in pool.map(one, range(len(self._sites))) if days is not None]
        self._day = until_day
        every = np.concatenate(found) if found else np.empty((0, 5), np.int64)
        sites = self._sites[every[:, 0]]
        return pl.DataFrame(
            {
                "facility": (sites >> 32).astype(np.int32),
                "chip": (sites & 0xFFFF_FFFF).astype(np.int32),
                "day": every[:, 1].astype(np.int32),
                "instant": every[:, 2],
                "millicards": every[:, 3],
                "capacity": every[:, 4],
            }
        )

    def last_day(self) -> int:
        """Return the local day after the last one on which anything swept so far still runs."""
        ends = [int(events[-1]) >> DELTA_BITS for events in self._pending if len(events)]
        return day_number(max(ends)) + 1 if ends else self._day


@kernel
def events_by_site(
    facility: Array, chip: Array, millicards: Array, started: Array, ended: Array, sites: Array
) -> tuple[Array, Array]:
    """Return (edges, events): the beginnings and ends of use, site by site; of sites not listed, none.

    An event is instant << 32 | (2^31 + millicards that begin, or 2^31 - those that end): sorted, ends come before
    beginnings at one instant. Use of no length has no events.
    """
    rows = len(started)
    site_of = np.empty(rows, np.int32)
    edges = np.zeros(len(sites) + 1, np.int64)
    last_packed = np.int64(-1)
    last_site = np.int32(-1)
    for row in range(rows):
        packed = (np.int64(facility[row]) << 32) | np.int64(chip[row])
        if packed != last_packed:
            place = np.searchsorted(sites, packed)
            last_site = np.int32(place) if place < len(sites) and sites[place] == packed else np.int32(-1)
            last_packed = packed
        site_of[row] = last_site if ended[row] > started[row] else np.int32(-1)
        if site_of[row] >= 0:
            edges[last_site + 1] += 2
    for site in range(len(sites)):
        edges[site + 1] += edges[site]
    place_of = edges.copy()
    events = np.empty(edges[-1], np.int64)
    for row in range(rows):
        site = site_of[row]
        if site >= 0:
            place = place_of[site]
            events[place] = (started[row] << DELTA_BITS) | ((1 << 31) + millicards[row])
            events[place + 1] = (ended[row] << DELTA_BITS) | ((1 << 31) - millicards[row])
            place_of[site] += 2
    return edges, events


@kernel
def capacity_by_day(day_from: Array, day_to: Array, millicards: Array, first_day: Whole, until_day: Whole) -> Array:
    """Return the capacity of one site on each day of [first_day, until_day), NO_CAPACITY where none is registered."""
    capacity = np.full(until_day - first_day, NO_CAPACITY, np.int64)
    for fact in range(len(day_from)):
        for day in range(max(first_day, day_from[fact]), min(until_day, day_to[fact])):
            capacity[day - first_day] = millicards[fact]
    return capacity


@kernel
def find_peaks(events: Array, running: Whole, capacity: Array, first_day: Whole, peaks: Array) -> Whole:
    """Write the peak of each day to `peaks` (instant, excess, millicards) where use is above; return what runs on.

    Use is constant from one event to the next, so a day's greatest excess begins at an event or at midnight.
    """
    day = np.int64(0)  # of `capacity`
    midnight = (first_day + 1) * DAY_SECONDS - UTC_PLUS_8_SECONDS  # the end of that day
    since = first_day * DAY_SECONDS - UTC_PLUS_8_SECONDS  # from when on `running` cards have run
    place = 0
    count = len(events)
    while True:
        instant = events[place] >> DELTA_BITS if place < count else np.int64(2**62)
        while since < instant and day < len(capacity):
            if running - capacity[day] > peaks[day, 1]:
                peaks[day, 0] = since
                peaks[day, 1] = running - capacity[day]
                peaks[day, 2] = running
            if instant <= midnight:
                if instant == midnight:
                    day += 1
                    midnight += DAY_SECONDS
                break
            since = midnight
            day += 1
            midnight += DAY_SECONDS
        if place == count:
            return running
        since = instant
        while place < count and events[place] >> DELTA_BITS == instant:
            running += (events[place] & 0xFFFF_FFFF) - (1 << 31)
            place += 1


def with_proof(days: pl.DataFrame, months: Iterable[Callable[[], Rows]]) -> pl.DataFrame:
    """Return findings for days above capacity, each with the largest records running at the peak that exceed it.

    `months` loads all rows once more, month by month; only those running at a peak are kept.
    """
    if not days.height:
        return no_findings()
    days = days.sort("facility", "chip", "instant")
    site = (days["facility"].cast(pl.Int64).to_numpy() << 32) | days["chip"].to_numpy()
    instant = days["instant"].to_numpy()
    found: list[tuple[Array, Array, Array]] = []
    for load in months:
        rows = load()
        place, finding = rows_at_peaks(rows.facility, rows.chip, rows.started, rows.ended, site, instant)
        found.append((finding, rows.record[place], rows.millicards[place]))
    nothing = (np.empty(0, np.int64),) * 3
    finding, record, cards = (np.concatenate(some) for some in zip(nothing, *found, strict=True))
    proof = (
        pl.DataFrame({"finding": finding, "record": record, "cards": cards})
        .sort(["finding", "cards", "record"], descending=[False, True, False])
        .with_columns((pl.col("cards").cum_sum() - pl.col("cards")).over("finding").alias("before"))
    )
    wanted = days.with_row_index("finding").with_columns(pl.col("finding").cast(pl.Int64))
    proof = (
        proof.join(wanted.select("finding", "capacity"), on="finding", how="left", maintain_order="left")
        .filter(pl.col("before") <= pl.col("capacity"))
        .select(
            "finding",
            pl.struct(
                (pl.col("record") // (1 << ORDINAL_BITS)).alias("batch"),
                (pl.col("record") % (1 << ORDINAL_BITS)).cast(pl.Int32).alias("ordinal"),
            ).alias("records"),
        )
        .group_by("finding", maintain_order=True)
        .agg(pl.col("records"))
    )
    midnight = pl.col("day").cast(pl.Int64) * DAY_SECONDS - UTC_PLUS_8_SECONDS
    return (
        wanted.join(proof, on="finding", how="left", maintain_order="left")
        .select(
            pl.lit("above_capacity").alias("kind"),
            "facility",
            "chip",
            pl.lit(None, pl.Int32).alias("consumer"),
            pl.col("instant").alias("started"),
            (midnight + DAY_SECONDS).alias("ended"),
            pl.col("millicards").alias("found"),
            pl.col("capacity").alias("expected"),
            pl.lit([], pl.List(pl.Int32)).alias("parties"),
            "records",
        )
        .match_to_schema(FINDING_SCHEMA)
    )


@kernel
def rows_at_peaks(
    facility: Array, chip: Array, started: Array, ended: Array, site: Array, instant: Array
) -> tuple[Array, Array]:
    """Return (rows, findings): each row with each peak it runs at; `site` and `instant` are sorted together."""
    row_of = np.empty(1024, np.int64)
    peak_of = np.empty(1024, np.int64)
    count = 0
    last_packed = np.int64(-1)
    low: Whole = 0
    high: Whole = 0
    for row in range(len(started)):
        packed = (np.int64(facility[row]) << 32) | np.int64(chip[row])
        if packed != last_packed:
            low = np.searchsorted(site, packed)
            high = np.searchsorted(site, packed + 1)
            last_packed = packed
        if low == high:
            continue
        peak = low + np.searchsorted(instant[low:high], started[row])
        while peak < high and instant[peak] < ended[row]:
            if count == len(row_of):
                row_of = np.concatenate((row_of, np.empty(count, np.int64)))
                peak_of = np.concatenate((peak_of, np.empty(count, np.int64)))
            row_of[count] = row
            peak_of[count] = peak
            count += 1
            peak += 1
    return row_of[:count], peak_of[:count]
