"""The seeds of a run: its own, and every one that ever failed, from a file in the repository."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from tests.faults.harness.scale import IS_BRIEF

KEPT = Path(__file__).parents[1] / "seeds.txt"
SEED = int(os.environ.get("SUANBU_FAULTS_SEED", "20261130"))


def seeds_of(part: str) -> list[int]:
    """The seeds to run a part with; a long run takes its own seed alone."""
    return [SEED, *(seed for seed in _kept(part) if seed != SEED)] if IS_BRIEF else [SEED]


@contextlib.contextmanager
def kept_when_it_fails(part: str, seed: int) -> Iterator[None]:
    """Add the seed to the file when the block fails, so that it is run again from then on."""
    print(f"{part}: seed {seed}")
    try:
        yield
    except BaseException:
        if seed not in _kept(part) and not (IS_BRIEF and seed == SEED):
            with KEPT.open("a", encoding="utf-8") as file:
                file.write(f"{part} {seed}\n")
        raise


def _kept(part: str) -> list[int]:
    lines = [line.split() for line in KEPT.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    return [int(line[1]) for line in lines if line and line[0] == part]
