"""Measures the settlement: the award stage beside OpenFisca's float formula, the whole beside the same in SQL.

python -m benchmarks.settlement [--json FILE] [--quick] [--entities N] [--holdings N] [--rows N] [--runs N] [--url URL]

Without --url the SQL runs on an embedded PostgreSQL in a temporary folder. Both sides start from data at hand: ours
from frames in memory, SQL from loaded, indexed and analysed tables; ours includes checks, lines, reasons, flags and
the SM3 digest, SQL computes award and held money only. Fails where the two do not agree on every line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import resource
import statistics
import time
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.scratch import scratch
from benchmarks.settlement.awards import measure_awards
from benchmarks.settlement.province import province
from benchmarks.settlement.sql import settle_by_sql
from meter.database.bootstrap import SUPERUSER
from meter.database.embedded import embedded
from settlement.compute.settle import settle
from settlement.rounds import load_rounds

ORDER = {"rate": "0.20"}


def main() -> None:
    """Measure and write; print the same JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.settlement", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--entities", type=int)
    parser.add_argument("--holdings", type=int)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--award-entities", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--url", help="a PostgreSQL to use; the schema settlement_benchmark is replaced")
    asked = parser.parse_args()
    entities = asked.entities or (20_000 if asked.quick else 1_000_000)
    holdings = asked.holdings or entities
    rows = asked.rows or 10 * entities
    awards = measure_awards(asked.award_entities, max(21, asked.runs))
    whole = measure_whole(entities, holdings, rows, asked.runs, asked.url)
    found = {
        "figures": {
            "settlement.award_vs_openfisca": round(awards["ratio"], 3),
            "settlement.vs_sql": round(whole["ours_seconds"] / whole["sql_seconds"], 4),
        },
        "award": awards,
        "whole": whole,
    }
    text = json.dumps(found, indent=1)
    if asked.json:
        asked.json.write_text(text)
    print(text)


def measure_whole(entities: int, holdings: int, rows: int, runs: int, url: str | None) -> dict[str, Any]:
    """Median seconds of the settlement, seconds of the SQL, sizes; asserts that every line agrees."""
    of_round = load_rounds()["anhui-2026"]
    inputs = province(of_round, entities, holdings, rows)
    settle(inputs, of_round, ORDER)  # compiled before it is measured
    seconds = []
    for _ in range(runs):
        started = time.perf_counter()
        settlement = settle(inputs, of_round, ORDER)
        seconds.append(time.perf_counter() - started)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    if url is None:
        with scratch("sql") as folder, embedded(folder) as server:
            sql_seconds, steps, lines = asyncio.run(settle_by_sql(server.url(SUPERUSER), inputs, of_round))
    else:
        sql_seconds, steps, lines = asyncio.run(settle_by_sql(url, inputs, of_round))
    both = settlement.lines.join(lines, on="uscc", how="full", suffix="_sql")
    apart = both.filter(
        pl.col("award_fen").ne_missing(pl.col("award_fen_sql")) | pl.col("held_fen").ne_missing(pl.col("held_fen_sql"))
    )
    assert apart.height == 0, f"SQL and settlement differ on {apart.height} lines"
    return {
        "entities": entities,
        "holdings": inputs.holding_facts.height,
        "rows": inputs.use.height,
        "lines": settlement.lines.height,
        "award_fen": settlement.totals["award_fen"],
        "held_fen": settlement.totals["held_fen"],
        "facilities": dict(settlement.facilities["scope"].value_counts().sort("scope").iter_rows()),
        "ratios": dict(settlement.lines["ratio"].value_counts().sort("ratio").iter_rows()),
        "ours_seconds": statistics.median(seconds),
        "ours_seconds_of_each_run": seconds,
        "ours_peak_mb": peak_mb,
        "sql_seconds": sql_seconds,
        "sql_seconds_by_step": {name: round(value, 3) for name, value in steps.items()},
        "digest": settlement.digest,
    }


if __name__ == "__main__":
    main()
