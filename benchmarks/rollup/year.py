"""A seeded year of a province's usage: who uses what when is invented, its shape is that of published GPU traces.

Skewed consumers (a few use most), facilities with one to three chips, days and nights, weekdays, growth over the year,
job lengths from seconds to two months, virtual slices of cards, records that arrive late, corrections, no lengths,
prices that stray, and records metered twice. Rows come day by day, so a year of any size needs little memory.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from meter.archive.manifest import read_manifest
from meter.archive.rows import ROW_DTYPE
from meter.archive.seal import seal

FIRST_DAY: Final = 20_089  # 2025-01-01
DAYS: Final = 365
BATCH_ROWS: Final = 1_000
EPOCH_ORDINAL: Final = date(1970, 1, 1).toordinal()
LATE_DAYS: Final = 20
CORRECTED_AFTER_DAYS: Final = 3

Array = NDArray[Any]


@dataclass(frozen=True)
class Province:
    """The series of use that occur: one row each for a consumer on a chip of a facility for a purpose."""

    consumer: Array
    facility: Array
    chip: Array
    purpose: Array
    via_platform: Array
    weight: Array
    log_seconds: Array  # mean of the logarithm of a job's length
    price_fen: Array  # a card-hour


def province(seed: int, consumers: int = 5_000, facilities: int = 60, chips: int = 12) -> Province:
    """Draw a province."""
    random = np.random.default_rng([seed, 1])
    per_consumer = random.geometric(0.4, consumers)
    consumer = np.repeat(np.arange(1, consumers + 1), per_consumer)
    kinds = len(consumer)
    popularity = 1 / np.arange(1, facilities + 1) ** 0.7
    facility = 1 + random.choice(facilities, kinds, p=popularity / popularity.sum())
    chip = 1 + (facility * 5 + random.choice(3, kinds, p=[0.7, 0.2, 0.1])) % chips
    purpose = random.choice(3, kinds, p=[0.1, 0.7, 0.2])
    size = 1 / (random.permutation(consumers) + 3.0) ** 0.85
    weight = size[consumer - 1] * random.exponential(1, kinds)
    price = (300 + 350 * chip) * random.integers(85, 116, kinds) // 100
    return Province(
        consumer=consumer.astype(np.int32),
        facility=facility.astype(np.int32),
        chip=chip.astype(np.int32),
        purpose=purpose.astype(np.int8),
        via_platform=random.random(kinds) < 0.93,
        weight=weight / weight.sum(),
        log_seconds=random.choice([4.5, 6.5, 8.0, 10.0], kinds, p=[0.3, 0.35, 0.25, 0.1]),
        price_fen=price.astype(np.int64),
    )


def _rows_of_day(place: Province, day: int, rows: int, seed: int) -> Array:
    random = np.random.default_rng([seed, 2, day])
    kind = random.choice(len(place.weight), rows, p=place.weight)
    entries = np.zeros(rows, ROW_DTYPE)
    for name in ("consumer", "facility", "chip", "purpose", "via_platform"):
        entries[name] = getattr(place, name)[kind]
    hour = random.choice(24, rows, p=np.array([2] * 8 + [6] * 11 + [4] * 5) / 102)
    start = (FIRST_DAY + day) * 86_400 - 28_800 + hour * 3_600 + random.integers(0, 3_600, rows)
    seconds = np.minimum(np.exp(random.normal(place.log_seconds[kind], 1.6)), 60 * 86_400).astype(np.int64)
    seconds[random.random(rows) < 0.001] = 0
    cards = 1_000 * 2 ** random.choice(7, rows, p=[0.45, 0.15, 0.12, 0.2, 0.05, 0.02, 0.01])
    slices = random.random(rows) < 0.08
    cards[slices] = random.choice([125, 250, 500], int(slices.sum()))
    charge = cards * seconds * place.price_fen[kind] // 3_600_000
    strays = random.random(rows) < 0.0003
    charge[strays] *= 20
    charge[seconds == 0] = random.integers(0, 50_000, int((seconds == 0).sum()))
    # Most orders are for one job; three in ten records are called off a contract of the month.
    order = random.integers(1, 2**62, rows)
    monthly = random.random(rows) < 0.3
    order[monthly] = 1 + entries["consumer"][monthly].astype(np.int64) * 1_000 + (FIRST_DAY + day) // 30
    entries["millicards"], entries["started"], entries["ended"] = cards, start, start + seconds
    entries["charge_fen"], entries["order_digest"], entries["sign"], entries["source"] = charge, order, 1, 1
    entries["evidence_digest"] = random.integers(1, 2**62, rows)
    twice = random.random(rows) < 0.0002
    return np.concatenate([entries, entries[twice]])


def days_of_year(rows: int, rows_a_year: int, seed: int) -> Iterator[Array]:
    """Yield the entries recorded on each day of a year of `rows_a_year`, until there are about `rows`.

    Numbered by batch and place. So a smaller benchmark is the beginning of the same year, not a thinner year.
    """
    place = province(seed)
    shape = np.array([(0.75 + 0.5 * day / DAYS) * (0.8 if day % 7 in (3, 4) else 1.08) for day in range(DAYS)])
    per_day = (rows_a_year * shape / shape.sum()).astype(np.int64)
    per_day[-1] += rows_a_year - per_day.sum()
    recorded = 0
    later: dict[int, list[Array]] = defaultdict(list)
    next_batch = 1
    for day in range(DAYS):
        entries = _rows_of_day(place, day, int(per_day[day]), seed)
        random = np.random.default_rng([seed, 3, day])
        late = random.random(len(entries)) < 0.01
        later[day + LATE_DAYS].append(entries[late])
        entries = np.concatenate([entries[~late], *later.pop(day, [])])
        position = np.arange(len(entries))
        entries["batch"], entries["ordinal"] = next_batch + position // BATCH_ROWS, position % BATCH_ROWS
        next_batch = int(entries["batch"][-1]) + 1
        fresh = entries["sign"] == 1  # a reversal keeps the key of what it takes back
        entries["key"][fresh] = np.frombuffer(random.bytes(16 * int(fresh.sum())), "V16")
        corrected = (random.random(len(entries)) < 0.005) & (entries["sign"] == 1) & (entries["corrected_batch"] == 0)
        reversal = entries[corrected]
        reversal["corrected_batch"], reversal["corrected_ordinal"] = reversal["batch"], reversal["ordinal"]
        reversal["sign"] = -1
        replaced = entries[corrected][::2]
        replaced["charge_fen"] //= 2
        later[day + CORRECTED_AFTER_DAYS].extend([reversal, replaced])
        yield entries
        recorded += len(entries)
        if recorded >= rows:
            return


def capacities(seed: int, rows_a_year: int) -> pl.DataFrame:
    """Return registered capacities (columns as in `findings.capacity`) that busy hours now and then exceed."""
    random = np.random.default_rng([seed, 4])
    place = province(seed)
    seconds = np.minimum(np.exp(place.log_seconds + 1.6**2 / 2), 10 * 86_400)
    frame = pl.DataFrame(
        {
            "facility": place.facility,
            "chip": place.chip,
            "load": place.weight * seconds * 4_500 * rows_a_year / (DAYS * 86_400),
        }
    )
    loads = frame.group_by("facility", "chip").agg(pl.col("load").sum()).sort("facility", "chip")
    generous = random.choice([1.7, 2.5, 4.0], loads.height)
    return loads.select(
        "facility",
        "chip",
        pl.lit(FIRST_DAY - 400, pl.Int32).alias("day_from"),
        pl.lit(FIRST_DAY + 2 * DAYS, pl.Int32).alias("day_to"),
        pl.Series("millicards", np.maximum(loads["load"].to_numpy() * generous, 64_000).astype(np.int64)),
    )


def archive_of_year(folder: Path, rows: int, rows_a_year: int, seed: int) -> Path:
    """Return an archive of the beginning of such a year under `folder`, sealed monthly; made once, then found again."""
    archive = folder / f"first-{rows}-of-{rows_a_year}-seed-{seed}"
    done = archive / "done.json"
    if done.exists():
        return archive
    sealed = read_manifest(archive) if archive.exists() else ()
    through = sealed[-1].last_batch if sealed else 0
    waiting: list[Array] = []

    def put_away() -> None:
        last_batch = int(waiting[-1]["batch"].max())
        if last_batch > through:  # an earlier try may have come this far
            seal((waiting.pop(0) for _ in range(len(waiting))), archive, last_batch, "sha256")
        waiting.clear()

    for day, entries in enumerate(days_of_year(rows, rows_a_year, seed), start=FIRST_DAY + 1):
        waiting.append(entries)
        if date.fromordinal(EPOCH_ORDINAL + day).day == 1:
            put_away()
    if waiting:
        put_away()
    done.write_text(json.dumps({"rows": rows, "rows_a_year": rows_a_year, "seed": seed}))
    return archive
