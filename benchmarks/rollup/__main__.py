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


def _measure(engine: str, archive: Path, asked: argparse.Namespace, repeat: int) -> dict[str, Any]:
    command = [
        sys.executable, "-m", "benchmarks.rollup.one", engine, str(archive), "--threads", str(asked.threads),
        "--repeat", str(repeat), "--rows-a-year", str(asked.rows_a_year), "--seed", str(SEED),
    ]  # fmt: skip
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    found["median"] = statistics.median(found["seconds"])
    print(f"{engine:14} {found['median']:8.2f} s  peak {found['peak_mb']:6.0f} MB", file=sys.stderr)
    return found


def main() -> None:
    """Measure and print; fails when two engines disagree."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=100_000_000)
    parser.add_argument("--small-rows", type=int, default=10_000_000)
    parser.add_argument("--rows-a-year", type=int, default=ROWS_A_YEAR)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--folder", type=Path, default=Path("data/benchmarks"))
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    small = archive_of_year(asked.folder, asked.small_rows, asked.rows_a_year, SEED)
    archive = archive_of_year(asked.folder, asked.rows, asked.rows_a_year, SEED)

    peers = ("duckdb", "clickhouse", "polars")
    found = {engine: _measure(engine, archive, asked, asked.repeat) for engine in ("decode", "ours", *peers)}
    # The bound is on two runs of one engine; a third, alternating, tells a change of the machine from one of ours.
    again = {engine: _measure(engine, archive, asked, asked.repeat) for engine in ("decode", "ours")}
    for engine, more in again.items():
        found[engine]["median"] = statistics.median(found[engine]["seconds"] + more["seconds"])
        found[engine]["peak_mb"] = max(found[engine]["peak_mb"], more["peak_mb"])
    few = _measure("ours", small, asked, 2 * asked.repeat + 1)
    few_rows = _measure("decode", small, asked, 1)["rows"]
    sweeps, sql = (_measure(engine, archive, asked, asked.repeat) for engine in ("sweeps", "duckdb_sweeps"))
    verify = _measure("verify", archive, asked, 1)

    assert len({found[engine]["digest"] for engine in ("ours", *peers)}) == 1, "the engines disagree on the rollup"
    assert sweeps["digest"] == sql["digest"], "the engines disagree on the sweeps"
    rows = found["decode"]["rows"]
    figures = {
        "rollup.vs_best_peer": min(found[engine]["median"] for engine in peers) / found["ours"]["median"],
        "rollup.vs_decode": found["ours"]["median"] / found["decode"]["median"],
        "rollup.sweeps_vs_sql": sql["median"] / sweeps["median"],
        "rollup.peak_mb": found["ours"]["peak_mb"],
        "rollup.growth": (found["ours"]["median"] / rows) / (few["median"] / few_rows),
        "rollup.rows": rows,
        "rollup.groups": found["ours"]["rows"],
        "rollup.seconds": found["ours"]["median"],
        "rollup.decode_seconds": found["decode"]["median"],
        "rollup.first_seconds": found["ours"]["first_seconds"],  # with compilation, or loading what was compiled
        **{f"rollup.{engine}_seconds": found[engine]["median"] for engine in peers},
        **{f"rollup.{engine}_peak_mb": found[engine]["peak_mb"] for engine in peers},
        "rollup.sweeps_seconds": sweeps["median"],
        "rollup.sweeps_peak_mb": sweeps["peak_mb"],
        "rollup.sweeps_sql_seconds": sql["median"],
        "rollup.verify_seconds": verify["median"],
    }
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
