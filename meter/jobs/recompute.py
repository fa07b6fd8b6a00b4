"""The job that rolls a whole journal up anew, from the archive and what is not sealed yet, beside the kept rollup."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.archive.chunks import MEASURED_IN_RUNS, files_needed, months
from meter.archive.manifest import SealedFile, read_manifest
from meter.archive.store import sealings_known, windows
from meter.archive.verify import check_files
from meter.database.connect import driver
from meter.journal.store import last_number
from meter.rollup.columns import measured
from meter.rollup.frames import USE_KEY, USE_SCHEMA
from meter.rollup.merge import merge
from meter.rollup.recompute import Span, recompute_at_once
from meter.rollup.store import measured_rows, use_as_of
from meter.rollup.table import GroupTable

Progress = Callable[[int, int], None]
OnCluster = Callable[[list[str], int], pl.DataFrame]
"""Rolls sealed files (their paths) up as of a batch, somewhere else."""

_ROW = np.dtype(
    [(name, "<i8" if kind == pl.Int64 else "<i4" if kind == pl.Int32 else "<i1") for name, kind in USE_SCHEMA.items()]
)


@dataclass(frozen=True)
class Recomputed:
    """What came of it: as of which batch, how much was read, and whether the kept rollup says the same."""

    as_of: int
    sealed_rows: int
    tail_rows: int
    groups: int
    digest: str
    kept_digest: str
    first_difference: dict[str, object] | None

    @property
    def equal(self) -> bool:
        """Whether the kept rollup is what the records add up to."""
        return self.digest == self.kept_digest


async def recompute_all(
    engine: AsyncEngine,
    archive: Path,
    *,
    as_of: int | None = None,
    threads: int = 2,
    progress: Progress | None = None,
    on_cluster: OnCluster | None = None,
) -> Recomputed:
    """Roll up everything up to the batch `as_of` (none: the last) and compare it with the rollup kept as of it.

    Sealed files are checked before they are read; raises BrokenManifest and BrokenArchive. Records are read piece by
    piece; memory holds groups, and at the end those of all days for comparing them.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            head = await last_number(connection)
            batch = head if as_of is None else min(as_of, head)
            known = await sealings_known(connection)
            kept = await use_as_of(connection, batch)
            sealed = min(known[-1].last_batch, batch) if known else 0
            tail, tail_rows = GroupTable(), 0
            for first, last, _ in await windows(connection, sealed + 1, batch):
                rows = await measured_rows(connection, first, last)
                await asyncio.to_thread(tail.add_entries, measured(rows))
                tail_rows += len(rows)
    sealings = read_manifest(archive, known[-1].digest) if known else ()
    files = files_needed(sealings, as_of=batch)
    await asyncio.to_thread(check_files, archive, files, None, threads)

    def work() -> pl.DataFrame:
        if on_cluster is not None:
            paths = [str((archive / file.name).resolve()) for file in files]
            return merge([on_cluster(paths, batch), tail.frame()])
        return recompute_at_once(_spans(archive, files, batch), tail.frame(), threads, progress)

    found = await asyncio.to_thread(work)
    return Recomputed(
        as_of=batch,
        sealed_rows=sum(file.rows for file in files),
        tail_rows=tail_rows,
        groups=found.height,
        digest=digest_of_use([found]),
        kept_digest=digest_of_use([kept]),
        first_difference=_first_difference(found, kept),
    )


def digest_of_use(frames: Iterable[pl.DataFrame]) -> str:
    """Return `sha256:hex` over the rows of `use` frames laid end to end, little-endian, however they are cut."""
    state = hashlib.sha256()
    for frame in frames:
        rows = np.empty(frame.height, _ROW)
        for name in USE_SCHEMA:
            rows[name] = frame[name].to_numpy()
        state.update(rows.tobytes())
    return f"sha256:{state.hexdigest()}"


def _spans(archive: Path, files: list[SealedFile], batch: int) -> list[Span]:
    found = months(archive, files, MEASURED_IN_RUNS, as_of=batch)
    return [Span(month.first_day, month.rows, month.chunks) for month in found]


def _first_difference(found: pl.DataFrame, kept: pl.DataFrame) -> dict[str, object] | None:
    """Return the first group that the two do not have alike."""
    if found.equals(kept):
        return None
    both = found.join(kept, on=USE_KEY, how="full", suffix="_kept", coalesce=True)
    sums = [name for name in USE_SCHEMA if name not in USE_KEY]
    apart = both.filter(pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_kept")) for name in sums))
    return apart.sort(USE_KEY).row(0, named=True) if apart.height else {"order": "the groups stand in another order"}
