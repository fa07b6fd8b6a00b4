"""The job that seals closed months: reads batches from the journal, writes files, and both manifests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import asyncpg
import numpy as np
from numpy.typing import NDArray
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.archive import store
from meter.archive.manifest import MANIFEST_NAME, BrokenManifest, Sealing, read_manifest, set_last_aside
from meter.archive.seal import NotTheNextBatches, Rows, seal
from meter.archive.verify import Fault, find_faults
from meter.database.connect import driver
from meter.days import SHANGHAI
from meter.journal.store import batch_exists, read_entries
from meter.private_files import close_folder, make_folders

Progress = Callable[[int, int], None]


class SealedElsewhere(RuntimeError):
    """Another process is sealing right now."""


async def archive(
    engine: AsyncEngine,
    folder: Path,
    *,
    algorithm: str,
    moment: datetime,
    up_to: int | None = None,
    progress: Progress | None = None,
) -> Sealing | None:
    """Seal the batches of closed months (or those up to `up_to`) that are not sealed yet; None when there are none.

    Safe to be killed and run again at any moment: files without a line in both manifests are written anew. `progress`
    is called with (records read, records in all). Raises BrokenManifest where the folder is not what was sealed,
    SealedElsewhere, NotTheNextBatches for an `up_to` that the journal does not have.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        if not await store.try_lock(connection):
            raise SealedElsewhere("another process is sealing the archive")
        try:
            return await _archive(connection, folder, algorithm, moment, up_to, progress)
        finally:
            await store.unlock(connection)


async def _archive(
    connection: asyncpg.Connection,
    folder: Path,
    algorithm: str,
    moment: datetime,
    up_to: int | None,
    progress: Progress | None,
) -> Sealing | None:
    known = await store.sealings_known(connection)
    await asyncio.to_thread(make_folders, folder, 0o700)
    if (folder / MANIFEST_NAME).exists():  # an earlier version left it open
        close_folder(folder, 0o700)
    head = known[-1].digest if known else None
    unconfirmed = await _unconfirmed(connection, folder, known)
    if unconfirmed is None:
        read_manifest(folder, head)  # a folder that was exchanged or cut is found before anything is added to it
    sealed = known[-1].last_batch if known else 0
    local = moment.astimezone(SHANGHAI)
    month_began = local.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    last = await store.closed_up_to(connection, sealed, month_began) if up_to is None else up_to
    if last <= sealed:
        return None
    if not await batch_exists(connection, last):
        raise NotTheNextBatches(f"there is no batch {last} yet")
    if unconfirmed is not None:
        set_last_aside(folder)
    sealing = await _seal(connection, folder, sealed + 1, last, algorithm, head, progress)
    await store.keep_sealing(connection, sealing, moment)
    return sealing


async def _unconfirmed(connection: asyncpg.Connection, folder: Path, known: tuple[Sealing, ...]) -> Sealing | None:
    """Return a sealing that was written to the folder by a job killed before the database knew: it is done again.

    Only the one after those that the database knows, and only when it sums up what this journal holds for its batches;
    anything else is another journal's folder, or a database restored from before: raises BrokenManifest.
    """
    found = read_manifest(folder)
    if len(found) <= len(known):
        return None
    last = found[-1]
    rows, charge = await store.sums_of(connection, last.first_batch, last.last_batch)
    sealed = (sum(file.rows for file in last.files), sum(int(file.charge_fen) for file in last.files))
    exists = await batch_exists(connection, last.last_batch)
    if found[:-1] != known or not exists or sealed != (rows, charge):
        raise BrokenManifest(f"{folder} holds sealings that this database knows nothing of; nothing was touched")
    return last


async def _seal(
    connection: asyncpg.Connection,
    folder: Path,
    first: int,
    last: int,
    algorithm: str,
    head: str | None,
    progress: Progress | None,
) -> Sealing:
    """Seal in a thread, which asks this loop for the next rows: memory holds a window of them."""
    loop = asyncio.get_running_loop()
    parts = await store.windows(connection, first, last)
    in_all = sum(records for _, _, records in parts)

    async def read(window_first: int, window_last: int) -> NDArray[np.void]:
        return store.sealed_entries(await read_entries(connection, window_first, window_last))

    def rows() -> Iterator[Rows]:
        done = 0
        for window_first, window_last, records in parts:
            yield asyncio.run_coroutine_threadsafe(read(window_first, window_last), loop).result()
            done += records
            if progress is not None:
                progress(done, in_all)
        yield asyncio.run_coroutine_threadsafe(store.reversals(connection, first, last), loop).result()

    return await asyncio.to_thread(seal, rows(), folder, last, algorithm, head)


async def check_archive(
    engine: AsyncEngine, folder: Path, progress: Progress | None = None
) -> tuple[tuple[Sealing, ...], list[Fault]]:
    """Return the sealings and every fault of their files. Raises BrokenManifest where the two manifests differ."""
    async with engine.connect() as held:
        known = await store.sealings_known(await driver(held))
    sealings = read_manifest(folder, known[-1].digest if known else None)
    if sealings and not known:
        raise BrokenManifest(f"{folder} holds {len(sealings)} sealings that the database knows nothing of")
    return sealings, await asyncio.to_thread(find_faults, folder, sealings, progress)
