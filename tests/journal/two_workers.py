"""Two processes with one key file and one journal, and what can be done to them: the ground of the model test."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from hypothesis.stateful import RuleBasedStateMachine

import meter.journal.keys.key_file
from meter.journal.keys.key_file import NOTHING, Watermark
from meter.journal.keys.known_keys import KnownKeys
from tests.journal.mortal import Batch, Journal, Keys, Killed, MortalKeyFile, mortal_insert, some_keys

key_file: Any = meter.journal.keys.key_file
OTHERS_SEED = 10**6


class TwoWorkers(RuleBasedStateMachine):
    """The processes, their file, its journal and what the disk holds of the file."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="suanbu-keys-"))
        self.path = self.folder / "journal.keys"
        self.boot, self.seed = 0, 0
        self.journal = Journal("ours")
        self.real = key_file._boot, key_file.insert_keys
        key_file._boot = lambda: self.boot.to_bytes(32, "little")
        self.workers = [self.started(), self.started()]
        self.copies: list[bytes] = []
        self.on_disk: tuple[int, bytes] = (0, b"")
        self.under_way: list[tuple[int, bytes, Watermark]] = []

    def teardown(self) -> None:
        for keys in self.workers:
            keys.close()
        key_file._boot, key_file.insert_keys = self.real
        shutil.rmtree(self.folder)

    def started(self) -> KnownKeys:
        """A process that has just begun."""
        return KnownKeys(MortalKeyFile(self.path))

    def start_again(self, number: int) -> None:
        """The process ends, and another one takes its place."""
        self.workers[number].close()
        self.workers[number] = self.started()

    @contextmanager
    def nobody_running(self) -> Iterator[None]:
        """Both processes are away while the block lasts."""
        for keys in self.workers:
            keys.close()
        yield
        self.under_way.clear()
        self.workers = [self.started(), self.started()]

    def fresh(self, count: int) -> Keys:
        """Keys that nobody has seen."""
        self.seed += 1
        return some_keys(self.seed, count)

    def caught_up(self, number: int) -> KnownKeys:
        """A worker whose file covers the journal's head, in the steps of `KnownKeys.follow`."""
        keys = self.workers[number]
        while not keys.covers(self.journal.head):
            marks = keys._watermarks()
            start = next((mark for mark in marks if self.journal.holds(mark)), None)
            if start is None:
                start = NOTHING
                assert keys._discard_unless_changed(marks)
            later = [batch.mark for batch in self.journal.batches if batch.mark.batch > start.batch]
            end = later[(len(later) - 1) // 2] if later else start
            keys._take_in(*self.journal.between(start, end), start, end)
        return keys

    def killed_in(self, number: int, words: int, what: Any) -> None:
        """Do something and die after so many words of it."""
        file = self.workers[number].file
        assert isinstance(file, MortalKeyFile)
        file.life.words = words
        key_file.insert_keys = mortal_insert(file.life)
        try:
            what()
        except Killed:
            pass
        finally:
            key_file.insert_keys = self.real[1]
        self.under_way = [one for one in self.under_way if one[0] != number]
        self.start_again(number)

    def saving(self, number: int) -> None:
        """The disk holds at least what the worker's file is now."""
        file = self.workers[number].file
        self.on_disk = file._inode, b"".join(part.tobytes() for part in file._mapped)

    def put(self, content: bytes) -> None:
        """Give the file's name to another one."""
        other = self.folder / "put"
        other.write_bytes(content)
        other.rename(self.path)


@cache
def file_of_another_journal() -> bytes:
    """A whole and healthy file that covers three batches of another journal."""
    other = Journal("another")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal.keys"
        keys = KnownKeys(MortalKeyFile(path))
        for number in range(3):
            new, found = other.next_mark(), some_keys(OTHERS_SEED + number, 100)
            assert keys.note(found, np.full(100, new.batch), other.head, new) is not None
            other.batches.append(Batch(new, found))
        assert keys.covers(other.head)
        keys.close()
        return path.read_bytes()
