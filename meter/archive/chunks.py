"""Reads an archive in chunks of columns, month by month, only what a span of time and a batch number need."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from meter.archive.manifest import SealedFile, Sealing
from meter.archive.rows import ROW_DTYPE
from meter.archive.runs import IN_RUNS, SERIES, Runs, read_footer

Columns: TypeAlias = dict[str, NDArray[Any]]
Chunk: TypeAlias = Callable[[], Columns]

MEASURED: Final = (
    "consumer", "facility", "chip", "millicards", "started", "ended", "charge_fen", "purpose", "via_platform", "sign",
)  # fmt: skip
# Asked for as a column: where runs of one series end. The columns of the series then come run by run, where the file
# tells its runs; else this column is empty.
SERIES_ENDS: Final = "series_ends"
MEASURED_IN_RUNS: Final = (*MEASURED, SERIES_ENDS)


@dataclass(frozen=True)
class Month:
    """The rows that start in one local month, as functions that load a chunk of them each.

    Footers are read when the chunks are gone through, so that work on one month begins before the next is opened.
    """

    first_day: int  # local day (days since 1970-01-01); no row of this or a later month starts before it
    rows: int
    chunks: Iterable[Chunk]


def files_needed(
    sealings: Iterable[Sealing], as_of: int | None = None, start: int | None = None, end: int | None = None
) -> list[SealedFile]:
    """Return the files with rows of batches up to `as_of` that may touch [start, end) (epoch seconds), by month."""
    found = [
        file
        for sealing in sealings
        for file in sealing.files
        if (as_of is None or file.first_batch <= as_of)
        and (start is None or file.ended_to >= start)
        and (end is None or file.started_from < end)
    ]
    return sorted(found, key=lambda file: (file.month, file.name))


def months(
    folder: Path,
    files: Sequence[SealedFile],
    columns: Sequence[str] = MEASURED,
    as_of: int | None = None,
) -> Iterator[Month]:
    """Yield the months of these files (already checked, see `verify`) in order; a chunk is one row group of a file.

    Each chunk loads the `columns` asked for, as arrays by `rows.ROW_DTYPE` (or in runs, see SERIES_ENDS); rows of
    batches after `as_of` are left out.
    """
    for label, grouped in groupby(sorted(files, key=lambda file: (file.month, file.name)), key=lambda file: file.month):
        some = list(grouped)
        first_day = int(np.datetime64(label, "D").astype(np.int64))
        yield Month(first_day, sum(file.rows for file in some), _Chunks(folder, some, tuple(columns), as_of))


class _Chunks(Iterable[Chunk]):
    """The chunks of some files in the order they are handed out; nothing of the files is held but by the chunks."""

    def __init__(self, folder: Path, files: Sequence[SealedFile], columns: tuple[str, ...], as_of: int | None) -> None:
        self._folder, self._files, self._columns, self._as_of = folder, files, columns, as_of

    def __iter__(self) -> Iterator[Chunk]:
        placed: list[tuple[int, int, str, Chunk]] = []
        for file in self._files:
            readers = _Readers(self._folder / file.name)
            shown = readers.metadata
            facility = shown.schema.names.index("facility")
            until = self._as_of if self._as_of is not None and file.last_batch > self._as_of else None
            for group, runs in enumerate(read_footer(shown.metadata, shown.num_row_groups)):
                # Row groups of neighbouring facilities are handed out together, whichever file they are in.
                place = shown.row_group(group).column(facility).statistics
                load = partial(_load_chunk, readers, group, self._columns, until, runs)
                placed.append((place.min if place is not None else 0, group, file.name, load))
        placed.sort(key=lambda item: item[:3])
        return iter([load for *_, load in placed])


class _Readers:
    """Readers of one file, one for each thread that reads from it at a time; closed when all row groups were read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.metadata = pq.read_metadata(path)
        self._to_read = self.metadata.num_row_groups
        self._idle: list[pq.ParquetFile] = []
        self._alone = Lock()

    def read(self, group: int, columns: Sequence[str]) -> pa.Table:
        """Read columns of a row group."""
        with self._alone:
            reader = self._idle.pop() if self._idle else None
        if reader is None:  # a chunk is one read or two, so none ahead
            reader = pq.ParquetFile(self._path, metadata=self.metadata, pre_buffer=False)
        table = reader.read_row_group(group, columns=list(columns), use_threads=False)
        with self._alone:
            self._idle.append(reader)
            self._to_read -= 1
            done = []
            if self._to_read <= 0:
                done, self._idle = self._idle, []
        for reader in done:
            reader.close()
        return table


def _load_chunk(
    readers: _Readers, group: int, columns: tuple[str, ...], until: int | None, runs: Runs | None
) -> Columns:
    """Load columns of one row group as arrays, without rows of batches after `until`.

    Columns in long runs come from the `runs` that the file's footer tells, if it does.
    """
    in_file = [name for name in columns if name != SERIES_ENDS and (runs is None or name not in IN_RUNS)]
    if until is not None and "batch" not in in_file:
        in_file.append("batch")
    table = readers.read(group, in_file)
    found = {name: _array(table.column(name), name) for name in in_file}
    run_by_run = runs is not None and until is None and SERIES_ENDS in columns
    if runs is not None:
        for name in set(columns).intersection(IN_RUNS):
            found[name] = runs.series[name] if run_by_run and name in SERIES else runs.row_by_row(name)
    if until is not None:
        kept = found["batch"] <= until
        found = {name: array[kept] for name, array in found.items() if name in columns}
    if SERIES_ENDS in columns:
        found[SERIES_ENDS] = runs.series_ends if runs is not None and run_by_run else np.empty(0, np.int32)
    return found


def _array(column: pa.ChunkedArray, name: str) -> NDArray[Any]:
    if name == "key":
        parts = [np.frombuffer(part.buffers()[1], "V16", len(part), 16 * part.offset) for part in column.chunks]
        return np.concatenate(parts) if parts else np.empty(0, "V16")
    array: NDArray[Any] = column.to_numpy(zero_copy_only=False)
    return array.astype(ROW_DTYPE[name], copy=False)
