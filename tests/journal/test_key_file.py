"""The key file beside a journal in memory: whatever is done to it, it never calls a recorded key certainly new.

It may say that it covers less than it does, or be begun again; what it claims to cover must be all there.
SUANBU_KEY_FILE_LIVES says how many lives of a file are tried (default 40).
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import invariant, precondition, rule

from meter.journal.keys.header import HEADER_BYTES, USED
from meter.journal.keys.key_file import NOTHING
from meter.journal.keys.known_keys import KnownKeys
from meter.kernels.hash_table import LARGEST_LOCATOR, count_slots
from tests.journal.mortal import Batch, Journal, MortalKeyFile, assert_nothing_is_called_new, some_keys
from tests.journal.two_workers import TwoWorkers, file_of_another_journal

HEADER_WORDS_USED = 56
PAGE_WORDS = 512
LARGE, LARGE_TIMES = 20_000, 4  # three large batches outgrow the first table
LIVES = int(os.environ.get("SUANBU_KEY_FILE_LIVES", "40"))
worker = st.sampled_from([0, 1])
sizes = st.sampled_from([1, 2, 3, 40])
words = st.integers(0, 2**64 - 1) | st.integers(0, 64)


class KeyFileMachine(TwoWorkers):
    """Two workers of one machine, one file, one journal; kills, crashes, exchanged files and restored databases."""

    @rule(number=worker, count=sizes, jump=st.sampled_from([0, 0, 5, LARGEST_LOCATOR]), committed=st.booleans())
    def record(self, number: int, count: int, jump: int, committed: bool) -> None:
        """A transaction notes its keys and commits, or is undone after all.

        It commits as well when the file was begun anew meanwhile: then the file only covers less.
        """
        keys, found, head = self.caught_up(number), self.fresh(count), self.journal.head
        new = self.journal.next_mark(jump)
        noted = keys.note(found, np.full(count, new.batch), head, new)
        assert (noted is not None) == keys.covers(new)
        if committed:
            self.journal.batches.append(Batch(new, found))

    @precondition(lambda self: sum(len(batch.keys) == LARGE for batch in self.journal.batches) < LARGE_TIMES)
    @rule(number=worker)
    def record_much(self, number: int) -> None:
        """Enough that the table is widened sooner or later."""
        self.record(number, LARGE, 0, True)

    @rule(
        number=worker, count=sizes, other=st.sampled_from(["nothing", "discards", "widens", "records", "file removed"])
    )
    def record_ahead(self, number: int, count: int, other: str) -> None:
        """The keys are in the file before the turn comes; meanwhile the other worker does something."""
        keys, found, head = self.caught_up(number), self.fresh(count), self.journal.head
        new = self.journal.next_mark()
        generation = keys.note_ahead(found, np.full(count, new.batch))
        if other == "discards":
            self.discard(1 - number)
        elif other == "widens":
            self.widen(1 - number)
        elif other == "records":
            self.record(1 - number, 1, 0, True)
        elif other == "file removed":
            self.remove()
        if head == self.journal.head and keys.cover_ahead(generation, head, new):
            self.journal.batches.append(Batch(new, found))

    @rule(number=worker, count=sizes, words=st.integers(0, 60), large=st.booleans())
    def killed_while_recording(self, number: int, count: int, words: int, large: bool) -> None:
        """kill -9 after so many words."""
        keys, head = self.caught_up(number), self.journal.head
        found = self.fresh(LARGE if large else count)
        new = self.journal.next_mark()
        self.killed_in(number, words, lambda: keys.note(found, np.full(len(found), new.batch), head, new))

    @rule(number=worker, words=st.integers(0, 4))
    def killed_while_widening(self, number: int, words: int) -> None:
        """kill -9 before or after the wider file takes the place of the old one."""
        self.killed_in(number, words, lambda: self.widen(number))

    @rule(number=worker, words=st.integers(0, 12))
    def killed_while_saving(self, number: int, words: int) -> None:
        """kill -9 while the file says what is on the disk."""
        keys = self.caught_up(number)
        self.saving(number)
        self.killed_in(number, words, lambda: keys.file.save(self.journal.head, keys.file.generation))

    @rule(number=worker)
    def start_another(self, number: int) -> None:
        """A process ends in order, another one begins."""
        self.under_way = [one for one in self.under_way if one[0] != number]
        self.start_again(number)

    @rule(number=worker)
    def widen(self, number: int) -> None:
        """Make room for many more."""
        file = self.workers[number].file
        with file.held():
            if len(file._mapped[1]) < 1 << 20:
                file.expect(len(file._mapped[1]))

    @rule(number=worker)
    def discard(self, number: int) -> None:
        """Begin again with nothing."""
        with self.workers[number].file.held():
            self.workers[number].file.discard()

    @rule()
    def remove(self) -> None:
        """Somebody removes the file under the running workers."""
        self.path.unlink(missing_ok=True)

    @rule(number=worker)
    def follow(self, number: int) -> None:
        """A worker reads what others have recorded."""
        assert self.caught_up(number).covers(self.journal.head)

    @rule(number=worker)
    def begin_to_save(self, number: int) -> None:
        """A worker knows which watermark is committed; until it saves that one, other things happen."""
        file = self.workers[number].file
        generation = file.generation
        self.under_way += [(number, generation, mark) for mark in file.watermarks()[:1] if self.journal.holds(mark)]

    @precondition(lambda self: self.under_way)
    @rule()
    def save(self) -> None:
        """What was begun is carried out."""
        number, generation, mark = self.under_way.pop()
        self.saving(number)
        self.workers[number].file.save(mark, generation)

    @rule(seed=st.integers(0, 2**32), old_header=st.booleans())
    def power_fails(self, seed: int, old_header: bool) -> None:
        """The machine starts again: of what was not saved any page may be lost, and any may be there."""
        if not self.path.exists():
            return
        with self.nobody_running():
            self.boot += 1
            found = np.frombuffer(self.path.read_bytes(), np.uint64).copy()
            if self.on_disk[0] == self.path.stat().st_ino and len(self.on_disk[1]) == found.nbytes:
                saved = np.frombuffer(self.on_disk[1], np.uint64)
            else:
                saved = np.zeros_like(found)
            lost = np.random.default_rng(seed).random(-(-len(found) // PAGE_WORDS)) < 0.5
            lost[0] = old_header
            found = np.where(np.repeat(lost, PAGE_WORDS)[: len(found)], saved, found)
            self.path.write_bytes(found.tobytes())
        self.on_disk = 0, b""

    @rule(
        word=st.integers(0, 6) | st.integers(7, HEADER_WORDS_USED - 1),
        value=st.integers(0, 2**64 - 1) | st.integers(0, 64),
    )
    def header_is_garbled(self, word: int, value: int) -> None:
        """A word of the header is another one at the next start; but the count of slots, which no check sum covers.

        A wrong count costs room and is of no consequence for what is called new: see the test of all words below.
        """
        if not self.path.exists() or word == USED:
            return
        with self.nobody_running(), self.path.open("r+b") as file:
            file.seek(8 * word)
            file.write(value.to_bytes(8, "little"))

    @rule(share=st.floats(0, 1), odd=st.integers(0, 7))
    def file_is_cut(self, share: float, odd: int) -> None:
        """The file ends somewhere else at the next start."""
        if not self.path.exists():
            return
        with self.nobody_running():
            whole = self.path.read_bytes()
            self.path.write_bytes(whole[: int(share * len(whole)) // 8 * 8 + odd])

    @rule()
    def keep_a_copy(self) -> None:
        """Somebody makes a backup of the file."""
        if self.path.exists():
            self.copies.append(self.path.read_bytes())

    @precondition(lambda self: self.copies)
    @rule(which=st.integers(0, 10))
    def put_a_copy_back(self, which: int) -> None:
        """The file is older than its database, under running workers."""
        self.put(self.copies[which % len(self.copies)])

    @rule()
    def put_the_file_of_another_database(self) -> None:
        """The file is of another journal."""
        self.put(file_of_another_journal())

    @rule(left=st.floats(0, 1))
    def database_is_restored(self, left: float) -> None:
        """The database is an earlier one: the file is newer than it."""
        del self.journal.batches[int(left * len(self.journal.batches)) :]
        self.under_way.clear()

    @invariant()
    def what_is_recorded_is_never_called_new(self) -> None:
        for keys in self.workers:
            assert_nothing_is_called_new(keys.file, self.journal)

    @invariant()
    def as_many_slots_are_said_to_be_taken_as_are(self) -> None:
        for keys in self.workers:
            assert keys.file.keys_at_most >= count_slots(keys.file._mapped[1])


TestKeyFile = KeyFileMachine.TestCase
TestKeyFile.settings = settings(max_examples=LIVES, stateful_step_count=30, deadline=None)


def test_the_header_is_one_page_and_its_words_lie_in_one_sector() -> None:
    assert HEADER_BYTES == 8 * PAGE_WORDS
    assert 8 * HEADER_WORDS_USED <= 512


def recorded(path: Path, batches: int = 3) -> tuple[KnownKeys, Journal]:
    """A file that covers so many batches of a hundred keys, saved."""
    keys, journal = KnownKeys(MortalKeyFile(path)), Journal("ours")
    for number in range(batches):
        new, found = journal.next_mark(), some_keys(number, 100)
        keys.note(found, np.full(100, new.batch), journal.head, new)
        journal.batches.append(Batch(new, found))
    keys.file.save(journal.head, keys.file.generation)
    assert keys.covers(journal.head)
    return keys, journal


@pytest.mark.parametrize("value", [0, 1, 14, 2**63 + 5, 2**64 - 1])
def test_whatever_word_of_the_header_is_garbled_nothing_recorded_is_called_new(tmp_path: Path, value: int) -> None:
    path = tmp_path / "journal.keys"
    keys, journal = recorded(path)
    keys.close()
    whole = path.read_bytes()
    for word in range(HEADER_WORDS_USED):
        path.write_bytes(whole[: 8 * word] + value.to_bytes(8, "little") + whole[8 * word + 8 :])
        again = MortalKeyFile(path)
        assert_nothing_is_called_new(again, journal)
        again.close()


def test_what_was_to_be_saved_is_not_durable_in_a_file_that_was_begun_anew(tmp_path: Path) -> None:
    """The file is removed between the look into the journal and the save; then the machine starts again."""
    path = tmp_path / "journal.keys"
    keys, journal = recorded(path)
    generation = keys.file.generation
    path.unlink()
    with keys.file.held():
        assert keys.file.watermarks() == [NOTHING]
    keys.file.save(journal.head, generation)
    with keys.file.held():
        header = keys.file._mapped[0]
        header[8:12] = 0  # another start of the machine
    keys.close()
    again = MortalKeyFile(path)
    assert again.watermarks() == [NOTHING]
    again.close()


def test_after_another_start_only_what_was_saved_counts(tmp_path: Path) -> None:
    path = tmp_path / "journal.keys"
    keys, journal = recorded(path)
    saved, new, found = journal.head, journal.next_mark(), some_keys(99, 10)
    keys.note(found, np.full(10, new.batch), saved, new)
    assert keys.file.watermarks() == [new, saved]
    keys.file._mapped[0][8:12] = 0
    keys.close()
    again = MortalKeyFile(path)
    assert again.watermarks() == [saved]
    with again.held():
        again.expect(100_000)
        again._mapped[0][8:12] = 0
    again.close()
    wider = MortalKeyFile(path)
    assert wider.watermarks() == [NOTHING], "a wider file is not saved yet"
    wider.close()
