"""What a file's footer tells of its runs is what its columns hold, and saves reading them."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray

from meter.archive.chunks import MEASURED, MEASURED_IN_RUNS, SERIES_ENDS, files_needed, months
from meter.archive.manifest import read_manifest
from meter.archive.rows import COLUMNS
from meter.archive.runs import FOOTER_KEY, IN_RUNS, SERIES, footer, read_footer
from meter.archive.seal import seal
from meter.rollup.columns import measured
from meter.rollup.daily import roll_up
from meter.rollup.recompute import Span, recompute_at_once
from tests.archive.year import journal


def in_long_runs(batches: int) -> NDArray[Any]:
    """Return a journal of few series, in which hardly anything is taken back."""
    rows = journal(seed=5, batches=batches)
    rows["sign"] = np.where(np.arange(len(rows)) % 97 == 5, -1, 1)
    rows["consumer"] = rows["consumer"] % 2
    rows["facility"], rows["chip"], rows["purpose"] = 7, 3, 1
    return rows


def columns_of(series: list[int], signs: list[int]) -> dict[str, NDArray[Any]]:
    """Return the columns in runs of rows whose series differ in all that a series has."""
    number = np.array(series)
    return {
        "consumer": number.astype(np.int32),
        "facility": (number + 5).astype(np.int32),
        "chip": (number * 3).astype(np.int32),
        "purpose": (number % 3).astype(np.int8),
        "via_platform": number % 2 == 1,
        "sign": np.array(signs, np.int8),
    }


@pytest.mark.parametrize("group_rows", [64, 100, 640, 10_000])
def test_runs_give_the_rows_back_however_they_are_cut_into_groups(group_rows: int) -> None:
    columns = columns_of([0] * 100 + [1] * 200 + [4] * 40 + [2] * 300, [1] * 50 + [-1] * 20 + [1] * 570)
    begins = range(0, 640, group_rows)
    groups = read_footer(footer(columns, group_rows), len(begins))
    assert len(groups) == len(begins)
    for begin, runs in zip(begins, groups, strict=True):
        assert runs is not None
        for name in IN_RUNS:
            assert runs.row_by_row(name).tolist() == columns[name][begin : begin + group_rows].tolist(), name
        lengths = np.diff(runs.series_ends, prepend=0)
        for name in SERIES:
            assert np.repeat(runs.series[name], lengths).tolist() == columns[name][begin : begin + group_rows].tolist()


def test_a_change_in_any_one_column_of_the_series_ends_a_run() -> None:
    for name in SERIES:
        columns = columns_of([0] * 90, [1] * 90)
        columns[name][40:] = 1
        (runs,) = read_footer(footer(columns, 90), 1)
        assert runs is not None
        assert runs.series_ends.tolist() == [40, 90]


def test_short_runs_are_not_told_and_do_not_keep_other_groups_from_being_told() -> None:
    columns = columns_of([0] * 160 + list(range(160)) + [1] * 160, [1] * 320 + [1, -1] * 80)
    told = read_footer(footer(columns, 160), 3)
    assert [runs is not None for runs in told] == [True, False, False]


def test_a_file_that_tells_nothing_is_read_from_its_columns_and_a_footer_of_other_groups_is_refused() -> None:
    assert read_footer(None, 2) == [None, None]
    assert read_footer({b"pandas": b"{}"}, 1) == [None]
    with pytest.raises(ValueError, match="runs of 1 row groups, but there are 2"):
        read_footer(footer(columns_of([0] * 32, [1] * 32), 32), 2)


def test_what_is_read_in_runs_is_what_the_columns_of_the_file_hold(tmp_path: Path) -> None:
    rows = in_long_runs(60)
    seal([rows], tmp_path, 60)
    files = files_needed(read_manifest(tmp_path))
    assert len(files) > 1
    for file in files:
        plain = pq.read_table(tmp_path / file.name)
        (month,), (by_run,) = months(tmp_path, [file], COLUMNS), months(tmp_path, [file], MEASURED_IN_RUNS)
        (chunk,) = month.chunks
        for name in (name for name in COLUMNS if name != "key"):
            assert chunk()[name].tolist() == plain[name].to_pylist(), name
        (in_runs,) = by_run.chunks
        found = in_runs()
        assert 1 < len(found[SERIES_ENDS]) < plain.num_rows / 16
        again = measured(found).row_by_row()
        for name in MEASURED:
            assert getattr(again, name).tolist() == plain[name].to_pylist(), name


def test_a_rollup_in_runs_equals_one_of_the_rows_as_of_any_batch_too(tmp_path: Path) -> None:
    rows = in_long_runs(60)
    seal([rows], tmp_path, 60)
    for as_of in (None, 60, 41, 1):
        found = months(tmp_path, files_needed(read_manifest(tmp_path), as_of), MEASURED_IN_RUNS, as_of)
        use = recompute_at_once([Span(month.first_day, month.rows, month.chunks) for month in found])
        assert use.equals(roll_up(rows if as_of is None else rows[rows["batch"] <= as_of]))


def test_anyone_can_read_the_footer_with_arrow_alone(tmp_path: Path) -> None:
    import base64  # what the reader of the footer needs, and nothing of this project

    rows = in_long_runs(20)
    seal([rows], tmp_path, 20)
    path = tmp_path / read_manifest(tmp_path)[0].files[0].name
    packed = pa.BufferReader(base64.b64decode(pq.read_metadata(path).metadata[FOOTER_KEY]))
    with pa.CompressedInputStream(packed, "zstd") as plain, pa.ipc.open_stream(plain) as stream:
        (batch,) = list(stream)
    table = pq.read_table(path)
    assert batch.num_rows == table.num_rows
    assert batch.column("sign").to_pylist() == table["sign"].to_pylist()
    assert [each["consumer"] for each in batch.column("kind").to_pylist()] == table["consumer"].to_pylist()
