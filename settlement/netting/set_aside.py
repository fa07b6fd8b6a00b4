"""Consumers whose use or evidence is too large to be added up in whole numbers of a fixed width: set aside, not paid.

So that one consumer's records stop nobody else's line: their use is left out everywhere, and their own line is refused
with the reason USE_TOO_LARGE.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import polars as pl

from settlement.inputs.frames import WHOLE, Inputs

BoolArray = npt.NDArray[np.bool_]
FEN_LIMIT = 2**62  # all charges of the window together, and all evidence
SECONDS_LIMIT = 2**62  # millicard-seconds of one consumer
UNITS_LIMIT = 2**126  # all use of the window together, in units of 1/3.6e24 PFLOPS-hour


def set_use_aside(inputs: Inputs, window: tuple[int, int]) -> tuple[Inputs, BoolArray]:
    """Return the inputs without the use in the window that cannot be added up, and whose use that is."""
    day = pl.col("day")
    inside = inputs.use.lazy().filter((day >= window[0]) & (day < window[1]))
    fen, seconds = (pl.col(name).cast(pl.Int128).sum() for name in ("charge_fen", "millicard_seconds"))
    everything = inside.select(fen, seconds).collect()
    all_fen, all_seconds = (int(everything[name][0] or 0) for name in ("charge_fen", "millicard_seconds"))
    fastest = int(inputs.chip_facts["megaflops_fp16"].max() or 0)  # type: ignore[arg-type]
    aside = np.zeros(inputs.parties.height, np.bool_)
    if all_fen < FEN_LIMIT and all_seconds < SECONDS_LIMIT and all_seconds * fastest * WHOLE < UNITS_LIMIT:
        return inputs, aside
    ratings = inputs.chip_facts.group_by("chip").agg(pl.col("megaflops_fp16").max())
    rating = dict(ratings.iter_rows())
    charged: dict[int, int] = {}
    used: dict[int, int] = {}
    units: dict[int, int] = {}
    parts = inside.group_by("consumer", "chip").agg(fen, seconds).collect()
    for consumer, chip, part_fen, part_seconds in parts.iter_rows():
        charged[consumer] = charged.get(consumer, 0) + part_fen
        used[consumer] = used.get(consumer, 0) + part_seconds
        units[consumer] = units.get(consumer, 0) + part_seconds * rating.get(chip, 0) * WHOLE
    too_large = {consumer for consumer, one in used.items() if one >= SECONDS_LIMIT}
    too_large |= largest_beyond(charged, FEN_LIMIT) | largest_beyond(units, UNITS_LIMIT)
    aside[sorted(too_large)] = True
    left_out = pl.col("consumer").is_in(sorted(too_large)) & (day >= window[0]) & (day < window[1])
    return replace(inputs, use=inputs.use.filter(~left_out)), aside


def set_evidence_aside(inputs: Inputs) -> tuple[Inputs, BoolArray]:
    """Return the inputs without the expenditures that cannot be added up, and whose evidence that is."""
    magnitude = pl.col("amount_fen").cast(pl.Int128).abs().sum()
    aside = np.zeros(inputs.parties.height, np.bool_)
    if int(inputs.expenditure_facts.select(magnitude).item() or 0) < FEN_LIMIT:
        return inputs, aside
    sums = dict(inputs.expenditure_facts.group_by("consumer").agg(magnitude).iter_rows())
    too_large = sorted(largest_beyond(sums, FEN_LIMIT))
    aside[too_large] = True
    facts = inputs.expenditure_facts.filter(~pl.col("consumer").is_in(too_large))
    return replace(inputs, expenditure_facts=facts), aside


def largest_beyond(sums: Mapping[int, int], limit: int) -> set[int]:
    """Return the parties with the largest sums, as few as leave a rest below `limit`.

    Of two alike the later goes first.
    """
    rest = sum(sums.values())
    gone: set[int] = set()
    for party in sorted(sums, key=lambda party: (sums[party], party), reverse=True):
        if rest < limit:
            break
        gone.add(party)
        rest -= sums[party]
    return gone
