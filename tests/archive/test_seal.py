"""Everything sealed comes back, each row once, whatever the order and size of the pieces it came in."""

import tracemalloc
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from meter.archive.chunks import MEASURED_IN_RUNS, files_needed, months
from meter.archive.manifest import read_manifest
from meter.archive.rows import COLUMNS, ROW_DTYPE, SORTED_BY
from meter.archive.seal import NotTheNextBatches, seal
from meter.rollup.daily import roll_up
from meter.rollup.frames import empty_use
from meter.rollup.recompute import NotInOrder, Span, recompute, recompute_at_once
from tests.archive.year import AUGUST_2025, journal
from tests.rollup.plain import Row, as_entries, local_midnight

ROWS = journal(seed=11, batches=60)


def everything(folder: Path, as_of: int | None = None) -> NDArray[Any]:
    """Return all rows of an archive in the order of the journal."""
    files = files_needed(read_manifest(folder), as_of)
    loaded = [chunk() for month in months(folder, files, COLUMNS, as_of) for chunk in month.chunks]
    rows = np.zeros(sum(len(chunk["batch"]) for chunk in loaded), ROW_DTYPE)
    for name in COLUMNS:
        rows[name] = np.concatenate([chunk[name] for chunk in loaded])
    return rows[np.lexsort((rows["ordinal"], rows["batch"]))]


def spans(folder: Path, as_of: int | None = None) -> list[Span]:
    """Return the months of an archive as the rollup takes them."""
    found = months(folder, files_needed(read_manifest(folder), as_of), MEASURED_IN_RUNS, as_of)
    return [Span(month.first_day, month.rows, month.chunks) for month in found]


def sealed(folder: Path, last_batches: tuple[int, ...] = (20, 41, 60), file_rows: int = 300) -> Path:
    """Seal ROWS in as many acts and return the folder."""
    first = 1
    for last in last_batches:
        some = ROWS[(ROWS["batch"] >= first) & (ROWS["batch"] <= last)]
        seal(np.array_split(some, 7), folder, last, "sha256", file_rows=file_rows)
        first = last + 1
    return folder


def test_what_was_sealed_comes_back_row_for_row(tmp_path: Path) -> None:
    assert everything(sealed(tmp_path)).tobytes() == ROWS.tobytes()


def test_an_archive_answers_as_of_any_batch(tmp_path: Path) -> None:
    sealed(tmp_path)
    for batch in (1, 20, 33, 60):
        assert everything(tmp_path, as_of=batch).tobytes() == ROWS[ROWS["batch"] <= batch].tobytes()


def test_the_same_rows_in_other_pieces_and_another_order_are_the_same_bytes(tmp_path: Path) -> None:
    one = seal([ROWS], tmp_path / "one", 60)
    shuffled = np.random.default_rng(3).permutation(ROWS)
    pieces = ({name: part[name] for name in COLUMNS} for part in np.array_split(shuffled, 9))
    other = seal(pieces, tmp_path / "other", 60)
    assert one == other


def test_each_file_holds_one_month_sorted_and_says_what_it_holds(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    files = files_needed(read_manifest(folder))
    assert {file.month for file in files} == {"2025-08", "2025-09", "2025-10"}
    assert all(file.rows <= 300 for file in files)
    for file in files:
        (month,) = months(folder, [file], COLUMNS)
        chunk = next(iter(month.chunks))()
        keys = [chunk[name].tolist() for name in SORTED_BY]
        assert list(zip(*keys, strict=True)) == sorted(zip(*keys, strict=True))
        seconds = chunk["sign"].astype(int) * chunk["millicards"] * (chunk["ended"] - chunk["started"])
        assert int(file.millicard_seconds) == sum(seconds.tolist())
        assert int(file.charge_fen) == sum((chunk["sign"].astype(int) * chunk["charge_fen"]).tolist())
        assert file.counted == sum(chunk["sign"].tolist())
        local = (chunk["started"] + 28_800).astype("datetime64[s]").astype("datetime64[M]")
        assert set(local.astype(str)) == {file.month}


def test_late_records_go_to_the_next_part_of_their_month(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    before = {path: path.read_bytes() for path in folder.rglob("*.parquet")}
    late = journal(seed=5, batches=1, first_batch=61, span_days=3)
    sealing = seal([late], folder, 61, "sha256")
    assert [file.name for file in sealing.files] == ["2025-08/000004-001.parquet"]
    assert all(path.read_bytes() == content for path, content in before.items())


def test_only_files_that_may_touch_a_span_are_needed(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    start, end = AUGUST_2025 + 40 * 86_400, AUGUST_2025 + 41 * 86_400
    needed = {file.name for file in files_needed(read_manifest(folder), start=start, end=end)}
    touching = ROWS[(ROWS["started"] < end) & (ROWS["ended"] >= start)]
    for file in files_needed(read_manifest(folder)):
        if file.name not in needed:
            (month,) = months(folder, [file], ("batch", "ordinal"))
            held = {(int(b), int(o)) for chunk in month.chunks for b, o in zip(*chunk().values(), strict=True)}
            assert not held & {(int(row["batch"]), int(row["ordinal"])) for row in touching}
    assert not any(name.startswith("2025-10") for name in needed)


def test_batches_are_sealed_in_order_without_gaps(tmp_path: Path) -> None:
    seal([ROWS[ROWS["batch"] <= 20]], tmp_path, 20)
    with pytest.raises(NotTheNextBatches):
        seal([ROWS[ROWS["batch"] <= 20]], tmp_path, 20)
    with pytest.raises(NotTheNextBatches):
        seal([ROWS[ROWS["batch"] <= 30]], tmp_path, 30)
    with pytest.raises(NotTheNextBatches):
        seal([ROWS[(ROWS["batch"] > 20) & (ROWS["batch"] <= 31)]], tmp_path, 30)
    assert len(read_manifest(tmp_path)) == 1
    assert seal([], tmp_path, 25).files == ()


def test_an_interrupted_sealing_is_done_again(tmp_path: Path) -> None:
    def interrupted() -> Iterator[NDArray[Any]]:
        yield ROWS[ROWS["batch"] <= 40]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        seal(interrupted(), tmp_path, 60, file_rows=100)
    assert list(tmp_path.rglob("*.parquet"))
    assert read_manifest(tmp_path) == ()
    seal([ROWS], tmp_path, 60, file_rows=100)
    assert everything(tmp_path).tobytes() == ROWS.tobytes()


@pytest.mark.parametrize("threads", [1, 3])
def test_a_recompute_equals_rolling_everything_up_at_once(tmp_path: Path, threads: int) -> None:
    folder = sealed(tmp_path, last_batches=(20, 41))
    tail = roll_up(ROWS[ROWS["batch"] > 41])
    seen: list[tuple[int, int]] = []
    parts = list(recompute(spans(folder), tail, threads, lambda done, every: seen.append((done, every))))
    days = [day for part in parts for day in part["day"].unique(maintain_order=True)]
    assert days == sorted(set(days))
    assert recompute_at_once(spans(folder), tail, threads).equals(roll_up(ROWS))
    assert seen[-1] == (41 * 50, 41 * 50)
    assert recompute_at_once(spans(folder, 33)).equals(roll_up(ROWS[ROWS["batch"] <= 33]))


def test_the_metadata_of_a_month_is_read_when_its_chunks_are_asked_for(tmp_path: Path) -> None:
    first, second, *_ = spans(sealed(tmp_path))
    for path in tmp_path.rglob("*.parquet"):
        path.unlink()
    assert first.rows > 0
    assert first.first_day < second.first_day
    with pytest.raises(FileNotFoundError):
        iter(first.chunks)


def test_a_recompute_of_nothing_is_empty() -> None:
    assert recompute_at_once([]).equals(empty_use())
    assert recompute_at_once([Span(20_000, 0, [])], threads=2).equals(empty_use())


@pytest.mark.parametrize("threads", [1, 3])
def test_a_sum_that_fits_is_exact_although_it_leaves_the_range_in_the_span_before(threads: int) -> None:
    midnight = local_midnight(20_400)
    over_midnight = as_entries([Row(midnight - 1, midnight + 9, 10**15, consumer=name) for name in (1, 2)])
    taken_back = as_entries([Row(midnight, midnight + 9, 10**15, consumer=name, sign=-1) for name in (1, 2)])
    first = Span(20_399, 40_000, [lambda: np.tile(over_midnight, 20_000)])
    second = Span(20_400, 35_998, [lambda: np.tile(taken_back, 17_999)])
    assert recompute_at_once([first, second], threads=threads)["day", "consumer", "charge_fen", "pieces"].rows() == [
        *((20_399, name, 20_000 * 10**14, 20_000) for name in (1, 2)),
        *((20_400, name, 10**15, 2_001) for name in (1, 2)),
    ]
    alone = recompute_at_once([first], threads=threads).filter(pl.col("day") == 20_400, pl.col("consumer") == 1)
    assert sum(alone["charge_fen"].to_list()) == 20_000 * 9 * 10**14


def test_a_recompute_of_records_of_years_takes_no_more_memory_for_more_months() -> None:
    def peak(months: int) -> int:
        days = [20_000 + 30 * month for month in range(months)]
        rows = {
            day: as_entries(
                [Row(local_midnight(day), local_midnight(day + 2_000), 10**6, consumer=name) for name in range(1, 21)]
            )
            for day in days
        }
        tracemalloc.start()
        for use in recompute(Span(day, 80, [partial(rows.__getitem__, day)] * 4) for day in days):
            assert use["starts"].sum() == 80
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    peak(2)  # whatever is made once
    assert peak(40) < 1.5 * peak(10)


def test_a_recompute_refuses_rows_that_come_too_late(tmp_path: Path) -> None:
    folder = sealed(tmp_path)
    august, september, _ = spans(folder)
    wrong = Span(september.first_day, august.rows, august.chunks)
    with pytest.raises(NotInOrder):
        recompute_at_once([wrong])
