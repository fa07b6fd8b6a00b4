"""A delivery on its way into the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from meter.intake.received import Received
from meter.journal.rows.encode import Rows, rows_of
from meter.journal.rows.layout import BATCH_END, WIRE
from meter.kernels.chunked_digest import digest_in_pieces


@dataclass
class Delivery:
    """One request's records after intake, with everything that is kept of them."""

    source: tuple[int, str]
    key_name: str
    content_type: str
    body: bytes
    """The decoded body: it is checked again when the registry moves on before the delivery is recorded."""
    compressed: bytes
    """The decoded body as it is kept (zstd)."""
    body_digest: str
    received: Received
    version: int
    """The registry batch that `received` was checked against."""
    era: int = 0
    """Of the database that the sender, the source's number and the registry are known from; never one too late."""
    kind: str = "usage"
    releases: Mapping[int, int] = field(default_factory=dict)
    """For a replay: position in the body -> quarantine number it is released from when accepted."""
    rows: Rows | None = None
    """The checked records as journal rows, once they have been made; dropped with the `received` they were made of."""
    rows_digest: str | None = None
    """The digest of all rows; None until every consumer has its number."""

    def rows_for_journal(self) -> Rows:
        """Return the checked records as journal rows."""
        if self.rows is None:
            records = self.received.records
            self.rows = rows_of(records, np.full(len(records), self.source[0], np.int32))
        return self.rows


def digest_of_rows(algorithm: str, wire: npt.NDArray[np.void]) -> str:
    """Return the digest of a batch's rows (WIRE) by ordinal: of each row the bytes after its batch, which is in the
    header."""
    if not len(wire):
        return digest_in_pieces(algorithm, b"")
    matrix = np.ascontiguousarray(wire).view(np.uint8).reshape(len(wire), WIRE.itemsize)
    return digest_in_pieces(algorithm, np.ascontiguousarray(matrix[:, BATCH_END:]).data)
