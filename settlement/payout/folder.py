"""A folder that is exchanged with a bank: files leave it once and whole, and come back by name.

`ready/` holds what is written and not yet let go, `out/` what the bank may take, `in/` what it answers, `in/done/` what
was booked of that, `in/set-aside/` what could not be. A file goes from `ready/` to `out/` by one rename, so whether it
was let go can be told after any crash: it was, if it is on record and not in `ready/` any more.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from settlement.payout.answers import free_name, names_in, set_aside, sync_folder, write_durably
from settlement.payout.boundary import crossing

DONE: Final = "done"
LOCK: Final = ".lock"
ASKED: Final = ".asked"
NAME_BYTES: Final = 200


class FolderBusy(Exception):
    """Another process works on this folder."""


@dataclass(frozen=True)
class Folder:
    """The places of an exchange with a bank."""

    top: Path

    @property
    def ready(self) -> Path:
        """What is written and not let go."""
        return self.top / "ready"

    @property
    def out(self) -> Path:
        """What the bank may take."""
        return self.top / "out"

    @property
    def answers(self) -> Path:
        """What the bank answers."""
        return self.top / "in"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let nobody else work on the folder; the system lets go of it when the process ends. Raises FolderBusy."""
        for place in (self.ready, self.out, self.answers, self.answers / DONE):
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(self.top / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise FolderBusy(f"another process works on {self.top}") from None
            yield
        finally:
            os.close(handle)

    def prepare(self, name: str, contents: bytes) -> None:
        """Write a file durably, where no bank takes it yet."""
        with crossing("write the file"):
            write_durably(self.ready / name, contents)

    def release(self, name: str) -> None:
        """Let a file go, once: it leaves `ready/` in the moment in which it stands in `out/`."""
        with crossing("let the file go"):
            (self.ready / name).rename(self.out / name)
            sync_folder(self.out)
            sync_folder(self.ready)

    def discard(self, name: str) -> None:
        """Remove what was written and never let go."""
        with crossing("discard a file"):
            (self.ready / name).unlink(missing_ok=True)
            sync_folder(self.ready)

    def written(self) -> list[str]:
        """Return names of what is written and not let go; what a crash left half written is removed.

        What is not ours stays where somebody has put it.
        """
        for half in self.ready.glob(".*.part"):
            half.unlink(missing_ok=True)
        return sorted(path.name for path in self.ready.glob("SB*") if path.is_file())

    def answered(self, suffix: str) -> list[str]:
        """Return names of all that calls itself an answer, in order; a name that is no UTF-8 comes with surrogates."""
        return names_in(self.answers, suffix)

    def finish(self, name: str) -> None:
        """Put an answer away that was booked; one of the same name before it stays."""
        with crossing("put an answer away"):
            (self.answers / name).rename(self.answers / DONE / free_name(self.answers / DONE, name))
            sync_folder(self.answers / DONE)
            sync_folder(self.answers)

    def put_aside(self, name: str, code: str, detail: str) -> str:
        """Move what cannot be read to `in/set-aside/`, its reason beside it; the name that it has there."""
        with crossing("set an answer aside"):
            return set_aside(self.answers, name, code, detail)

    def note(self, name: str) -> None:
        """Remember which question was asked last: the bank may take its file away."""
        write_durably(self.top / ASKED, name.encode())

    def noted(self) -> str:
        """Return the name of the question that was asked last, or nothing."""
        try:
            return (self.top / ASKED).read_text("ascii", "replace")[:NAME_BYTES]
        except OSError:
            return ""
