"""A seeded province of any size as settlement inputs: deep chains, rings, trees and sales, and a season of use."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from settlement.inputs.frames import COLUMNS, Inputs
from settlement.rounds import Round

Int = npt.NDArray[np.int64]
CHIP_TFLOPS = (125, 280, 312, 320, 376, 512, 640, 989)


def province(of_round: Round, entities: int, holdings: int, rows: int, seed: int = 20260416) -> Inputs:
    """Return inputs with about so many entities, holdings and rows of use; the same for the same seed.

    Half of the entities live in families: chains up to 500 links deep, rings of 2 to 40, trees, and parties with two
    holders of one family. One holding in twenty starts or ends inside the window, one entity in two hundred is a State
    body.
    """
    assert of_round.window is not None, "a draft has no window"
    chance = np.random.default_rng(seed)
    facilities = max(8, entities // 500)
    facility_facts, owners, investor = _facilities(chance, entities, facilities)
    use = _use(chance, of_round.window, entities, investor, rows)
    return Inputs(
        parties=_frame("parties", np.arange(entities), [f"91340000{number:010d}" for number in range(entities)]),
        facilities=_frame("facilities", np.arange(facilities), [f"f{number:06d}" for number in range(facilities)]),
        chips=_frame("chips", np.arange(len(CHIP_TFLOPS)), [f"c{number}" for number in range(len(CHIP_TFLOPS))]),
        use=use,
        entity_facts=_entities(chance, entities),
        facility_facts=facility_facts,
        facility_owners=owners,
        chip_facts=_chips(),
        holding_facts=_holdings(chance, of_round.window, entities, holdings),
        expenditure_facts=_expenditures(chance, of_round.window, entities),
    )


def _frame(name: str, *columns: Any) -> pl.DataFrame:
    kinds = COLUMNS[name].items()
    return pl.DataFrame(
        {
            column: values.cast(kind) if isinstance(values, pl.Series) else pl.Series(values).cast(kind)
            for (column, kind), values in zip(kinds, columns, strict=True)
        }
    )


def _nothing(count: int) -> pl.Series:
    return pl.Series([None], dtype=pl.Int32).new_from_index(0, count)


def _chips() -> pl.DataFrame:
    count = len(CHIP_TFLOPS)
    rating = np.array(CHIP_TFLOPS) * 10**6
    return _frame("chip_facts", np.arange(count), np.arange(count), rating, _nothing(count), _nothing(count))


def _entities(chance: np.random.Generator, count: int) -> pl.DataFrame:
    kinds = np.array(["enterprise", "university", "research_institute", "other"])
    cities = np.array([340100 + 100 * number for number in (0, 1, 2, 3, 5, 6, 7, 9, 10, 11, 12, 14, 15)])
    region = np.where(chance.random(count) < 0.02, 330100, cities[chance.integers(0, len(cities), count)])
    attested = pl.Series(chance.random(count) < 0.97).set(pl.Series(chance.random(count) < 0.01), None)
    return _frame(
        "entity_facts",
        np.arange(count),
        np.arange(count),
        [f"用户{number}" for number in range(count)],
        kinds[np.searchsorted([0.9, 0.95, 0.99], chance.random(count))],
        chance.random(count) < 0.98,
        region.astype(str),
        attested,
        chance.random(count) < 0.005,
        _nothing(count),
        _nothing(count),
    )


def _facilities(chance: np.random.Generator, entities: int, count: int) -> tuple[pl.DataFrame, pl.DataFrame, Int]:
    """Return facility facts, their owners, and the first investor of each."""
    facts = _frame(
        "facility_facts",
        np.arange(count),
        np.arange(count),
        [f"中心{number}" for number in range(count)],
        np.where(chance.random(count) < 0.05, "320100", "340100"),
        chance.random(count) < 0.97,
        _nothing(count),
        _nothing(count),
        _nothing(count),
    )
    first = chance.choice(entities, count, replace=False)
    second = (first + 1 + chance.integers(0, entities - 2, count)) % entities
    share = np.where(chance.random(count) < 0.6, 100, chance.integers(10, 91, count))
    joint = share < 100
    seq = np.concatenate((np.arange(count), np.flatnonzero(joint)))
    party = np.concatenate((first, second[joint]))
    shares = np.concatenate((share, 100 - share[joint])) * 10**7
    return facts, _frame("facility_owners", seq, party, shares).sort("seq", "party"), first


def _holdings(chance: np.random.Generator, window: tuple[int, int], entities: int, wanted: int) -> pl.DataFrame:
    """Return families over shuffled entities: every member but a root is held by an earlier one.

    Rings close on themselves.
    """
    order = chance.permutation(entities)
    size = np.minimum(chance.geometric(0.08, entities) + 1, 500)
    size[:: max(1, entities // 400)] = 500  # now and then a deep one
    ends = np.cumsum(size)
    ends = ends[ends <= entities * 9 // 10]
    starts = np.concatenate(([0], ends[:-1]))
    holder, held = [], []
    for kind, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        members = order[start:end]
        if kind % 3 == 0:  # a chain
            holder.append(members[:-1])
        else:  # a tree
            holder.append(members[(np.arange(len(members) - 1) * chance.random()).astype(np.int64)])
        held.append(members[1:])
        if kind % 10 == 0 and len(members) <= 40:  # a ring with a tail
            holder.append(members[-1:])
            held.append(members[:1])
    up, down = np.concatenate(holder), np.concatenate(held)
    second = np.flatnonzero(chance.random(len(up)) < 0.1)  # a second holder out of the same family
    family = np.searchsorted(ends, np.argsort(order), side="right")
    first, size_of = starts[family[down[second]]], np.diff(np.append(starts, ends[-1]))[family[down[second]]]
    up = np.concatenate((up, order[first + (chance.random(len(second)) * size_of).astype(np.int64)]))
    down = np.concatenate((down, down[second]))
    pairs = pl.DataFrame({"holder": up, "held": down}).filter(pl.col("holder") != pl.col("held"))
    pairs = pairs.unique(maintain_order=True).head(wanted)
    count = pairs.height
    extra = wanted - count
    if extra > 0:  # small holdings that relate nobody
        small = pl.DataFrame(
            {"holder": chance.integers(0, entities, extra), "held": chance.integers(0, entities, extra)}
        )
        pairs = pl.concat([pairs, small.filter(pl.col("holder") != pl.col("held"))]).unique(maintain_order=True)
    total = pairs.height
    share = np.where(np.arange(total) < count, chance.integers(26, 50, total), 1) * 10**7
    begin = pl.Series(chance.integers(window[0] - 900, window[0] - 1, total).astype(np.int32))
    end = pl.Series(chance.integers(window[0], window[1], total).astype(np.int32))
    sold = chance.random(total)
    begin = begin.set(pl.Series(sold > 0.95), None)
    starts_inside = pl.Series((sold > 0.9) & (sold <= 0.925))
    begin = pl.select(pl.when(starts_inside).then(end).otherwise(begin)).to_series()
    end = end.set(pl.Series((sold <= 0.925) | (sold > 0.95)), None)
    return _frame("holding_facts", np.arange(total), pairs["holder"], pairs["held"], share, begin, end)


def _expenditures(chance: np.random.Generator, window: tuple[int, int], entities: int) -> pl.DataFrame:
    count = entities // 5
    kinds = np.array(["contract", "invoice", "payment", "public_support"])
    start = chance.integers(window[0] - 60, window[1] - 10, count)
    amount = chance.integers(10**4, 10**9, count)
    return _frame(
        "expenditure_facts",
        np.arange(count),
        [f"x{number}" for number in range(count)],
        chance.integers(0, entities, count),
        kinds[np.searchsorted([0.3, 0.8, 0.95], chance.random(count))],
        start,
        start + chance.integers(0, 90, count),
        np.where(chance.random(count) < 0.05, -amount, amount),
    )


def _use(
    chance: np.random.Generator, window: tuple[int, int], entities: int, investor: Int, wanted: int
) -> pl.DataFrame:
    """Draw use: each consumer stays with a handful of facilities and a chip; some days lie outside the window.

    One facility in twenty is used by its first investor alone, another one nearly so.
    """
    facilities = len(investor)
    rows = wanted * 11 // 10  # some keys occur twice
    consumer = chance.integers(0, entities, rows)
    facility = (consumer * 7919 + chance.integers(0, 4, rows) ** 3 * 104729) % facilities
    own = (facility % 20 == 0) | ((facility % 20 == 10) & (chance.random(rows) < 0.93))
    consumer = np.where(own, investor[facility], consumer)
    seconds = chance.integers(1, 86401, rows)
    millicards = np.where(chance.random(rows) < 0.05, 0, chance.integers(1, 65, rows) * 1000)
    frame = _frame(
        "use",
        chance.integers(window[0] - 10, window[1] + 10, rows),
        consumer,
        facility,
        (consumer + facility + chance.integers(0, 2, rows)) % len(CHIP_TFLOPS),
        np.searchsorted([0.08, 0.85], chance.random(rows)),
        chance.random(rows) < 0.97,
        millicards * seconds,
        chance.integers(0, 10**6, rows),
        np.ones(rows, dtype=np.int64),
        np.ones(rows, dtype=np.int64),
    )
    key = ["day", "consumer", "facility", "chip", "purpose", "via_platform"]
    return frame.unique(key, keep="first", maintain_order=True).head(wanted).sort(key)
