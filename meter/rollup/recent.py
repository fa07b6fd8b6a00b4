"""What this process has recorded last, so that the rollup need not read it back from the database."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

from meter.rollup.columns import Entries

MOST_RECORDS = 400_000  # about 60 MB; who falls further behind reads the database
MOST_PIECES = 4_096


@dataclass(frozen=True)
class Piece:
    """The rows that the batches first..last add; they take nothing back. `digest` is the chain's at `last`."""

    first: int
    last: int
    digest: bytes
    rows: Any


class Recent:
    """The newest pieces, without a gap; `measured` turns the rows of some into entries. Threads may share it."""

    def __init__(self, measured: Callable[[Sequence[Any]], Entries]) -> None:
        self._measured = measured
        self._pieces: deque[Piece] = deque()
        self._records = 0
        self._alone = Lock()

    def keep(self, first: int, last: int, digest: bytes, rows: Any) -> None:
        """Keep a piece whose transaction has been committed; what does not lead up to it is of no use any more."""
        piece = Piece(first, last, digest, rows)
        with self._alone:
            if self._pieces and self._pieces[-1].last + 1 != piece.first:
                self._pieces.clear()
                self._records = 0
            self._pieces.append(piece)
            self._records += len(piece.rows)
            while self._records > MOST_RECORDS or len(self._pieces) > MOST_PIECES:
                self._drop()

    def after(self, batch: int) -> list[Piece]:
        """Return the pieces from `batch` + 1 on, none when they are not all here; earlier ones are let go."""
        with self._alone:
            while self._pieces and self._pieces[0].last <= batch:
                self._drop()
            return list(self._pieces) if self._pieces and self._pieces[0].first == batch + 1 else []

    def entries(self, pieces: Sequence[Piece]) -> Entries:
        """Return the measured columns of pieces."""
        return self._measured([piece.rows for piece in pieces])

    def _drop(self) -> None:
        self._records -= len(self._pieces.popleft().rows)
