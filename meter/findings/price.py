"""Finds charges whose price a card-hour is far from the median of the same facility, chip and month."""

import numpy as np
import polars as pl

from meter.findings.finding import FINDING_SCHEMA
from meter.findings.month import ORDINAL_BITS, Rows
from meter.kernels.kernel import Array, Whole, kernel

NO_PRICE = -1  # of a record of no length
HIGHEST_PRICE = 2**56  # thousandths of a fen a card-hour; what is dearer still counts as this
FEWEST = 20  # records below which a median says nothing


def price_strays(rows: Rows, factor: int = 3, fewest: int = FEWEST) -> pl.DataFrame:
    """Return the rows of one month priced above `factor` times, or below a `factor`-th of, their median.

    The price is floor(1000 * charge_fen / card-hours), the median the lower one of the records with a length at the
    facility on that chip; groups of fewer than `fewest` records are left out. Columns: record, consumer, facility,
    chip, started, ended, price, median (thousandths of a fen a card-hour), sorted by record.
    """
    if not 2 <= factor <= 100:
        raise ValueError(f"a price strays by a factor of 2 to 100, not {factor}")
    price = prices(rows.millicards, rows.started, rows.ended, rows.charge_fen)
    site = (rows.facility.astype(np.int64) << 32) | rows.chip
    sites = np.unique(site[np.flatnonzero(np.diff(site, prepend=-1))]) if len(site) else site
    edges, sorted_prices, site_of = prices_by_site(price, site, sites)
    median = np.full(len(sites), -1, np.int64)
    for number in range(len(sites)):
        some = sorted_prices[edges[number] : edges[number + 1]]
        if len(some) >= fewest:
            middle = (len(some) - 1) // 2
            some.partition(middle)
            median[number] = some[middle]
    place = find_strays(price, site_of, median, factor)
    return pl.DataFrame(
        {
            "record": rows.record[place],
            "consumer": rows.consumer[place],
            "facility": rows.facility[place],
            "chip": rows.chip[place],
            "started": rows.started[place],
            "ended": rows.ended[place],
            "price": price[place],
            "median": median[site_of[place]],
        }
    ).sort("record")


def as_findings(strays: pl.DataFrame) -> pl.DataFrame:
    """Return what `price_strays` found as findings."""
    return strays.select(
        pl.lit("price_stray").alias("kind"),
        "facility",
        "chip",
        "consumer",
        "started",
        "ended",
        pl.col("price").alias("found"),
        pl.col("median").alias("expected"),
        pl.lit([], pl.List(pl.Int32)).alias("parties"),
        pl.concat_list(
            pl.struct(
                (pl.col("record") // (1 << ORDINAL_BITS)).alias("batch"),
                (pl.col("record") % (1 << ORDINAL_BITS)).cast(pl.Int32).alias("ordinal"),
            )
        ).alias("records"),
    ).match_to_schema(FINDING_SCHEMA)


@kernel
def prices(millicards: Array, started: Array, ended: Array, charge_fen: Array) -> Array:
    """Return floor(1000 * charge_fen / card-hours), that is floor(charge_fen * 3.6e9 / millicard-seconds), exactly.

    The factor is multiplied in small steps with the remainder carried (long division), so nothing leaves int64.
    """
    found = np.empty(len(started), np.int64)
    for row in range(len(started)):
        quantity = millicards[row] * (ended[row] - started[row])
        charge = charge_fen[row]
        if quantity <= 0:
            found[row] = NO_PRICE
            continue
        if charge < 2_500_000_000:  # charge * 3.6e9 fits
            found[row] = min(charge * 3_600_000_000 // quantity, HIGHEST_PRICE)
            continue
        price = charge // quantity
        rest = charge % quantity
        for step in range(7):  # 25^2 * 24 * 20 * 12 * 25 * 40 = 3.6e9
            times = np.int64(25)
            if step == 1:
                times = np.int64(24)
            elif step == 2:
                times = np.int64(20)
            elif step == 3:
                times = np.int64(12)
            elif step == 6:
                times = np.int64(40)
            # quantity is below 3.2e17 by the limits of intake, so rest * 40 fits 64 bits without a sign
            part = _times(rest, times, quantity)
            rest = _times_rest(rest, times, quantity)
            price = min(price * times + part, np.int64(HIGHEST_PRICE))
        found[row] = price
    return found


@kernel(inline=True)
def _times(rest: Whole, times: Whole, quantity: Whole) -> Whole:
    return np.int64((np.uint64(rest) * np.uint64(times)) // np.uint64(quantity))


@kernel(inline=True)
def _times_rest(rest: Whole, times: Whole, quantity: Whole) -> Whole:
    return np.int64((np.uint64(rest) * np.uint64(times)) % np.uint64(quantity))


@kernel
def prices_by_site(price: Array, site: Array, sites: Array) -> tuple[Array, Array, Array]:
    """Return (edges, prices, site_of): the prices brought together by site, and each row's site."""
    site_of = np.empty(len(price), np.int32)
    edges = np.zeros(len(sites) + 1, np.int64)
    last = np.int64(-1)
    number = np.int32(0)
    for row in range(len(price)):
        if site[row] != last:
            last = site[row]
            number = np.int32(np.searchsorted(sites, last))
        site_of[row] = number
        if price[row] != NO_PRICE:
            edges[number + 1] += 1
    for at in range(len(sites)):
        edges[at + 1] += edges[at]
    found = np.empty(edges[-1], np.int64)
    place = edges.copy()
    for row in range(len(price)):
        if price[row] != NO_PRICE:
            found[place[site_of[row]]] = price[row]
            place[site_of[row]] += 1
    return edges, found, site_of


@kernel
def find_strays(price: Array, site_of: Array, median: Array, factor: Whole) -> Array:
    """Return the places of prices far from their median."""
    found = np.empty(1024, np.int64)
    count = 0
    for row in range(len(price)):
        middle = median[site_of[row]]
        if price[row] == NO_PRICE or middle < 0:
            continue
        if price[row] > factor * middle or price[row] * factor < middle:
            if count == len(found):
                found = np.concatenate((found, np.empty(count, np.int64)))
            found[count] = row
            count += 1
    return found[:count]
