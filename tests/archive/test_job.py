"""The job that seals: what the journal holds is in the files once, and late records go to the next part."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import polars as pl
import pytest

from meter.archive import store
from meter.archive.manifest import BrokenManifest, Sealing, read_manifest
from meter.archive.seal import NotTheNextBatches
from meter.days import SHANGHAI
from meter.jobs.recompute import recompute_all
from meter.jobs.seal import archive, check_archive
from tests.support.api_client import ApiClient, KeyClient, counts
from tests.support.records import usage

NOW = datetime(2026, 11, 28, 5, tzinfo=UTC)


async def sealed(app: ApiClient, folder: Path, moment: datetime = NOW, up_to: int | None = None) -> Sealing | None:
    return await archive(app.engine, folder, algorithm="sm3", moment=moment, up_to=up_to)


def rows(folder: Path) -> pl.DataFrame:
    """Everything that lies in the files."""
    files = [folder / file.name for one in read_manifest(folder) for file in one.files]
    return pl.concat([pl.read_parquet(file) for file in files]).sort("batch", "ordinal", "sign")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_records_are_sealed_once_with_what_takes_them_back_and_late_ones_follow(
    app: ApiClient, platform: KeyClient, tmp_path: Path
) -> None:
    receipt = await platform.push(*(usage(f"a{number}", charge_fen=number) for number in range(50)))
    await platform.push({"id": "void", "corrects": "a7", "action": "void"})
    await platform.push(usage("again", charge_fen=5, corrects="a8", action="replace"))
    progress: list[tuple[int, int]] = []
    first = await archive(
        app.engine, tmp_path, algorithm="sm3", moment=NOW, progress=lambda done, of: progress.append((done, of))
    )
    assert first is not None
    assert progress[-1] == (52, 52)
    found = rows(tmp_path)
    assert found.height == 53  # 50, two taken back, one in the place of the other; the void itself counts nothing
    assert found["sign"].sum() == 49
    taken = found.filter(pl.col("sign") == -1)
    assert taken["charge_fen"].to_list() == [7, 8]
    assert taken["corrected_batch"].to_list() == [receipt["batch"]] * 2
    assert taken["corrected_ordinal"].to_list() == [7, 8]
    assert await sealed(app, tmp_path) is None
    assert counts(await platform.push(usage("late"))) == [1, 0, 0, 0]
    second = await sealed(app, tmp_path)
    assert second is not None
    assert (second.serial, second.first_batch) == (2, first.last_batch + 1)
    assert rows(tmp_path).height == 54
    sealings, faults = await check_archive(app.engine, tmp_path)
    assert [one.serial for one in sealings] == [1, 2]
    assert faults == []
    for as_of in (receipt["batch"], first.last_batch, None):
        assert (await recompute_all(app.engine, tmp_path, as_of=as_of)).equal


async def test_a_sealing_that_the_database_never_heard_of_is_done_again(
    app: ApiClient, platform: KeyClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await empty(app)
    await platform.push(usage("killed"))

    async def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(store, "keep_sealing", killed)
        with pytest.raises(KeyboardInterrupt):
            await sealed(app, tmp_path)
    assert len(read_manifest(tmp_path)) == 1
    await platform.push(usage("after-the-kill"))
    again = await sealed(app, tmp_path)
    assert again is not None
    assert again.serial == 1
    assert len(read_manifest(tmp_path)) == 1
    assert any(name.endswith(".unconfirmed") for name in contents(tmp_path)), "what was taken back is kept beside"
    assert (await check_archive(app.engine, tmp_path))[1] == []
    assert (await recompute_all(app.engine, tmp_path)).equal


async def test_a_folder_that_was_cut_exchanged_or_made_up_is_not_added_to(
    app: ApiClient, platform: KeyClient, tmp_path: Path
) -> None:
    await empty(app)
    await platform.push(usage("folders"))
    assert await sealed(app, tmp_path / "ours") is not None
    await platform.push(usage("folders-too"))
    for folder in (tmp_path / "empty", tmp_path / "ours"):
        if folder.name == "ours":
            (folder / "manifest.jsonl").write_text("")
        with pytest.raises(BrokenManifest):
            await sealed(app, folder)
        with pytest.raises(BrokenManifest):
            await recompute_all(app.engine, folder)


async def test_an_archive_of_another_journal_is_left_as_it_is(
    app: ApiClient, platform: KeyClient, tmp_path: Path
) -> None:
    await empty(app)
    await platform.push(usage("of-another-journal", charge_fen=77))
    assert await sealed(app, tmp_path) is not None
    await platform.push(usage("of-another-journal-too"))
    assert await sealed(app, tmp_path) is not None
    before = contents(tmp_path)
    await empty(app)  # as a fresh database, or one restored from before, would be
    for up_to in (None, 1):
        with pytest.raises(BrokenManifest, match="nothing was touched"):
            await sealed(app, tmp_path, up_to=up_to)
    assert contents(tmp_path) == before
    (tmp_path / "manifest.jsonl").write_text((tmp_path / "manifest.jsonl").read_text().splitlines(keepends=True)[0])
    owner = await asyncpg.connect(app.url)
    try:
        async with owner.transaction():  # one sealing only, but of other sums than this journal's
            await owner.execute("set local session_replication_role = replica")
            await owner.execute("update entry set charge_fen = charge_fen + 1 where charge_fen = 77")
    finally:
        await owner.close()
    with pytest.raises(BrokenManifest, match="nothing was touched"):
        await sealed(app, tmp_path)


async def test_only_closed_months_are_sealed_and_the_future_waits_a_month_at_most(
    app: ApiClient, platform: KeyClient, tmp_path: Path
) -> None:
    await empty(app)
    begin = datetime.now(SHANGHAI)  # months are local: for eight hours UTC is still in the one before
    old = await platform.push(usage("old"))
    running = begin.replace(day=1, hour=3, minute=0, second=0, microsecond=0) + timedelta(days=20)
    ahead = usage("ahead", started_at=running.isoformat(), ended_at=running.isoformat())
    assert (await platform.push(ahead))["batch"] == old["batch"] + 1
    await platform.push(usage("old-but-later"))
    this_month = await sealed(app, tmp_path, moment=begin)
    assert this_month is not None
    assert this_month.last_batch == old["batch"]
    with pytest.raises(NotTheNextBatches):
        await sealed(app, tmp_path, up_to=old["batch"] + 100)
    next_month = await sealed(app, tmp_path, moment=begin + timedelta(days=32))
    assert next_month is not None
    assert next_month.last_batch == old["batch"] + 2


async def empty(app: ApiClient) -> None:
    """Forget earlier sealings of this module's database, as its owner with triggers off could."""
    owner = await asyncpg.connect(app.url)
    try:
        async with owner.transaction():
            await owner.execute("set local session_replication_role = replica")
            await owner.execute("delete from archive_sealing")
    finally:
        await owner.close()


async def test_the_service_cannot_rewrite_the_manifest(app: ApiClient, platform: KeyClient, tmp_path: Path) -> None:
    await platform.push(usage("one-more"))
    await empty(app)
    assert await sealed(app, tmp_path) is not None
    owner = await asyncpg.connect(app.url)
    try:
        with pytest.raises(asyncpg.PostgresError):
            await owner.execute("update archive_sealing set digest = 'other'")
        await owner.execute("set role suanbu_service")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute("delete from archive_sealing")
    finally:
        await owner.close()
