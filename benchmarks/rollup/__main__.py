"""Runs the rollup benchmark: every engine on the same archive, one after another, and prints the figures as JSON.

python -m benchmarks.rollup [--rows 100000000] [--small-rows 10000000] [--threads 2] [--repeat 3] [--folder DIR]
"""

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.rollup.year import archive_of_year

ROWS_A_YEAR = 100_000_000
SEED = 7
RUNS_A_ROUND = 3
IN_TURN = ("decode", "ours")
PEERS = ("duckdb", "clickhouse", "polars")
COMPILED = ("ours", "sweeps")  # by numba, at the first call


def _measure(engine: str, archive: Path, asked: argparse.Namespace, repeat: int) -> dict[str, Any]:
    command = [
        sys.executable, "-m", "benchmarks.rollup.one", engine, str(archive), "--threads", str(asked.threads),
        "--repeat", str(repeat), "--rows-a-year", str(asked.rows_a_year), "--seed", str(SEED),
    ]  # fmt: skip
    if engine in COMPILED:
        command.append("--warm")
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["median"] = statistics.median(found["seconds"])
    found["processor_median"] = statistics.median(found["processor_seconds"])
    print(
        f"{engine:14} {found['median']:8.2f} s  {found['processor_median']:8.2f} s of processors"
        f"  peak {found['peak_mb']:6.0f} MB",
        file=sys.stderr,
    )
    return found


def _round(archive: Path, asked: argparse.Namespace) -> dict[str, dict[str, Any]]:
    return {engine: _measure(engine, archive, asked, RUNS_A_ROUND) for engine in IN_TURN}


def _together(parts: list[dict[str, Any]]) -> dict[str, Any]:
    """Return several measurements of one engine as one."""
    return parts[0] | {
        "median": statistics.median(seconds for part in parts for seconds in part["seconds"]),
        "processor_median": statistics.median(seconds for part in parts for seconds in part["processor_seconds"]),
        "peak_mb": max(part["peak_mb"] for part in parts),
    }


def main() -> None:
    """Measure and print; fails when two engines disagree."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--small-rows", type=int, default=10_000_000)
    parser.add_argument("--rows-a-year", type=int, default=ROWS_A_YEAR)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3, help="rounds of ours and decoding in turn; runs of the sweeps")
    parser.add_argument("--peer-repeat", type=int, help="how often peers run; as often as ours unless given")
    parser.add_argument("--quick", action="store_true", help="a tenth of the rows, each peer once")
    parser.add_argument("--without-sweeps", action="store_true", help="the rollup alone; the sweeps take minutes")
    parser.add_argument("--folder", type=Path, default=Path("data/benchmarks"), help="where the seeded year is kept")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    asked = parser.parse_args()
    if asked.quick:
        asked.rows, asked.small_rows, asked.peer_repeat = asked.rows // 10, asked.small_rows // 10, 1
    report = measure(asked)
    print(json.dumps(report, indent=1))
    if asked.json is not None:
        asked.json.write_text(json.dumps(report))


def measure(asked: argparse.Namespace) -> dict[str, Any]:
    """Return the figures that have bounds, and beside them what they come from."""
    asked.folder.mkdir(parents=True, exist_ok=True)
    small = archive_of_year(asked.folder, asked.small_rows, asked.rows_a_year, SEED)
    archive = archive_of_year(asked.folder, asked.rows, asked.rows_a_year, SEED)
    peer_repeat = asked.peer_repeat or asked.repeat
    _measure("decode", archive, asked, 1)  # the files are in the page cache from here on
    # Ours and decoding take turns, before and after what takes minutes, so that a busy machine hits both alike.
    rounds = [_round(archive, asked) for _ in range(-(-asked.repeat // 2))]
    found = {engine: _measure(engine, archive, asked, peer_repeat) for engine in PEERS}
    rounds += [_round(archive, asked) for _ in range(asked.repeat // 2)]
    found |= {engine: _together([each[engine] for each in rounds]) for engine in IN_TURN}
    few = _measure("ours", small, asked, 2 * asked.repeat + 1)
    few_rows = _measure("decode", small, asked, 1)["rows"]
    found["verify"] = _measure("verify", archive, asked, 1)
    assert len({found[engine]["digest"] for engine in ("ours", *PEERS)}) == 1, "the engines disagree on the rollup"
    if not asked.without_sweeps:
        found["sweeps"] = _measure("sweeps", archive, asked, asked.repeat)
        found["duckdb_sweeps"] = _measure("duckdb_sweeps", archive, asked, peer_repeat)
        assert found["sweeps"]["digest"] == found["duckdb_sweeps"]["digest"], "the engines disagree on the sweeps"
    rows = found["decode"]["rows"]
    ours = found["ours"]["median"]
    figures = {
        "rollup.vs_best_peer": min(found[engine]["median"] for engine in PEERS) / ours,
        "rollup.vs_decode": statistics.median(each["ours"]["median"] / each["decode"]["median"] for each in rounds),
        "rollup.peak_mb": found["ours"]["peak_mb"],
        "rollup.growth": (ours / rows) / (few["median"] / few_rows),
    }
    if not asked.without_sweeps:
        figures["rollup.sweeps_vs_sql"] = found["duckdb_sweeps"]["median"] / found["sweeps"]["median"]
    return {
        "figures": {name: round(figure, 3) for name, figure in figures.items()},
        "rows": rows,
        "groups": found["ours"]["rows"],
        "findings": None if asked.without_sweeps else found["sweeps"]["rows"],
        "archive_bytes": sum(path.stat().st_size for path in archive.rglob("*.parquet")),
        "threads": asked.threads,
        "seconds": {engine: round(more["median"], 3) for engine, more in found.items()},
        # On a busy machine these compare better than the clock does.
        "processor_seconds": {engine: round(more["processor_median"], 3) for engine, more in found.items()},
        "peak_mb": {engine: round(more["peak_mb"]) for engine, more in found.items()},
        "first_seconds": {engine: round(found[engine]["first_seconds"], 3) for engine in COMPILED if engine in found},
    }


if __name__ == "__main__":
    main()
