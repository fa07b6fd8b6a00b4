"""What the rollup reads of rows in memory is what they say, to the edges of every column."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from meter.journal.rows.decode import measured_of
from meter.journal.rows.layout import BLANK, COLUMN_NAMES, ENTRY, POSTGRES_EPOCH, from_wire

EDGES = {
    "consumer": [1, 2**31 - 1], "facility": [1, 2**31 - 1], "chip": [1, 2**31 - 1], "millicards": [1, 10**9],
    "started_at": [946_684_800, 946_684_801, 4_102_444_800], "ended_at": [946_684_800, 4_418_064_000],
    "charge_fen": [0, 255, 256, 10**15], "purpose": [0, 1, 2], "via_platform": [False, True],
}  # fmt: skip
NAMES = {"started_at": "started", "ended_at": "ended"}


def to_wire(entries: npt.NDArray[np.void]) -> npt.NDArray[np.void]:
    """Entries (ENTRY) as COPY tuples (WIRE), in the same order."""
    wire = np.repeat(BLANK, len(entries))
    for name in COLUMN_NAMES:
        wire[name] = (entries[name] - POSTGRES_EPOCH) * 1_000_000 if name in NAMES else entries[name]
    return wire


@pytest.mark.parametrize("sizes", [[], [0], [1], [7, 0, 500]])
def test_columns_of_rows_in_pieces_are_those_of_the_entries(sizes: list[int]) -> None:
    chance = np.random.default_rng(5)
    pieces = []
    for size in sizes:
        entries = np.zeros(size, ENTRY)
        for name, edges in EDGES.items():
            entries[name] = chance.choice(np.array(edges), size)
        entries["charge_fen"][::2] = chance.integers(0, 10**15, len(entries[::2]))
        pieces.append(entries)
    wires = [to_wire(entries) for entries in pieces]
    for wire in wires[::2]:
        wire.flags.writeable = False  # as rows read from the database are
    found = measured_of(wires)
    assert set(found) == {NAMES.get(name, name) for name in EDGES}
    for name in EDGES:
        wanted = [value for wire in wires for value in from_wire(wire)[name].tolist()]
        assert found[NAMES.get(name, name)].tolist() == wanted, name
        assert found[NAMES.get(name, name)].dtype.isnative
