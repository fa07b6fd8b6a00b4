"""Knowing which keys the journal holds: a key file that follows the journal, and the exact word of the journal itself.

The file answers "certainly new" for nearly every key at the cost of one look into memory; what it calls perhaps known
is looked up in the journal under the few batches it names. Nothing here decides anything.
"""

from __future__ import annotations

import asyncio
import hashlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import numpy as np
import numpy.typing as npt

from meter.database.address import address_of
from meter.database.errors import JournalUnavailable
from meter.journal import store
from meter.journal.keys.key_file import NOTHING, KeyFile, Watermark

CHUNK_RECORDS = 500_000
UNDER_LOCK_RECORDS = 200_000  # more than this is not caught up while everybody waits
CHUNK_BATCHES = 50_000


class KnownKeys:
    """The keys of one journal, as one process sees them."""

    def __init__(self, file: KeyFile, temporary: tempfile.TemporaryDirectory[str] | None = None) -> None:
        self.file = file
        self._temporary = temporary

    @classmethod
    def of(cls, folder: Path | None, url: str) -> KnownKeys:
        """Return the keys of the database at `url`, in a file under `folder`; None: a file of this object's own."""
        if folder is None:
            temporary = tempfile.TemporaryDirectory(prefix="suanbu-keys-")
            return cls(KeyFile(Path(temporary.name) / "journal.keys"), temporary)
        parts = urlsplit(url)
        if parts.hostname is None:
            name = f":{parts.query}{parts.path}"
        elif "," in parts.netloc:
            name = address_of(url).place
        else:
            name = f"{parts.hostname}:{parts.port}{parts.path}"
        return cls(KeyFile(folder / f"{hashlib.sha256(name.encode()).hexdigest()[:12]}.keys"))

    def close(self) -> None:
        """Let go of the file; a file of our own is removed."""
        self.file.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def covers(self, head: Watermark) -> bool:
        """Return whether every key of the journal up to `head` is in the file."""
        return head in self.file.watermarks()

    async def follow(self, connection: asyncpg.Connection, at_most: int | None = None) -> int:
        """Bring the file up to the journal's head as `connection` sees it; records still missing (0: none).

        With `at_most`, gives up at once when more records than that are missing, and says how many.
        """
        start: Watermark | None = None
        while True:
            row = await store.last_batch(connection)
            head = Watermark(row["batch"], row["digest"]) if row else NOTHING
            if self.covers(head):
                return 0
            if start is None:
                start = await self._starting_point(connection)
                missing = await store.entries_after(connection, start.batch)
                if at_most is not None and missing > at_most:
                    return missing
                await asyncio.to_thread(self._expect, missing)
            start = await self._follow_chunk(connection, start)

    def batches_of(self, key: bytes) -> list[tuple[int, int]]:
        """Return the spans of batches, first and last, in which the entry of a key (16 bytes) may be."""
        _, spans = self.file.find(np.frombuffer(key, np.uint64).reshape(1, 2))
        return [(int(first), int(last)) for first, last in spans]

    def note(
        self, keys: npt.NDArray[np.uint64], batches: npt.NDArray[np.int64], head: Watermark, new: Watermark
    ) -> bytes | None:
        """Note, before a transaction commits that takes the journal from `head` to `new`: its keys and what is then
        covered.

        Returns the generation of a file that holds every key up to `new`. Raises KeyFileUnusable.
        """
        with self.file.held():
            self.file.insert(keys, batches)
            if not self.covers(head):  # the file was thrown away meanwhile and is being rebuilt
                return None
            self.file.cover(new, keep=head)
            return self.file.generation

    def note_ahead(self, keys: npt.NDArray[np.uint64], batches: npt.NDArray[np.int64]) -> bytes:
        """Put in the keys of a transaction before its turn; the generation of the file they are in.

        Raises KeyFileUnusable.
        """
        with self.file.held():
            self.file.insert(keys, batches)
            return self.file.generation

    def cover_ahead(self, generation: bytes, head: Watermark, new: Watermark) -> bool:
        """Do what `note` does, in its turn, for a transaction whose keys are in a file of that generation.

        Return whether they still are: if not, nothing is covered.
        """
        with self.file.held():
            if self.file.generation != generation or not self.covers(head):
                return False
            self.file.cover(new, keep=head)
            return True

    async def save(self, connection: asyncpg.Connection) -> None:
        """Bring the file to the disk as far as it covers what is committed."""
        generation = self.file.generation
        for watermark in self.file.watermarks():
            if await holds(connection, watermark):
                await asyncio.to_thread(self.file.save, watermark, generation)
                return

    def _expect(self, more: int) -> None:
        with self.file.held():
            self.file.expect(self.file.keys_at_most + more)

    async def _starting_point(self, connection: asyncpg.Connection) -> Watermark:
        """Return the furthest batch up to which the file covers this very journal.

        A file of another journal is emptied.
        """
        while True:
            watermarks = await asyncio.to_thread(self._watermarks)
            for watermark in watermarks:
                if await holds(connection, watermark):
                    return watermark
            if await asyncio.to_thread(self._discard_unless_changed, watermarks):
                return NOTHING

    def _watermarks(self) -> list[Watermark]:
        with self.file.held():
            return self.file.watermarks()

    def _discard_unless_changed(self, watermarks: Sequence[Watermark]) -> bool:
        with self.file.held():
            if self.file.watermarks() != watermarks:
                return False
            self.file.discard()
            return True

    async def _follow_chunk(self, connection: asyncpg.Connection, start: Watermark) -> Watermark | None:
        """Take in the next batches after `start`; the new watermark, None when the file was begun anew meanwhile."""
        rows = await store.batches_after(connection, start.batch, CHUNK_BATCHES)
        total, end = 0, start
        for row in rows:
            if total and total + row["entries"] > CHUNK_RECORDS:
                break
            total += row["entries"]
            end = Watermark(row["batch"], row["digest"])
        keys, batches = np.empty((0, 2), np.uint64), np.empty(0, np.int64)
        if total:
            keys, batches = await store.read_keys(connection, start.batch + 1, end.batch)
        if len(keys) != total:
            raise JournalUnavailable(
                f"batches {start.batch + 1} to {end.batch} say they hold {total} entries, the journal holds {len(keys)}"
            )
        return end if await asyncio.to_thread(self._take_in, keys, batches, start, end) else None

    def _take_in(
        self, keys: npt.NDArray[np.uint64], batches: npt.NDArray[np.int64], start: Watermark, end: Watermark
    ) -> bool:
        with self.file.held():
            self.file.insert(keys, batches)
            if start not in self.file.watermarks():
                return False
            self.file.cover(end, keep=start)
            return True


async def holds(connection: asyncpg.Connection, watermark: Watermark) -> bool:
    """Return whether the journal's chain has this digest at this batch: then everything before is the same too."""
    if watermark == NOTHING:
        return True
    return await store.digest_at(connection, watermark.batch) == watermark.digest
