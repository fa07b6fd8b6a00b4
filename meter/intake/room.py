"""Room for one decoded body: given memory only as it fills, and given back to the system at once."""

from __future__ import annotations

import mmap

from meter.intake.codes import BodyCode, BodyError
from meter.intake.limits import BODY_BYTES


class Room:
    """What was decoded so far. A growing bytearray would be there twice while it grows, and its memory be kept."""

    def __init__(self) -> None:
        self.size = 0
        self._memory = mmap.mmap(-1, BODY_BYTES)

    def add(self, portion: bytes) -> None:
        """Append; raises BodyError beyond 32 MiB."""
        end = self.size + len(portion)
        if end > BODY_BYTES:
            raise BodyError(BodyCode.BODY_TOO_LARGE)
        self._memory[self.size : end] = portion
        self.size = end

    def whole(self) -> bytes:
        """Return all of it."""
        return self._memory[: self.size]

    def __enter__(self) -> Room:
        return self

    def __exit__(self, *_: object) -> None:
        self._memory.close()
