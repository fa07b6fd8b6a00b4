"""A key whose places in the key file were all taken by failed attempts does not stop what is recorded."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from meter.journal.keys.key_file import NOTHING
from tests.journal.mortal import assert_nothing_is_called_new, some_keys
from tests.journal.test_key_file import recorded


def test_a_key_that_failed_under_ever_new_batches_is_taken_all_the_same(tmp_path: Path) -> None:
    """Each failed attempt leaves a place; when a key's places are all taken the file is begun anew, and follows."""
    path = tmp_path / "journal.keys"
    keys, journal = recorded(path)
    head, size, failing = journal.head, path.stat().st_size, some_keys(98, 1)
    generation = keys.file.generation
    for number in range(head.batch + 1, head.batch + 200):
        keys.note_ahead(failing, np.array([number]))
    assert keys.file.generation != generation
    assert path.stat().st_size == size
    assert keys.file.watermarks() == [NOTHING], "what was recorded must be read from the journal again"
    new = journal.next_mark()
    assert keys.note(failing, np.array([new.batch]), head, new) is None
    for batch in journal.batches:
        start = next(mark for mark in keys.file.watermarks() if journal.holds(mark))
        assert keys._take_in(batch.keys, np.full(len(batch.keys), batch.mark.batch), start, batch.mark)
    assert not keys._take_in(some_keys(97, 1), np.array([new.batch]), new, new), "it does not cover what it follows"
    assert keys.covers(head)
    assert keys.note(failing, np.array([new.batch]), head, new) == keys.file.generation
    assert_nothing_is_called_new(keys.file, journal)
    keys.close()
