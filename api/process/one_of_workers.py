"""Which of a machine's workers reads what all of them would read alike: one, and another one when it has ended."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from api.process.workers import FOLDER


class OneOfWorkers:
    """The place of the one who reads for all; a process that ends, however it ends, leaves it to another."""

    def __init__(self) -> None:
        folder = os.environ.get(FOLDER)
        self._file = Path(folder) / "reads-for-all" if folder else None
        self._held: int | None = None

    def chosen(self) -> bool:
        """Return whether this process is the one; who has no others beside it always is."""
        if self._file is None or self._held is not None:
            return True
        descriptor = os.open(self._file, os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._held = descriptor
        return True

    def leave(self) -> None:
        """Leave the place to another process."""
        if self._held is not None:
            os.close(self._held)
            self._held = None
