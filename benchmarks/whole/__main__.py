"""Measures what a person waits for, over HTTP, on a service that holds a province.

python -m benchmarks.whole [--json FILE] [--quick] [--entities N] [--records N] [--stored N] [--largest N]

Everything is timed as a client sees it, from the request to the last byte of the answer, or to the end of the job that
it is answered with. The load of the machine and a probe of its memory stand beside the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from api.auth.keys import NewKey, create_key
from benchmarks.ingest.servers import Server, free_port, rollup_lag, suanbu
from benchmarks.scratch import scratch
from benchmarks.whole import beside, workbook
from benchmarks.whole.asking import Asking, Fetched, timed
from benchmarks.whole.by_sql import settled_and_stored
from benchmarks.whole.memory import Watch
from benchmarks.whole.pages import page_seconds, sessions
from benchmarks.whole.probe import probe
from benchmarks.whole.province import registrations, usage
from benchmarks.whole.starts import command_seconds, ready_seconds
from meter.database.connect import command_engine
from meter.database.seal import ensure_seal
from settlement.compute.settle import settle
from settlement.jobs.settle import Request, load_inputs
from settlement.rounds import load_rounds
from tests.support.records import ARROW

ROUND, ORDER = "anhui-2026", {"rate": "0.20"}
CORE_RUNS = 3


@dataclass(frozen=True)
class Sizes:
    """How much is measured."""

    entities: int
    records: int
    stored: int
    """Records stored when the service starts."""
    largest: int
    """Lines of the settlement whose memory is measured."""
    page_times: int
    alone_seconds: float


QUICK = Sizes(5_000, 50_000, 500_000, 20_000, 20, 10)
FULL = Sizes(100_000, 1_000_000, 20_000_000, 1_000_000, 100, 60)


def main() -> None:
    """Measure and write; print the same JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.whole", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true")
    for name in ("entities", "records", "stored", "largest"):
        parser.add_argument(f"--{name}", type=int)
    asked = vars(parser.parse_args())
    sizes = QUICK if asked["quick"] else FULL
    sizes = Sizes(**{name: asked.get(name) or value for name, value in vars(sizes).items()})
    found: dict[str, Any] = {"figures": {}, **vars(sizes)}
    with scratch("whole") as data:
        _add(found, whole(data, sizes))
    if sizes.largest:
        with scratch("largest") as data:
            _add(found, largest(data, sizes.largest))
    text = json.dumps(found, indent=1, ensure_ascii=False)
    if asked["json"]:
        asked["json"].write_text(text + "\n")
    print(text)


def _add(found: dict[str, Any], more: dict[str, Any]) -> None:
    found["figures"].update(more.pop("figures"))
    found.update(more)


def whole(data: Path, sizes: Sizes) -> dict[str, Any]:
    """Fill a service and measure it; at the end, with more records, how it starts."""
    found: dict[str, Any] = {"figures": {}}
    with suanbu(data, "whole") as server:
        port = free_port()
        empty = ready_seconds(data, server.database, port)
        commands = command_seconds(server.database)
        found["figures"]["whole.command_s"] = max(commands.values())
        found["commands"] = {"seconds": commands, **probe()}
        finance = fill(server, sizes.entities, sizes.records)
        number, more = settlement(server, finance)
        _add(found, more)
        ensure_seal(data)  # the service's, which second factors need
        people = asyncio.run(sessions(server.database))
        slow = page_seconds(server.port, finance[1], people, number, sizes.page_times)
        found["figures"]["whole.page_p99_ms"] = slow["p99_ms"]
        found["pages"] = slow | probe()
        sent = sizes.records
        work = beside.Beside(server, finance[0], data, sizes.entities, sent, sizes.alone_seconds)
        _add(found, beside.measure(work, number))
        sent += 2 * beside.MOST_SECONDS * beside.A_SECOND * beside.RECORDS
        if sizes.stored > sizes.records:
            _send(server, sizes.entities, sizes.stored - sizes.records, sent)
            full = ready_seconds(data, server.database, port)
            found["figures"]["whole.start_growth"] = round(full / empty, 2)
            found["start"] = {"empty_seconds": empty, "full_seconds": full, "stored": sizes.stored, **probe()}
    return found


def settlement(server: Server, finance: tuple[Asking, str]) -> tuple[str, dict[str, Any]]:
    """Run a settlement beside its core and the SQL peer, verify it and download it; its number and the figures."""
    asking = finance[0]
    watch = Watch(server.pid)
    run, made = timed(lambda: asking.ask("POST", "/v1/settlements", {"round": ROUND, "order": ORDER}))
    run_peak = watch.peak_mb()
    here = f"/v1/settlements/{made['id']}"
    core, by_sql = asyncio.run(_peers(server.database))
    verified, verdict = timed(lambda: asking.ask("GET", f"{here}/verify"))
    assert verdict["equal"], verdict
    beside_run = probe()
    files: dict[str, Any] = {}
    bodies: dict[str, Fetched] = {}
    for kind in ("csv", "json", "parquet", "xlsx"):
        watch = Watch(server.pid)
        one = bodies[kind] = asking.fetch(f"{here}/report.{kind}")
        times = {"first_byte_seconds": round(one.first_seconds, 2), "seconds": round(one.seconds, 2)}
        files[kind] = times | {"mb_over_idle": round(watch.over_idle_mb()), "bytes": len(one.body)}
    cells = workbook.cells_of(bodies["xlsx"].body)
    bare, _ = timed(lambda: workbook.written(cells))
    figures = {
        "whole.run_vs_core": round(run / core, 2),
        "whole.run_vs_sql": round(run / by_sql, 3),
        "whole.verify_vs_run": round(verified / run, 2),
        "whole.xlsx_vs_writer": round(bodies["xlsx"].seconds / bare, 2),
        "whole.xlsx_mb": files["xlsx"]["mb_over_idle"],
    }
    seconds = {"run": run, "core": core, "by_sql": by_sql, "verify": verified, "bare_xlsxwriter": bare}
    rounded = {name: round(value, 2) for name, value in seconds.items()}
    return made["id"], {
        "figures": figures,
        "settlement": {"lines": verdict["lines"], "run_peak_mb": round(run_peak), "seconds": rounded, **beside_run},
        "files": files | probe(),
    }


def largest(data: Path, lines: int) -> dict[str, Any]:
    """Return the most memory that a process of the service holds while it settles so many lines."""
    with suanbu(data, "largest") as server:
        asking, _ = fill(server, lines, lines)
        watch = Watch(server.pid)
        seconds, _ = timed(lambda: asking.ask("POST", "/v1/settlements", {"round": ROUND, "order": ORDER}))
        peak = round(watch.peak_mb())
    return {"figures": {"whole.run_peak_mb": peak}, "largest_run": {"seconds": round(seconds, 1), **probe()}}


def fill(server: Server, entities: int, records: int) -> tuple[Asking, str]:
    """Register a province and send its usage; who runs settlements, and the key for it."""
    keys = asyncio.run(_keys(server.database))
    registrar = Asking(server.port, keys["registry"])
    for kind, items in registrations(entities):
        said = registrar.ask("PUT", f"/v1/{kind}", items)
        assert said["refused"] == said["conflict"] == 0, said
    _send(server, entities, records, 0)
    return Asking(server.port, keys["finance"]), keys["finance"]


def _send(server: Server, entities: int, records: int, behind: int) -> None:
    platform = Asking(server.port, server.key)
    for count, body in usage(entities, records, behind=behind):
        said = platform.send(body, ARROW)
        assert said["accepted"] == count, said
    while asyncio.run(rollup_lag(server.database)):
        time.sleep(0.2)


async def _keys(database: str) -> dict[str, str]:
    engine = command_engine(database)
    scopes = {"registry": ["registry:write"], "finance": ["settlement:run", "report:read"]}
    try:
        return {
            name: await create_key(engine, NewKey(f"whole-{name}", wanted), now=datetime.now(UTC))
            for name, wanted in scopes.items()
        }
    finally:
        await engine.dispose()


async def _peers(database: str) -> tuple[float, float]:
    """Return the median seconds of the pure computation, from inputs in memory, and those of the SQL peer."""
    engine = command_engine(database)
    try:
        loaded = await load_inputs(engine, Request(ROUND), None)
    finally:
        await engine.dispose()
    of_round = load_rounds()[ROUND]
    core = statistics.median(timed(lambda: settle(loaded.inputs, of_round, ORDER))[0] for _ in range(CORE_RUNS))
    return core, await settled_and_stored(database, loaded.inputs, of_round)


if __name__ == "__main__":
    main()
