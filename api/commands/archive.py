"""`suanbu archive` and `suanbu rollup`: closed months as files, and everything rolled up anew from them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from api.commands.common import DEFAULT_DATA, Data, Json, with_database

if TYPE_CHECKING:
    import polars as pl
    from rich.progress import Progress
    from sqlalchemy.ext.asyncio import AsyncEngine

    from meter.archive.manifest import Sealing
    from meter.archive.verify import Fault
    from meter.jobs.recompute import Recomputed

CONSOLE = Console(stderr=True)
Folder = Annotated[Path | None, typer.Option("--to", help="the archive's folder [default: DATA/archive]")]


def archive(
    to: Folder = None,
    up_to: Annotated[int | None, typer.Option(min=1, help="seal up to this batch, whatever months are closed")] = None,
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Seal the closed months of the journal to Parquet files; what arrives late goes to the next part."""
    from api.clock import now
    from meter.archive.manifest import BrokenManifest
    from meter.archive.seal import NotTheNextBatches
    from meter.jobs.seal import SealedElsewhere
    from meter.jobs.seal import archive as seal_closed_months
    from meter.journal.digest_chain import SM3

    folder = to or data / "archive"
    with _progress(as_json) as progress:
        task = progress.add_task("归档", total=None)

        async def work(engine: AsyncEngine) -> Sealing | None:
            return await seal_closed_months(
                engine, folder, algorithm=SM3, moment=now(), up_to=up_to,
                progress=lambda done, of: progress.update(task, completed=done, total=of),
            )  # fmt: skip

        try:
            sealing = with_database(data, work)
        except (BrokenManifest, SealedElsewhere, NotTheNextBatches) as error:
            _stop(str(error), as_json)
    if sealing is None:
        print(json.dumps({"sealed": None}) if as_json else "nothing to seal: no month was closed since the last time")
        return
    files = sealing.files
    said = {
        "sealed": sealing.serial, "first_batch": sealing.first_batch, "last_batch": sealing.last_batch,
        "files": len(files), "rows": sum(file.rows for file in files), "bytes": sum(file.bytes for file in files),
        "months": sorted({file.month for file in files}), "digest": sealing.digest, "folder": str(folder),
    }  # fmt: skip
    print(json.dumps(said) if as_json else "\n".join(f"{name}: {value}" for name, value in said.items()))


def verify_archive(data: Path, to: Path | None, as_json: bool) -> bool:
    """Check the archive's manifests and files and say what is wrong; whether nothing is."""
    from meter.archive.manifest import BrokenManifest
    from meter.jobs.seal import check_archive

    folder = to or data / "archive"
    with _progress(as_json) as progress:
        task = progress.add_task("校验", total=None)

        async def work(engine: AsyncEngine) -> tuple[tuple[Sealing, ...], list[Fault]]:
            return await check_archive(engine, folder, lambda done, of: progress.update(task, completed=done, total=of))

        try:
            sealings, faults = with_database(data, work)
        except BrokenManifest as error:
            _stop(str(error), as_json)
    said = {
        "equal": not faults, "sealings": len(sealings), "files": sum(len(one.files) for one in sealings),
        "head": sealings[-1].digest if sealings else None, "faults": [vars(fault) for fault in faults],
    }  # fmt: skip
    if as_json:
        print(json.dumps(said))
    else:
        print(f"archive: {'equal' if not faults else 'NOT EQUAL'}  {said['sealings']} sealings, {said['files']} files")
        for fault in faults:
            print(f"  {fault.name}: {fault.fault}, {fault.detail}")
    return not faults


def rollup(
    to: Folder = None,
    as_of: Annotated[int | None, typer.Option(min=0, help="as of this batch [default: the last]")] = None,
    threads: Annotated[int, typer.Option(min=1, max=64)] = 2,
    engine: Annotated[str, typer.Option(help="local, or spark (needs suanbu[spark])")] = "local",
    master: Annotated[str, typer.Option(help="the cluster's URL, for spark")] = "local[2]",
    data: Data = DEFAULT_DATA,
    as_json: Json = False,
) -> None:
    """Roll everything up anew from the archive and what is not sealed, and compare with the rollup as it is kept."""
    from meter.archive.manifest import BrokenManifest
    from meter.archive.verify import BrokenArchive
    from meter.jobs.recompute import recompute_all

    if engine not in ("local", "spark"):
        raise typer.BadParameter("the engine is local or spark")
    folder = to or data / "archive"

    with _progress(as_json) as progress:
        task = progress.add_task("汇总", total=None)

        def tell(done: int, of: int) -> None:
            progress.update(task, completed=done, total=of)

        def on_cluster(paths: list[str], batch: int) -> pl.DataFrame:
            from meter.rollup.cluster import rolled_up_at

            return rolled_up_at(master, paths, batch, tell)

        async def work(database: AsyncEngine) -> Recomputed:
            return await recompute_all(
                database, folder, as_of=as_of, threads=threads, progress=tell,
                on_cluster=on_cluster if engine == "spark" else None,
            )  # fmt: skip

        try:
            found = with_database(data, work)
        except (BrokenManifest, BrokenArchive) as error:
            _stop(str(error), as_json)
    said = {**vars(found), "equal": found.equal, "engine": engine}
    print(json.dumps(said) if as_json else "\n".join(f"{name}: {value}" for name, value in said.items()))
    if not found.equal:
        raise typer.Exit(1)


def _progress(as_json: bool) -> Progress:
    from rich.progress import Progress

    return Progress(console=CONSOLE, transient=True, disable=as_json or not CONSOLE.is_terminal)


def _stop(why: str, as_json: bool) -> None:
    print(json.dumps({"broken": why}) if as_json else why)
    raise typer.Exit(1)
