"""Rows that a later sheet needs, put aside in a temporary file while the lines go by, by the table they belong to."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from typing import Final

import polars as pl

KEPT_ROWS: Final = 20_000  # in memory until they are written together
BLOCK_ROWS: Final = 2_000


class Spill:
    """Frames by key, in the order in which they came."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - lasts until close()
        self._places: dict[str, list[tuple[int, int]]] = {}
        self._kept: list[pl.DataFrame] = []
        self._kept_rows = 0
        self.heights: dict[str, int] = {}

    def close(self) -> None:
        """Let the file go."""
        self._file.close()

    def add(self, keys: pl.Series, frame: pl.DataFrame) -> None:
        """Put the rows of a frame aside, each under its key."""
        if not frame.height:
            return
        self._kept.append(frame.with_columns(keys.alias("key")))
        self._kept_rows += frame.height
        for key, rows in keys.value_counts().iter_rows():
            self.heights[key] = self.heights.get(key, 0) + rows
        if self._kept_rows >= KEPT_ROWS:
            self._write()

    def frames(self, key: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a key."""
        self._write()
        for place, size in self._places.get(key, ()):
            self._file.seek(place)
            yield from pl.read_ipc_stream(io.BytesIO(self._file.read(size))).iter_slices(BLOCK_ROWS)

    def _write(self) -> None:
        if not self._kept:
            return
        together = pl.concat(self._kept)
        self._kept, self._kept_rows = [], 0
        for (key,), rows in together.partition_by("key", as_dict=True, include_key=False).items():
            out = io.BytesIO()
            rows.write_ipc_stream(out, compression="lz4")
            place = self._file.seek(0, io.SEEK_END)
            self._file.write(out.getbuffer())
            self._places.setdefault(str(key), []).append((place, out.tell()))
