"""Compiles, or loads from the cache, every kernel of the journal, so that the first record does not wait for it."""

import numpy as np

from meter.intake.columns import RECORD
from meter.journal.digest_chain import SM3
from meter.journal.keys.key_file import NOTHING, Watermark
from meter.journal.keys.known_keys import KnownKeys
from meter.journal.rows.decode import measured_of
from meter.journal.rows.encode import repeats_inside, rows_of
from meter.journal.write.delivery import digest_of_rows
from meter.kernels.chunked_digest import PIECE_BYTES, digest_in_pieces
from meter.kernels.hash_table import count_slots


def warm_up() -> None:
    """Make a row, digest it, note and find its key, read it back: seconds when nothing is cached, else a moment."""
    rows = rows_of(np.zeros(1, RECORD), np.zeros(1, np.int32))
    repeats_inside(rows.keys)
    digest_of_rows(SM3, rows.wire)
    digest_in_pieces(SM3, bytes(8 * PIECE_BYTES))
    measured_of([rows.wire])
    keys = KnownKeys.of(None, "")
    try:
        keys.note(rows.keys, np.ones(1, np.int64), NOTHING, Watermark(1, bytes(32)))
        keys.file.find(rows.keys)
        with keys.file.held():
            keys.file.expect(100_000)
        count_slots(np.zeros(8, np.uint64))
    finally:
        keys.close()
