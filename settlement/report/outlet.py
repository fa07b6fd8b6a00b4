"""A file that cannot be sought in, whose writer's bytes are taken away as they come."""

from __future__ import annotations

import io


class Outlet(io.RawIOBase):
    """Collects what is written until it is taken."""

    def __init__(self) -> None:
        super().__init__()
        self._kept: list[bytes] = []

    def writable(self) -> bool:
        """Say that it takes bytes."""
        return True

    def write(self, data: object) -> int:
        """Keep some bytes."""
        kept = bytes(data)  # type: ignore[call-overload] # a buffer, whose owner may use it again
        self._kept.append(kept)
        return len(kept)

    def taken(self) -> bytes:
        """Return what was written since it was last taken."""
        found = b"".join(self._kept)
        self._kept = []
        return found
