"""How the jobs say how far they are."""

from __future__ import annotations

from typing import Protocol


class Tell(Protocol):
    """Called from any thread with what is done, of how much, and a word for what it is at."""

    def __call__(self, done: int, total: int | None = None, stage: str = "") -> None:
        """Say it."""


def untold(done: int, total: int | None = None, stage: str = "") -> None:
    """Tell nobody."""
