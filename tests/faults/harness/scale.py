"""How much is broken: briefly in the suite, for some twenty minutes by `make faults`, for hours on demand."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

CHOICE = "SUANBU_FAULTS"


@dataclass(frozen=True)
class Scale:
    """How often each thing is done."""

    kills: int
    cuts: int
    """Connections cut at the answer to a COMMIT of the journal."""
    networks: int
    """Delays, black holes, resets and connections of which one half is closed, each so often."""
    black_hole_seconds: float
    batch_records: int
    payments_a_city: int
    races: int
    histories: int
    operations: int
    """How many each client of a history invokes."""
    fillings: int
    power_losses: int
    clock_jumps: int


BRIEF = Scale(
    kills=5, cuts=20, networks=1, black_hole_seconds=1, batch_records=100, payments_a_city=3, races=10, histories=2,
    operations=40, fillings=1, power_losses=2, clock_jumps=6,
)  # fmt: skip
FULL = Scale(
    kills=300, cuts=2000, networks=10, black_hole_seconds=5, batch_records=1500, payments_a_city=100, races=500,
    histories=20, operations=150, fillings=6, power_losses=20, clock_jumps=40,
)  # fmt: skip
LONG = Scale(
    kills=3000, cuts=20_000, networks=150, black_hole_seconds=30, batch_records=500, payments_a_city=300, races=5000,
    histories=200, operations=300, fillings=60, power_losses=200, clock_jumps=400,
)  # fmt: skip

MINUTES = float(os.environ.get("SUANBU_FAULTS_MINUTES", "inf"))
"""After which each part ends, with what it has done by then: for a machine that has other things to do."""

SCALE = {"brief": BRIEF, "full": FULL, "long": LONG}[os.environ.get(CHOICE, "brief")]
IS_BRIEF = SCALE is BRIEF
TIMEOUT_SECONDS = {BRIEF: 300, FULL: 3 * 3600, LONG: 48 * 3600}[SCALE]
"""After which a run that hangs is ended."""


def deadline() -> float:
    """The moment, by the steady clock, at which a part that begins now ends at the latest."""
    return time.monotonic() + 60 * MINUTES
