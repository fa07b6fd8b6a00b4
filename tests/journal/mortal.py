"""A key file that can be killed after any word it writes, and a journal in memory to compare what it says with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from meter.journal.keys.key_file import NOTHING, KeyFile, Watermark
from meter.kernels.hash_table import insert_keys

Keys = npt.NDArray[np.uint64]


class Killed(BaseException):
    """The process ends here: what is in the file stays as it is."""


@dataclass
class Life:
    """How many words may still be written before the process is killed; None: as many as it likes."""

    words: int | None = None

    def spend(self, words: int) -> int:
        """How many of so many words are written before the end."""
        if self.words is None:
            return words
        written = min(words, self.words)
        self.words -= written
        return written


class _Header(npt.NDArray[Any]):
    """A header that is written word by word, until the life ends."""

    life: Life

    def __getitem__(self, place: Any) -> Any:
        return self.view(np.ndarray)[place]

    def __setitem__(self, place: Any, value: Any) -> None:
        plain = self.view(np.ndarray)
        places = np.arange(len(plain))[place].reshape(-1)
        values = np.broadcast_to(np.asarray(value, np.uint64), places.shape)
        written = self.life.spend(len(places))
        plain[places[:written]] = values[:written]
        if written < len(places):
            raise Killed


class MortalKeyFile(KeyFile):
    """A key file whose process can be killed between two words, and before or after a new file takes its place."""

    def __init__(self, path: Path) -> None:
        self.life = Life()
        super().__init__(path)

    def _open(self) -> None:
        super()._open()
        header, table = self._mapped
        watched = header.view(_Header)
        watched.life = self.life
        self._mapped = watched, table

    def _replace(self, descriptor: int, temporary: Path) -> None:
        if not self.life.spend(1):
            raise Killed
        super()._replace(descriptor, temporary)
        if not self.life.spend(1):
            raise Killed


def mortal_insert(life: Life) -> Any:
    """`insert_keys` that ends with the life: the keys before it are in the table, and nobody has counted them."""

    def insert(table: Any, bits: int, secrets: Any, keys: Keys, locators: npt.NDArray[np.int64]) -> tuple[int, int]:
        written = life.spend(len(keys))
        found: tuple[int, int] = insert_keys(table, bits, secrets, keys[:written], locators[:written])
        if written < len(keys):
            raise Killed
        return found

    return insert


@dataclass(frozen=True)
class Batch:
    """A committed batch."""

    mark: Watermark
    keys: Keys


@dataclass
class Journal:
    """What is committed: batches in order, each digest covering the one before."""

    name: str
    batches: list[Batch] = field(default_factory=list)
    attempts: int = 0

    @property
    def head(self) -> Watermark:
        return self.batches[-1].mark if self.batches else NOTHING

    def next_mark(self, jump: int = 0) -> Watermark:
        """The number and digest of a batch that may follow: no two attempts have the same content."""
        self.attempts += 1
        text = f"{self.name} {self.attempts}".encode() + self.head.digest
        return Watermark(self.head.batch + 1 + jump, hashlib.sha256(text).digest())

    def holds(self, mark: Watermark) -> bool:
        """Whether the chain has this digest at this batch."""
        return mark == NOTHING or any(batch.mark == mark for batch in self.batches)

    def between(self, start: Watermark, end: Watermark) -> tuple[Keys, npt.NDArray[np.int64]]:
        """The keys after `start` up to `end`, with the batch of each."""
        found = [batch for batch in self.batches if start.batch < batch.mark.batch <= end.batch]
        keys = [np.empty((0, 2), np.uint64), *(batch.keys for batch in found)]
        numbers = [np.full(len(batch.keys), batch.mark.batch, np.int64) for batch in found]
        return np.concatenate(keys), np.concatenate([np.empty(0, np.int64), *numbers])


def some_keys(seed: int, count: int) -> Keys:
    """So many keys that no other seed gives."""
    return np.random.default_rng(seed).integers(0, 2**64, (count, 2), np.uint64)


def assert_nothing_is_called_new(file: KeyFile, journal: Journal) -> None:
    """Every key up to each watermark that the journal has is found, under a span with its batch."""
    for mark in file.watermarks():
        if journal.holds(mark):
            keys, batches = journal.between(NOTHING, mark)
            rows, spans = file.find(keys)
            right = (spans[:, 0] <= batches[rows]) & (batches[rows] <= spans[:, 1])
            known = np.zeros(len(keys), np.bool_)
            known[rows[right]] = True
            assert known.all(), f"{(~known).sum()} of {len(keys)} keys up to batch {mark.batch} are called new"
