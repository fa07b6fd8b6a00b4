"""Verifying corrections: each takes back exactly what the record that it corrects says, and nothing else does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import asyncpg
import numpy as np
import numpy.typing as npt

from meter.journal.rows.layout import RECORD, from_wire
from meter.journal.tables import MEASURED
from meter.journal.verify import store

Differ = Callable[[int, str, str], None]


@dataclass
class Corrections:
    """What is taken back, by key, and what was met so far while the entries go by in order."""

    rows: dict[bytes, asyncpg.Record]
    known: npt.NDArray[np.uint64]
    corrected: set[bytes] = field(default_factory=set)
    originals: set[bytes] = field(default_factory=set)

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> Corrections:
        """Return everything that was taken back: small beside the journal."""
        rows = {row["key"].bytes: row for row in await store.read_reversals(connection)}
        return cls(rows, _heads(b"".join(rows)))

    def check(self, wire: npt.NDArray[np.void], differ: Differ) -> None:
        """Take rows (WIRE) of the next batches."""
        for entry in from_wire(wire[wire["action"] != RECORD]):
            target, batch, place = entry["corrects"].tobytes(), int(entry["batch"]), int(entry["ordinal"])
            row = self.rows.get(target)
            if row is None or (row["batch"], row["ordinal"]) != (batch, place):
                differ(batch, "reversal", f"the correction at {place} takes nothing back")
            self.corrected.add(target)
        if self.rows:
            for entry in from_wire(wire[np.isin(_heads(wire["key"].tobytes()), self.known)]):
                row = self.rows.get(entry["key"].tobytes())
                if row is not None:
                    self.originals.add(entry["key"].tobytes())
                    if any(entry[name].item() != row[name] for name in MEASURED):
                        differ(row["batch"], "reversal", f"takes back what batch {entry['batch']} never recorded")

    def finish(self, differ: Differ) -> None:
        """Report what is taken back without a correction, or without ever having been recorded."""
        for key, row in self.rows.items():
            if key not in self.corrected or key not in self.originals:
                differ(
                    row["batch"], "reversal", "something is taken back that no correction names, or no batch recorded"
                )


def _heads(keys: bytes) -> npt.NDArray[np.uint64]:
    """Return the first eight bytes of each key: enough to sort out nearly all that are not meant."""
    return np.frombuffer(keys, np.uint64)[::2]
