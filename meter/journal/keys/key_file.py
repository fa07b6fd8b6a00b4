"""The key file: which keys the journal holds, as a memory-mapped hash table that every worker of a machine shares.

It is derived: everything in it can be rebuilt from the journal, and what it says is only ever "perhaps, under these
batches" or "certainly not". "Certainly not" is true because a batch's keys are in the table before its transaction
commits, slots are never cleared, and the file says up to which batch, with which digest of the chain, it covers the
journal. A file that covers another journal (restored, exchanged) names a digest that the journal does not have.

A process killed at any point leaves slots for keys that were never recorded (harmless) and a watermark that is still
true. After a crash of the machine, when pages may be lost, only what `save` brought to the disk counts as covered. A
header whose words do not fit their check sum is not believed, and the file is begun again.
"""

from __future__ import annotations

import contextlib
import fcntl
import mmap
import os
import secrets
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from meter.journal.digest_chain import GENESIS
from meter.journal.keys.header import (
    BITS,
    BOOT,
    CHECK,
    DURABLE,
    HEADER_BYTES,
    MAGIC,
    SECRETS,
    SHIFT,
    USED,
    WATERMARKS,
    check_of,
    only_what_is_durable,
    set_watermark,
    watermark_at,
)  # fmt: skip
from meter.journal.keys.header import boot_of_machine as _boot
from meter.kernels.hash_table import (
    BUCKET_SLOTS,
    FEWEST_BUCKET_BITS,
    HASH_BITS,
    LARGEST_LOCATOR,
    count_slots,
    find_keys,
    insert_keys,
    move_slots,
)
from meter.private_files import make_folders

FULLEST = 0.75  # beyond this share of its slots a table is widened
EMPTIEST = 0.125  # of its slots: all 16 buckets of a key are full this early only when one key fills them
SHIFT_STEP = 2


class KeyFileUnusable(RuntimeError):
    """The key file cannot be kept (no room, no permission); nothing can be recorded safely without it."""


class Watermark(NamedTuple):
    """The journal up to this batch, whose digest this is."""

    batch: int
    digest: bytes


NOTHING = Watermark(0, GENESIS)


class KeyFile:
    """One process's view of the file. Finding needs no lock; everything that writes happens inside `held`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._turn = threading.RLock()
        self._depth = 0
        make_folders(path.parent)
        self._lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        # header and table are of one file: always taken together, because a wider file may take its place at any time
        self._mapped: tuple[npt.NDArray[Any], npt.NDArray[Any]]
        self._inode = self._descriptor = -1
        with self.held():  # opens the file, or makes it
            pass

    def close(self) -> None:
        """Let go of the file."""
        with self._turn:
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = self._inode = -1

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else, thread or process, write the file while the block lasts. Raises KeyFileUnusable."""
        with self._turn:
            if self._depth == 0:
                fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._depth += 1
            try:
                if self._depth == 1:
                    self._follow_replacement()
                yield
            except OSError as error:
                raise KeyFileUnusable(f"the key file cannot be written: {error}") from error
            finally:
                self._depth -= 1
                if self._depth == 0:
                    fcntl.flock(self._lock, fcntl.LOCK_UN)

    @property
    def keys_at_most(self) -> int:
        """How many slots are taken: at least as many as there are keys."""
        return int(self._mapped[0][USED])

    @property
    def generation(self) -> bytes:
        """What tells this file from one begun anew; a wider one in its place keeps it, as it keeps the keys."""
        return self._mapped[0][SECRETS].tobytes()

    def watermarks(self) -> list[Watermark]:
        """Return what the file says it covers, the furthest first: the newest may be of a transaction that did not
        commit."""
        found = [watermark for place in WATERMARKS if (watermark := self._watermark(place)) is not None]
        return sorted(found, reverse=True)

    def cover(self, watermark: Watermark, keep: Watermark) -> None:
        """Say that the file covers the journal up to `watermark`; what it says of `keep` stays."""
        place = next((place for place in WATERMARKS if self._watermark(place) != keep), WATERMARKS[1])
        set_watermark(self._mapped[0], place, *watermark)

    def find(self, keys: npt.NDArray[np.uint64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return which of the keys (n, 2) may be known: rows, and (row, first batch, last batch) under which each may
        stand.

        Returns (rows (m,), spans (m, 2)); a row may come more than once.
        """
        header, table = self._mapped
        size = 64
        while True:
            rows, locators = np.empty(size, np.int64), np.empty(size, np.int64)
            found = find_keys(table, int(header[BITS]), header[SECRETS], keys, rows, locators)
            if found <= size:
                break
            size = found
        shift = int(header[SHIFT])
        first = (locators[:found] - 1) << shift
        return rows[:found], np.stack((first, first + (1 << shift) - 1), axis=1)

    def insert(self, keys: npt.NDArray[np.uint64], batches: npt.NDArray[np.int64]) -> None:
        """Insert keys (n, 2) with the batch of each; what is there already stays. Only inside `held`."""
        assert self._depth
        done, anew = 0, False
        while done < len(keys):
            header, table = self._mapped
            if int(batches.max()) >> int(header[SHIFT]) >= LARGEST_LOCATOR:
                self._rewrite(0, SHIFT_STEP)
                continue
            if int(header[USED]) + len(keys) - done > FULLEST * len(table):
                self._rewrite(1, 0)
                continue
            locators = (batches[done:] >> int(header[SHIFT])) + 1
            used = int(header[USED])
            header[USED] = used + len(keys) - done  # before them: whoever is killed leaves a count that is too high
            added, dealt = insert_keys(table, int(header[BITS]), header[SECRETS], keys[done:], locators)
            header[USED] = used + added
            done += dealt
            # failed attempts under ever new batches filled all places of one key: begun anew, the file is without them
            if done < len(keys) and used + added < EMPTIEST * len(table) and not anew:
                self.discard()
                done, anew = 0, True
            elif done < len(keys):
                self._rewrite(1, 0)

    def expect(self, count: int) -> None:
        """Make room for so many keys at once, which is quicker than growing step by step. Only inside `held`."""
        wider = 0
        while count > FULLEST * (len(self._mapped[1]) << wider):
            wider += 1
        if wider:
            self._rewrite(wider, 0)

    def discard(self) -> None:
        """Begin again with an empty file: it covers another journal. Only inside `held`."""
        assert self._depth
        self._create()
        self._follow_replacement()

    def save(self, watermark: Watermark, generation: bytes) -> None:
        """Bring the table to the disk, so that it covers the journal up to `watermark` even after a crash.

        Only if the file is still of the `generation` that was found to cover it: one begun anew need not.
        """
        mapped = self._mapped
        os.fsync(self._descriptor)
        with self.held():
            if self._mapped[0] is mapped[0] and self.generation == generation:
                set_watermark(mapped[0], DURABLE, *watermark)

    def _watermark(self, place: int) -> Watermark | None:
        found = watermark_at(self._mapped[0], place)
        return None if found is None else Watermark(*found)

    def _follow_replacement(self) -> None:
        try:
            inode = self.path.stat().st_ino
        except FileNotFoundError:
            self._create()
            inode = self.path.stat().st_ino
        if inode != self._inode:
            self._map()

    def _map(self) -> None:
        try:
            self._open()
        except ValueError:  # not ours, or torn
            self._create()
            self._open()
        header, table = self._mapped
        if header[BOOT].tobytes() != _boot():
            only_what_is_durable(header)
            header[USED] = count_slots(table)
            header[BOOT] = np.frombuffer(_boot(), np.uint64)

    def _open(self) -> None:
        """Open the file. Raise ValueError when the file is not a key file of this version."""
        descriptor = os.open(self.path, os.O_RDWR | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if status.st_size < HEADER_BYTES:
                raise ValueError("too short")
            whole = np.frombuffer(mmap.mmap(descriptor, status.st_size), np.uint64)
            header, table = whole[: HEADER_BYTES // 8], whole[HEADER_BYTES // 8 :]
            bits = int(header[BITS])
            if int(header[0]) != MAGIC or int(header[CHECK]) != check_of(header):
                raise ValueError("not a key file")
            assert FEWEST_BUCKET_BITS <= bits < HASH_BITS
            if len(table) != BUCKET_SLOTS << bits:
                raise ValueError("not as long as it says")
        except BaseException:
            os.close(descriptor)
            raise
        if self._inode >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        self._mapped, self._inode = (header, table), status.st_ino

    def _create(self) -> None:
        descriptor, temporary = self._fresh(FEWEST_BUCKET_BITS)
        header = np.zeros(HEADER_BYTES // 8, np.uint64)
        header[0], header[BITS] = MAGIC, FEWEST_BUCKET_BITS
        header[SECRETS] = np.frombuffer(secrets.token_bytes(16), np.uint64)
        header[CHECK] = check_of(header)
        header[BOOT] = np.frombuffer(_boot(), np.uint64)
        for place in (WATERMARKS[0], DURABLE):
            set_watermark(header, place, *NOTHING)
        os.pwrite(descriptor, header.tobytes(), 0)
        self._replace(descriptor, temporary)

    def _rewrite(self, wider: int, shift: int) -> None:
        """Move everything into a table of 2^wider times the buckets, with locators `shift` bits coarser."""
        header, table = self._mapped
        while True:
            bits = int(header[BITS]) + wider
            if bits >= HASH_BITS or (wider and len(table) << wider > 64 * max(self.keys_at_most, 1 << 20)):
                raise KeyFileUnusable("the key file's buckets are filled unevenly; remove it and it is rebuilt")
            descriptor, temporary = self._fresh(bits)
            whole = np.frombuffer(mmap.mmap(descriptor, HEADER_BYTES + 8 * (BUCKET_SLOTS << bits)), np.uint64)
            moved = move_slots(table, int(header[BITS]), whole[HEADER_BYTES // 8 :], bits, shift)
            if moved >= 0:
                break
            os.close(descriptor)
            wider += 1
        fresh = np.array(header, np.uint64)
        fresh[BITS], fresh[USED], fresh[SHIFT] = bits, moved, int(header[SHIFT]) + shift
        fresh[CHECK] = check_of(fresh)
        # until the next `save`: waiting for the disk here would stall everyone
        set_watermark(fresh, DURABLE, *NOTHING)
        whole[: HEADER_BYTES // 8] = fresh  # at once: the disk must never see the old words of what is durable
        self._replace(descriptor, temporary)
        self._follow_replacement()

    def _fresh(self, bits: int) -> tuple[int, Path]:
        """Return a new file beside the real one with all its room reserved: a full disk is met here, not while
        writing."""
        temporary = self.path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_CREAT | os.O_RDWR | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(descriptor, 0, HEADER_BYTES + 8 * (BUCKET_SLOTS << bits))
        except OSError:
            os.close(descriptor)
            temporary.unlink()
            raise
        return descriptor, temporary

    def _replace(self, descriptor: int, temporary: Path) -> None:
        os.close(descriptor)
        temporary.rename(self.path)


# long: one file under one lock; what must be taken together is read together
