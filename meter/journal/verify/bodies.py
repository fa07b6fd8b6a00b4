"""Verifying rows against the bodies they came from: who used how much of what, for how much, is what was received.

The digests say that rows are as they were written. That they were written rightly is seen only here: each body is
checked again under the registry of its time, and every row is compared with what comes out, column by column.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import zstandard

from meter.intake.codes import MEANING, BodyError
from meter.intake.receive import receive
from meter.intake.received import CODES
from meter.intake.registry_view.parties import USCC_BYTES, Parties
from meter.journal.rows.encode import rows_of
from meter.journal.rows.layout import BATCH_END, COLUMN_NAMES, WIRE
from meter.journal.verify.batches import Differ, Window
from meter.journal.verify.names import Names
from meter.vocabulary import USAGE_KINDS

WORD = "as_received"
COMPARED = COLUMN_NAMES[COLUMN_NAMES.index("batch") + 1 :]


class Bodies:
    """The check of one window after another; tells `differ` (batch, word, detail) what was not received so."""

    def __init__(self, names: Names, differ: Differ) -> None:
        self._names = names
        self._differ = differ
        numbered = [
            (name, number)
            for number, name in enumerate(names.names["party"], start=1)
            if len(name) == USCC_BYTES and name.isascii()
        ]
        self._parties = Parties.empty().extended([name for name, _ in numbered], [number for _, number in numbered])

    def check(self, window: Window) -> None:
        """Check the usage of a window."""
        numbers = window.wire["batch"].astype(np.int64)
        registered = replace(window.rules, parties=self._parties)
        for row in window.batches:
            kept = window.bodies.get(row["batch"])
            if row["kind"] not in USAGE_KINDS or kept is None:
                continue
            try:
                plain = zstandard.decompress(kept["body"]) if kept["codec"] == "zstd" else bytes(kept["body"])
                found = receive(plain, kept["content_type"], None, registered, row["source"])
            except (BodyError, zstandard.ZstdError) as error:
                self._differ(row["batch"], WORD, f"the body cannot be read: {error}")
                continue
            if found.received != row["received"]:
                self._differ(
                    row["batch"], WORD, f"{row['received']} records were received, the body has {found.received}"
                )
            start, end = (int(place) for place in np.searchsorted(numbers, (row["batch"], row["batch"] + 1)))
            expected = rows_of(found.records, np.full(len(found.records), row["source"], np.int32)).wire
            self._compare(row["batch"], window.wire[start:end], expected, found.codes)

    def _compare(
        self, batch: int, wire: npt.NDArray[np.void], expected: npt.NDArray[np.void], codes: npt.NDArray[np.uint8]
    ) -> None:
        """Compare the rows of a batch with those that its body gives, in order of their places in it."""
        places = wire["ordinal"].astype(np.int64)
        found = np.searchsorted(expected["ordinal"].astype(np.int64), places)
        inside = found < len(expected)
        inside[inside] = expected["ordinal"][found[inside]] == places[inside]
        for place in places[~inside].tolist():
            code = CODES[codes[place] - 1] if 0 <= place < len(codes) and codes[place] else None
            why = f"is refused: {MEANING[code].english}" if code else "is not there"
            self._differ(batch, WORD, f"record {place} stands in the journal; what was received there {why}")
        ours, theirs = wire[inside], expected[found[inside]]
        for row in np.flatnonzero((_content(ours) != _content(theirs)).any(axis=1)).tolist():
            self._differ(batch, WORD, self._apart(ours[row], theirs[row]))

    def _apart(self, ours: np.void, theirs: np.void) -> str:
        """Say in which columns a row is not what was received."""
        apart = [
            f"{name} is {self._shown(name, ours[name])}, received was {self._shown(name, theirs[name])}"
            for name in COMPARED
            if ours[name] != theirs[name]
        ]
        return f"record {int(ours['ordinal'])}: {'; '.join(apart)}"

    def _shown(self, column: str, value: np.generic) -> str:
        names = self._names.names.get({"consumer": "party"}.get(column, column), [])
        if names or column == "consumer":
            number = int(value)
            return names[number - 1] if 0 < number <= len(names) else f"number {number}, which nothing has"
        return value.tobytes().hex() if value.dtype.kind == "V" else str(value)


def _content(wire: npt.NDArray[np.void]) -> npt.NDArray[np.uint8]:
    """Return the bytes of rows after the batch's number, one row each."""
    return np.ascontiguousarray(wire).view(np.uint8).reshape(len(wire), WIRE.itemsize)[:, BATCH_END:]
