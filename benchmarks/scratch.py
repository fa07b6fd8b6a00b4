"""Folders that a measurement works in and removes."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def scratch(name: str) -> Iterator[Path]:
    """Give an empty folder that is removed at the end.

    Others may pass through it but not list it: PostgreSQL, which refuses to run as root, runs as another user then.
    """
    with tempfile.TemporaryDirectory(prefix=f"suanbu-{name}-") as folder:
        Path(folder).chmod(0o711)
        yield Path(folder)
