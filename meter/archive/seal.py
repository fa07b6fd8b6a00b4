"""Seals the rows of a range of batches: sorted Parquet files by local month of start, and a line of the manifest."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from meter.archive import runs
from meter.archive.digest import digest_of_file
from meter.archive.manifest import (
    BEGINNING,
    SealedFile,
    Sealing,
    append_sealing,
    digest_of_sealing,
    read_manifest,
    sync_folder,
)
from meter.archive.rows import COLUMNS, ROW_DTYPE, ROW_GROUP_ROWS, SORTED_BY, WRITER_OPTIONS, arrow_schema
from meter.days import UTC_PLUS_8_SECONDS

Rows: TypeAlias = NDArray[Any] | Mapping[str, NDArray[Any]]

FILE_ROWS: Final = 1 << 21
MOST_ROWS_WAITING: Final = 1 << 22  # about 500 MB


class NotTheNextBatches(ValueError):
    """The batches to be sealed do not follow on what is sealed, or a row belongs to another batch."""


def seal(
    rows: Iterable[Rows],
    folder: Path,
    last_batch: int,
    algorithm: str = "sm3",
    head: str | None = None,
    file_rows: int = FILE_ROWS,
) -> Sealing:
    """Seal all rows of the batches after the last sealed one up to `last_batch`; return what the manifest now says.

    `rows` yields arrays by `rows.ROW_DTYPE` (structured, or a mapping by column) in any order, each row once. Their
    order and their division into arrays do not change what a month holds, only how it is cut into files. Memory stays
    bounded whatever the number of rows. Nothing is visible before the manifest is: a sealing that was interrupted is
    simply done again. Raises BrokenManifest, or NotTheNextBatches when a row is of a batch outside the range.
    """
    folder.mkdir(parents=True, exist_ok=True)
    sealings = read_manifest(folder, head)
    first_batch = sealings[-1].last_batch + 1 if sealings else 1
    if last_batch < first_batch:
        raise NotTheNextBatches(f"batches up to {first_batch - 1} are sealed, so {last_batch} cannot be the last")
    writer = _Writer(folder, len(sealings) + 1, algorithm, file_rows)
    for some in rows:
        columns = _columns(some)
        if len(columns["batch"]) == 0:
            continue
        if columns["batch"].min() < first_batch or columns["batch"].max() > last_batch:
            raise NotTheNextBatches(f"a row is of a batch outside {first_batch}..{last_batch}")
        writer.add(columns)
    writer.finish()
    sealing = Sealing(
        serial=writer.serial,
        first_batch=first_batch,
        last_batch=last_batch,
        files=tuple(sorted(writer.files, key=lambda file: file.name)),
        previous=sealings[-1].digest if sealings else BEGINNING,
        digest="",
    )
    sealing = Sealing(**{**sealing.__dict__, "digest": digest_of_sealing(sealing, algorithm)})
    append_sealing(folder, sealing)
    return sealing


def _columns(rows: Rows) -> dict[str, NDArray[Any]]:
    found = {}
    for name in COLUMNS:
        array = np.asarray(rows[name])
        found[name] = array if name == "key" else array.astype(ROW_DTYPE[name], copy=False)
    return found


class _Writer:
    """Collects rows by month and writes a file whenever a month has enough, or too many wait in all."""

    def __init__(self, folder: Path, serial: int, algorithm: str, file_rows: int) -> None:
        self.folder, self.serial, self.algorithm, self.file_rows = folder, serial, algorithm, file_rows
        self.files: list[SealedFile] = []
        self._waiting: dict[int, list[dict[str, NDArray[Any]]]] = {}
        self._parts: dict[int, int] = {}

    def _rows_waiting(self, month: int) -> int:
        return sum(len(part["batch"]) for part in self._waiting[month])

    def add(self, columns: dict[str, NDArray[Any]]) -> None:
        local = columns["started"] + UTC_PLUS_8_SECONDS
        months = local.astype("datetime64[s]").astype("datetime64[M]").astype(np.int64)
        for month in np.unique(months).tolist():
            here = months == month
            self._waiting.setdefault(month, []).append({name: array[here] for name, array in columns.items()})
            while self._rows_waiting(month) >= self.file_rows:
                self._write(month, self.file_rows)
        while self._waiting and sum(map(self._rows_waiting, self._waiting)) > MOST_ROWS_WAITING:
            self._write(max(self._waiting, key=self._rows_waiting), self.file_rows)

    def finish(self) -> None:
        for month in sorted(self._waiting):
            while self._rows_waiting(month):
                self._write(month, self.file_rows)

    def _write(self, month: int, most_rows: int) -> None:
        parts = self._waiting[month]
        columns = {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}
        self._waiting[month] = [{name: array[most_rows:] for name, array in columns.items()}]
        columns = {name: array[:most_rows] for name, array in columns.items()}
        self._parts[month] = self._parts.get(month, 0) + 1
        label = str(np.datetime64(month, "M"))
        name = f"{label}/{self.serial:06d}-{self._parts[month]:03d}.parquet"
        self.files.append(_write_file(columns, self.folder, name, label, self.algorithm))


def _write_file(columns: dict[str, NDArray[Any]], folder: Path, name: str, month: str, algorithm: str) -> SealedFile:
    order = pl.DataFrame({by: columns[by] for by in SORTED_BY}).select(pl.arg_sort_by(SORTED_BY)).to_series().to_numpy()
    columns = {column: array[order] for column, array in columns.items()}
    schema = arrow_schema()
    arrays = []
    for field in schema:
        array = columns[field.name]
        if field.name == "key":
            arrays.append(
                pa.FixedSizeBinaryArray.from_buffers(field.type, len(array), [None, pa.py_buffer(array.tobytes())])
            )
        else:
            arrays.append(pa.array(array, field.type))
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    fresh = path.with_suffix(".new")
    with pq.ParquetWriter(fresh, schema, **WRITER_OPTIONS) as writer:
        writer.write_table(pa.table(arrays, schema), row_group_size=ROW_GROUP_ROWS)
        writer.add_key_value_metadata(runs.footer(columns, ROW_GROUP_ROWS))
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(path)
    sync_folder(path.parent)
    started, ended, sign = columns["started"], columns["ended"], columns["sign"].astype(np.int64)
    return SealedFile(
        name=name,
        month=month,
        rows=len(started),
        bytes=path.stat().st_size,
        digest=digest_of_file(path, algorithm),
        started_from=int(started.min()),
        started_to=int(started.max()),
        ended_to=int(ended.max()),
        first_batch=int(columns["batch"].min()),
        last_batch=int(columns["batch"].max()),
        counted=int(sign.sum()),
        millicard_seconds=str(_exact_sum(sign * columns["millicards"] * (ended - started))),
        charge_fen=str(_exact_sum(sign * columns["charge_fen"])),
    )


def _exact_sum(values: NDArray[np.int64]) -> int:
    """Return the sum of int64 values as a whole number of any size: halves of 32 bits cannot overflow."""
    high = int((values >> 32).sum())
    low = int((values & 0xFFFF_FFFF).sum())
    return (high << 32) + low
