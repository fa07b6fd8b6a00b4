"""Measures one engine in a process of its own and prints one JSON line: seconds, peak memory, digest of the result."""

import argparse
import hashlib
import json
import os
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

ENGINES = ("decode", "ours", "duckdb", "clickhouse", "polars", "sweeps", "duckdb_sweeps", "verify")


def _digest(frame: "pl.DataFrame") -> str:
    state = hashlib.blake2b(digest_size=16)
    for column in frame.iter_columns():
        state.update(column.cast(int).to_numpy().tobytes() if column.dtype != bool else column.to_numpy().tobytes())
    return state.hexdigest()


def _decode(archive: Path, threads: int) -> int:
    """Decode the ten measured columns with pyarrow alone, by as many threads, and do nothing with them.

    Every file is opened once and read a row group at a time; what comes of it stays Arrow's.
    """
    import pyarrow.parquet as pq

    from meter.archive.chunks import MEASURED

    todo = deque(sorted(archive.rglob("*.parquet")))

    def work() -> int:
        rows = 0
        while todo:
            try:
                path = todo.popleft()
            except IndexError:
                break
            with pq.ParquetFile(path) as file:
                for group in range(file.num_row_groups):
                    rows += file.read_row_group(group, columns=list(MEASURED), use_threads=False).num_rows
        return rows

    with ThreadPoolExecutor(threads) as pool:
        return sum(job.result() for job in [pool.submit(work) for _ in range(threads)])


def _ours(archive: Path, threads: int) -> "pl.DataFrame":
    from meter.archive.chunks import MEASURED_IN_RUNS, files_needed, months
    from meter.archive.manifest import read_manifest
    from meter.rollup.recompute import Span, recompute_at_once

    found = months(archive, files_needed(read_manifest(archive)), MEASURED_IN_RUNS)
    return recompute_at_once([Span(month.first_day, month.rows, month.chunks) for month in found], threads=threads)


def _sweeps(archive: Path, threads: int, capacities: "pl.DataFrame") -> tuple["pl.DataFrame", "pl.DataFrame"]:
    from meter.archive.chunks import files_needed, months
    from meter.archive.manifest import read_manifest
    from meter.findings.month import NEEDED
    from meter.findings.sweeps import Month, sweep_months

    found = list(months(archive, files_needed(read_manifest(archive)), NEEDED))
    return sweep_months([Month(month.first_day, month.rows, month.chunks) for month in found], capacities, threads)


def _work(engine: str, archive: Path, threads: int, rows_a_year: int, seed: int) -> Callable[[], Any]:
    if engine == "decode":
        return lambda: _decode(archive, threads)
    if engine == "ours":
        return lambda: _ours(archive, threads)
    if engine == "verify":
        from meter.archive.manifest import read_manifest
        from meter.archive.verify import find_faults

        return lambda: find_faults(archive, read_manifest(archive), threads=threads)
    from benchmarks.rollup import peers, year

    if engine == "duckdb":
        return lambda: peers.duckdb_rollup(archive, threads)
    if engine == "clickhouse":
        return lambda: peers.clickhouse_rollup(archive, threads)
    if engine == "polars":
        return lambda: peers.polars_rollup(archive)
    capacities = year.capacities(seed, rows_a_year)
    if engine == "sweeps":
        return lambda: _sweeps(archive, threads, capacities)
    return lambda: peers.duckdb_sweeps(archive, capacities, threads, year.FIRST_DAY * 86_400 - 28_800)


def _outcome(engine: str, result: Any) -> dict[str, Any]:
    """Return what must be equal between engines: digest and number of rows."""
    import polars as pl

    from benchmarks.rollup import peers

    if engine == "decode":
        return {"rows": result}
    if engine == "verify":
        return {"faults": len(result)}
    if engine in ("sweeps", "duckdb_sweeps"):
        days, twice = result
        if engine == "duckdb_sweeps":
            peak = pl.col("peak").struct
            days = days.select("facility", "chip", "day", (-peak.field(days["peak"].struct.fields[1])).alias("instant"))
            twice = twice.select((pl.col("batch") * 2**20 + pl.col("ordinal")).alias("inner"))
        days = days.select(pl.col("facility", "chip", "day", "instant").cast(pl.Int64)).sort("facility", "chip", "day")
        twice = twice.select("inner").sort("inner")
        return {"rows": days.height + twice.height, "digest": _digest(days) + _digest(twice)}
    frame = peers.without_nothing(result)
    return {"rows": frame.height, "digest": _digest(frame)}


def main() -> None:
    """Run the engine as often as asked, after a run to warm up if that is asked for too."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", choices=ENGINES)
    parser.add_argument("archive", type=Path)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--repeat", type=int, required=True)
    parser.add_argument("--warm", action="store_true")
    parser.add_argument("--rows-a-year", type=int, required=True)
    parser.add_argument("--seed", type=int, required=True)
    asked = parser.parse_args()
    os.environ["POLARS_MAX_THREADS"] = str(asked.threads)
    work = _work(asked.engine, asked.archive, asked.threads, asked.rows_a_year, asked.seed)
    result = None
    first_seconds = None
    if asked.warm:  # compilation, or loading what was compiled, is no part of what is compared
        began = time.perf_counter()
        work()
        first_seconds = time.perf_counter() - began
    seconds, processor_seconds = [], []
    for _ in range(asked.repeat):
        result = None
        began, processor = time.perf_counter(), time.process_time()
        result = work()
        seconds.append(time.perf_counter() - began)
        processor_seconds.append(time.process_time() - processor)
    status = Path("/proc/self/status").read_text().split()
    peak_mb = int(status[status.index("VmHWM:") + 1]) / 1024  # ru_maxrss would start from that of the parent
    print(
        json.dumps(
            {
                "engine": asked.engine,
                "first_seconds": first_seconds,
                "seconds": seconds,
                "processor_seconds": processor_seconds,
                "peak_mb": peak_mb,
                **_outcome(asked.engine, result),
            }
        )
    )


if __name__ == "__main__":
    main()
