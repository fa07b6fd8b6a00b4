"""The award stage alone beside OpenFisca: the same figures in, exact awards out here, floats there."""

from __future__ import annotations

import statistics
import time
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from benchmarks.settlement.openfisca import INPUTS, award_by_openfisca
from settlement.award.exact_line import Figures
from settlement.award.formula import award

RATE = Fraction(17, 100)
UNITS_PER_MICRO = 3_600_000_000_000_000_000  # of 1/3.6e24 in a millionth of a PFLOPS-hour


def measure_awards(entities: int, runs: int) -> dict[str, Any]:
    """Measure the median seconds of both, their ratio, and how many fen the floats are wrong by.

    Half of the entities supply, half stand in a group, a third is covered in part: the costly branches are common.
    """
    chance = np.random.default_rng(18)
    charges = chance.integers(10**4, 10**10, entities)
    everything = charges + np.where(chance.random(entities) < 0.3, chance.integers(0, 10**9, entities), 0)
    covered = np.where(
        chance.random(entities) < 0.3, (everything * chance.random(entities)).astype(np.int64), everything
    )
    consumed = chance.integers(10**6, 10**9, entities)
    supplied = np.where(chance.random(entities) < 0.5, (consumed * chance.random(entities) * 1.2).astype(np.int64), 0)
    group = consumed + np.where(chance.random(entities) < 0.5, chance.integers(1, 10**9, entities), 0)
    group_supplied = supplied + np.where(group > consumed, (chance.random(entities) * 10**8).astype(np.int64), 0)
    figures = Figures(
        charges_fen=charges,
        covered_fen=covered,
        all_charges_fen=everything,
        consumed=_pairs(consumed),
        supplied=_pairs(supplied),
        group_consumed=_pairs(group),
        group_supplied=_pairs(group_supplied),
        rate=np.zeros(entities, dtype=np.int8),
    )
    floats = [
        one.astype(np.float64) for one in (charges, covered, everything, consumed, supplied, group, group_supplied)
    ]
    inputs = dict(zip(INPUTS, [*floats, np.full(entities, float(RATE))], strict=True))
    award(figures, [RATE], gate=False, half_up=False)  # compiled before it is measured
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(runs):  # side by side, so that both see the same machine
        started = time.perf_counter()
        amounts = award(figures, [RATE], gate=False, half_up=False)
        ours.append(time.perf_counter() - started)
        seconds, by_float = award_by_openfisca(inputs, 1)
        theirs += seconds
    wrong = np.abs(np.nan_to_num(by_float).astype(np.int64) - amounts.award_fen)
    return {
        "entities": entities,
        "ours_seconds": statistics.median(ours),
        "openfisca_seconds": statistics.median(theirs),
        "ratio": statistics.median(ours) / statistics.median(theirs),
        "openfisca_awards_wrong": int((wrong > 0).sum()),
        "openfisca_fen_wrong": int(wrong.sum()),
        "openfisca_fen_wrong_at_most": int(wrong.max()),
    }


def _pairs(micro: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Turn millionths of a PFLOPS-hour into pairs (high, low) of the settlement's unit."""
    units = micro.astype(object) * UNITS_PER_MICRO
    return np.stack([(units >> 64).astype(np.uint64), (units & (2**64 - 1)).astype(np.uint64)], axis=1)
