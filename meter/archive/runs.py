"""Columns in long runs: a file's footer repeats them run by run, so that a reader need not decode them row by row.

This second statement of the same columns cannot differ from the first: `footer` compares both when a file is sealed,
and the digest in the manifest covers the whole file. The rollup's speed rests on it: reading and adding up a sealed
year takes 1.27 times as long as decoding alone, and took 1.7 times as long without (benchmarks/rollup, `vs_decode`).
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from meter.archive.rows import ROW_DTYPE

Columns: TypeAlias = Mapping[str, NDArray[Any]]

# All that tells one series of use from another but the day; files are sorted by these, so they change together.
SERIES: Final = ("consumer", "facility", "chip", "purpose", "via_platform")
IN_RUNS: Final = (*SERIES, "sign")
FOOTER_KEY: Final = b"suanbu.runs"
FEWEST_ROWS_A_RUN: Final = 16  # on average; shorter runs save nothing

# A truth value is a byte here, because Arrow packs eight of its own into one.
_TYPES: Final = {
    name: pa.uint8() if ROW_DTYPE[name] == np.bool_ else pa.from_numpy_dtype(ROW_DTYPE[name]) for name in IN_RUNS
}
_SERIES_TYPE: Final = pa.struct([pa.field(name, _TYPES[name], nullable=False) for name in SERIES])
_SCHEMA: Final = pa.schema(
    [
        pa.field("kind", pa.run_end_encoded(pa.int32(), _SERIES_TYPE), nullable=False),
        pa.field("sign", pa.run_end_encoded(pa.int32(), _TYPES["sign"]), nullable=False),
    ]
)


@dataclass(frozen=True)
class Runs:
    """The runs of one row group: where each run of one series ends, the values of the series, and the signs."""

    series_ends: NDArray[np.int32]
    series: Columns  # one value for each run
    sign: pa.RunEndEncodedArray

    def row_by_row(self, name: str) -> NDArray[Any]:
        """Return a column with one value for each row."""
        if name == "sign":
            return _decoded(self.sign)
        plain = self.series[name].view(np.uint8) if self.series[name].dtype == np.bool_ else self.series[name]
        return _decoded(pa.RunEndEncodedArray.from_arrays(self.series_ends, plain)).view(self.series[name].dtype)


def _decoded(runs: pa.RunEndEncodedArray) -> NDArray[Any]:
    array: NDArray[Any] = pc.run_end_decode(runs).to_numpy()
    return array


def footer(columns: Columns, group_rows: int) -> dict[bytes, bytes]:
    """Return what the footer of a file with these rows says of its runs, cut into row groups of `group_rows`.

    It is an Arrow IPC stream, compressed with zstd, in base64: for each row group a record batch of two run-end encoded
    columns, the series (by the name `kind`) and the sign; of no rows where runs are too short to be worth it.
    """
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, "zstd") as packed, pa.ipc.new_stream(packed, _SCHEMA) as stream:
        for begin in range(0, len(columns["sign"]), group_rows):
            stream.write_batch(_runs_of({name: columns[name][begin : begin + group_rows] for name in IN_RUNS}))
    return {FOOTER_KEY: base64.b64encode(sink.getvalue())}


def _runs_of(columns: Columns) -> pa.RecordBatch:
    rows = len(columns["sign"])
    begins = np.ones(rows, np.bool_)
    begins[1:] = np.logical_or.reduce([columns[name][1:] != columns[name][:-1] for name in SERIES])
    first_rows = np.flatnonzero(begins)
    fields = [pa.array(columns[name][first_rows].view(_TYPES[name].to_pandas_dtype()), _TYPES[name]) for name in SERIES]
    series = pa.RunEndEncodedArray.from_arrays(
        pa.array(np.append(first_rows[1:], rows).astype(np.int32)),
        pa.StructArray.from_arrays(fields, fields=list(_SERIES_TYPE)),
    )
    sign = pc.run_end_encode(pa.array(columns["sign"]))
    found = pa.record_batch([series, sign], schema=_SCHEMA)
    runs = _from_batch(found)
    if any((runs.row_by_row(name) != columns[name]).any() for name in IN_RUNS):
        raise AssertionError("the runs of a row group do not give its rows")
    return found if max(len(series.values), len(sign.values)) * FEWEST_ROWS_A_RUN <= rows else found.slice(0, 0)


def read_footer(metadata: Mapping[bytes, bytes] | None, groups: int) -> list[Runs | None]:
    """Return for each row group the runs that `footer` wrote, None where there are none."""
    said = (metadata or {}).get(FOOTER_KEY)
    if said is None:
        return [None] * groups
    packed = pa.BufferReader(base64.b64decode(said))
    with pa.CompressedInputStream(packed, "zstd") as plain, pa.ipc.open_stream(plain) as stream:
        found = list(stream)
    if len(found) != groups:
        raise ValueError(f"the footer tells the runs of {len(found)} row groups, but there are {groups}")
    return [_from_batch(batch) if batch.num_rows else None for batch in found]


def _from_batch(batch: pa.RecordBatch) -> Runs:
    series = batch.column("kind")
    values = dict(zip(SERIES, series.values.flatten(), strict=True))
    return Runs(
        series.run_ends.to_numpy(),
        {name: array.to_numpy().view(ROW_DTYPE[name]) for name, array in values.items()},
        batch.column("sign"),
    )
