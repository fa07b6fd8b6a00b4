"""A settlement over HTTP, beside its core and the SQL peer; its verification and its files."""

from __future__ import annotations

import asyncio
import statistics
from functools import partial
from typing import Any

from benchmarks.whole import workbook
from benchmarks.whole.asking import Fetched, timed
from benchmarks.whole.by_sql import settled_and_stored
from benchmarks.whole.filled import Filled
from benchmarks.whole.memory import Watch
from benchmarks.whole.probe import probe
from meter.database.connect import command_engine
from settlement.compute.settle import settle
from settlement.explain.stored import check_kinds
from settlement.inputs.frames import Inputs
from settlement.jobs.settle import Request, load_inputs, stored_lines
from settlement.rounds import Round, load_rounds

ROUND, ORDER = "anhui-2026", {"rate": "0.20"}
RUNS = 3


def order(filled: Filled, what: str) -> dict[str, str]:
    """Return an order that nobody has asked for: the same one would be answered with what is stored."""
    return {**ORDER, "number": f"{what} {filled.turn}"}


def run(filled: Filled) -> dict[str, Any]:
    """Run a settlement beside its core and the SQL peer, and verify it, each some times; medians."""
    asking = filled.finance
    watch = Watch(filled.server.pid)
    # the first loads the kernels, as the first of a day does
    orders = [{"round": ROUND, "order": order(filled, f"run {turn}")} for turn in range(RUNS)]
    made = [timed(partial(asking.ask, "POST", "/v1/settlements", one)) for one in orders]
    peak = watch.peak_mb()
    runs = [taken for taken, _ in made]
    here = f"/v1/settlements/{made[-1][1]['id']}"
    verified_all = [timed(partial(asking.ask, "GET", f"{here}/verify")) for _ in range(RUNS)]
    verdict = verified_all[-1][1]
    assert verdict["equal"], verdict
    seconds, verified = statistics.median(runs), statistics.median(taken for taken, _ in verified_all)
    beside = probe()
    awards, core, by_sql = asyncio.run(_peers(filled.server.database))
    all_seconds = {"run": seconds, "awards": awards, "core": core, "by_sql": by_sql, "verify": verified}
    return {
        "figures": {
            "whole.run_vs_core": round(seconds / core, 2),
            "whole.run_vs_sql": round(seconds / by_sql, 3),
            "whole.verify_vs_run": round(verified / seconds, 2),
        },
        "settlement": {
            "lines": verdict["lines"],
            "run_peak_mb": round(peak),
            "seconds": {name: round(value, 2) for name, value in all_seconds.items()},
            "every_run": [round(one, 2) for one in runs],
            **beside,
        },
    }


async def _peers(database: str) -> tuple[float, float, float]:
    """Return the median seconds of the awards alone and of the whole core, and those of the SQL peer."""
    engine = command_engine(database)
    try:
        loaded = await load_inputs(engine, Request(ROUND), None)
    finally:
        await engine.dispose()
    of_round = load_rounds()[ROUND]
    settle(loaded.inputs, of_round, ORDER)  # loads the kernels
    taken = [_core(loaded.inputs, of_round) for _ in range(RUNS)]
    awards, core = (statistics.median(one) for one in zip(*taken, strict=True))
    return awards, core, await settled_and_stored(database, loaded.inputs, of_round)


def _core(inputs: Inputs, of_round: Round) -> tuple[float, float]:
    """Return the seconds of the pure computation: up to the awards with their digest, and with every line's steps."""
    awards, settled = timed(lambda: settle(inputs, of_round, ORDER))
    checked, _ = timed(lambda: check_kinds(settled))
    lines, _ = timed(lambda: [stored_lines(portion).height for portion in settled.portions()])
    return awards, awards + checked + lines


def files(filled: Filled) -> dict[str, Any]:
    """Download every kind of report of the newest settlement, and write the workbook's cells without the service."""
    asking = filled.finance
    here = f"/v1/settlements/{newest(filled)}"
    found: dict[str, Any] = {}
    bodies: dict[str, Fetched] = {}
    for kind in ("csv", "json", "parquet", "xlsx"):
        watch = Watch(filled.server.pid)
        one = bodies[kind] = asking.fetch(f"{here}/report.{kind}")
        times = {"first_byte_seconds": round(one.first_seconds, 2), "seconds": round(one.seconds, 2)}
        found[kind] = times | {"mb_over_idle": round(watch.over_idle_mb()), "bytes": len(one.body)}
    cells = workbook.cells_of(bodies["xlsx"].body)
    bare, _ = timed(lambda: workbook.written(cells))
    return {
        "figures": {
            "whole.xlsx_vs_writer": round(bodies["xlsx"].seconds / bare, 2),
            "whole.xlsx_mb": found["xlsx"]["mb_over_idle"],
        },
        "files": found | {"bare_xlsxwriter_seconds": round(bare, 2)} | probe(),
    }


def newest(filled: Filled) -> str:
    """Return the newest settlement; runs one where there is none."""
    asking = filled.finance
    items = asking.ask("GET", "/v1/settlements?limit=1")["items"]
    if not items:
        items = [asking.ask("POST", "/v1/settlements", {"round": ROUND, "order": order(filled, "first")})]
    return str(items[0]["id"])
