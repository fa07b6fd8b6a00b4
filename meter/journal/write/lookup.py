"""What stands under the keys of a group, asked of the key file first, and of the journal only where it must be."""

from __future__ import annotations

import asyncio

import asyncpg
import numpy as np
import numpy.typing as npt

from meter.journal import store
from meter.journal.keys.key_file import Watermark
from meter.journal.keys.known_keys import KnownKeys
from meter.journal.rows.encode import Rows
from meter.journal.rows.layout import ENTRY, RECORD

INLINE_KEYS = 2_000  # up to here a thread costs more than it gives


class Lookup:
    """First `look`, which needs no lock; then `all_new`, or `entries` under the lock."""

    def __init__(self, rows: Rows, keys: KnownKeys) -> None:
        self._keys = keys
        self._asked = _asked(rows)
        self._entries: npt.NDArray[np.void] = np.empty(0, ENTRY)
        self._looked: list[Watermark] = []
        """What the key file covered while we looked."""
        self.generation: bytes | None = None
        """The key file's, if it was one and the same while we looked."""
        self._found = (np.empty(0, np.int64), np.empty((0, 2), np.int64))
        """Rows that the key file knows perhaps, and the batches it names for each."""
        self._resolved = np.empty(0, np.int64)
        """Rows whose entry was found before the lock was taken: it stands for ever."""

    async def look(self, connection: asyncpg.Connection) -> None:
        """Look up what may be known already, before the lock is taken."""
        covered, generation = self._keys.file.watermarks(), self._keys.file.generation
        rows, spans = self._found = await self._find()
        self.generation = generation if self._keys.file.generation == generation else None
        after = self._keys.file.watermarks()
        self._looked = [watermark for watermark in covered if watermark in after]
        if len(rows):
            self._entries = await store.entries_at(connection, self._asked[rows], spans)
            found = set(self._entries["key"].tolist())
            self._resolved = rows[[key.tobytes() in found for key in self._asked[rows]]]

    def all_new(self, generation: bytes) -> bool:
        """Return whether a key file of this generation, unchanged while we looked, knows none of the keys."""
        return self.generation == generation and not len(self._found[0])

    async def entries(self, connection: asyncpg.Connection, head: Watermark) -> npt.NDArray[np.void]:
        """Return everything (ENTRY) that stands under the keys, under the lock; `head` is the journal's."""
        if head in self._looked:
            rows, spans = self._found  # nobody has recorded anything since
        else:
            rows, spans = await self._find()
        fresh = ~np.isin(rows, self._resolved)
        if not fresh.any():
            return self._entries
        # recorded since we looked, or named by the file for nothing
        found = await store.entries_at(connection, self._asked[rows[fresh]], spans[fresh])
        return np.concatenate((self._entries, found))

    async def _find(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        if len(self._asked) <= INLINE_KEYS:
            return self._keys.file.find(self._asked)
        return await asyncio.to_thread(self._keys.file.find, self._asked)


def _asked(rows: Rows) -> npt.NDArray[np.uint64]:
    """Return the keys to look up: every record's own, then those that are corrected."""
    if not rows.corrections:
        return rows.keys
    corrects = rows.wire["corrects"][rows.wire["action"] != RECORD]
    return np.concatenate((rows.keys, np.frombuffer(corrects.tobytes(), np.uint64).reshape(-1, 2)))
