"""Measures what a person waits for, over HTTP, on a service that holds a province.

python -m benchmarks.whole [--json FILE] [--quick] [--entities N] [--records N]

Everything is timed as a client sees it, from the request to the last byte of the answer: the settlement beside its pure
core (the same inputs, loaded from the same database, computed in this process in the same run), its verification from
the records, and its reports. The load of the machine stands beside the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from api.auth.keys import NewKey, create_key
from benchmarks.ingest.servers import Server, rollup_lag, suanbu
from benchmarks.scratch import scratch
from benchmarks.whole.province import registrations, usage
from meter.database.connect import command_engine
from settlement.compute.settle import settle
from settlement.jobs.settle import Request, load_inputs
from settlement.rounds import load_rounds
from tests.support.records import ARROW

ROUND, ORDER = "anhui-2026", {"rate": "0.20"}
CORE_RUNS = 3


def main() -> None:
    """Measure and write; print the same JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.whole", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--entities", type=int)
    parser.add_argument("--records", type=int)
    asked = parser.parse_args()
    entities = asked.entities or (5_000 if asked.quick else 100_000)
    records = asked.records or 10 * entities
    with scratch("whole") as folder, suanbu(folder, "whole") as server:
        found = measure(server, entities, records)
    text = json.dumps(found, indent=1)
    if asked.json:
        asked.json.write_text(text + "\n")
    print(text)


def measure(server: Server, entities: int, records: int) -> dict[str, Any]:
    """Fill the service and measure it."""
    keys = asyncio.run(_keys(server.database))
    with httpx.Client(base_url=f"http://127.0.0.1:{server.port}", timeout=3600) as client:
        seconds = {"registered": _timed(lambda: _register(client, keys["registry"], entities))[0]}
        seconds["received"] = _timed(lambda: _send(client, server.key, entities, records))[0]
        seconds["rolled_up"] = _timed(lambda: _caught_up(server.database))[0]
        server.forget_peak()
        idle = server.peak_mb()
        asked = {"round": ROUND, "order": ORDER}
        seconds["run"], made = _timed(lambda: _asked(client, "POST", "/v1/settlements", keys["finance"], asked))
        peak = server.peak_mb()
        here = f"/v1/settlements/{made['id']}"
        seconds["verify"], verdict = _timed(lambda: _asked(client, "GET", f"{here}/verify", keys["finance"]))
        assert verdict["equal"], verdict
        for kind in ("csv", "xlsx"):
            server.forget_peak()
            seconds[kind], _ = _timed(lambda kind=kind: _fetched(client, f"{here}/report.{kind}", keys["finance"]))
            seconds[f"{kind}_peak_mb"] = server.peak_mb() - idle
        pages = [
            _timed(lambda at=at: _asked(client, "GET", f"{here}/lines?limit=100&q={at}", keys["finance"]))[0]
            for at in ("示例单位0000042", "MA00", "nobody", "91340100MA")
        ]
    core = asyncio.run(_core_seconds(server.database))
    return {
        "figures": {
            "whole.run_vs_core": round(seconds["run"] / core, 2),
            "whole.verify_vs_run": round(seconds["verify"] / seconds["run"], 2),
        },
        "entities": entities,
        "records": records,
        "lines": verdict["lines"],
        "core_seconds": round(core, 2),
        "seconds": {name: round(value, 2) for name, value in seconds.items() if not name.endswith("_mb")},
        "mb": {
            "idle": round(idle),
            "run_peak": round(peak),
            **{name: round(value) for name, value in seconds.items() if name.endswith("_mb")},
        },
        "slowest_list_ms": round(1000 * max(pages)),
        "load": [round(value, 1) for value in os.getloadavg()],
    }


def _timed(work: Any) -> tuple[float, Any]:
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found


def _register(client: httpx.Client, key: str, entities: int) -> None:
    for kind, items in registrations(entities):
        said = _asked(client, "PUT", f"/v1/{kind}", key, items)
        assert said["refused"] == said["conflict"] == 0, said


def _send(client: httpx.Client, key: str, entities: int, records: int) -> None:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": ARROW}
    for count, body in usage(entities, records):
        said = client.post("/v1/usage-records", content=body, headers=headers).raise_for_status().json()
        assert said["accepted"] == count, said


def _caught_up(database: str) -> None:
    while asyncio.run(rollup_lag(database)):
        time.sleep(0.2)


def _asked(client: httpx.Client, method: str, path: str, key: str, body: Any = None) -> Mapping[str, Any]:
    answer = client.request(method, path, json=body, headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code in (200, 201), answer.text[:500]
    found: Mapping[str, Any] = answer.json()
    return found


def _fetched(client: httpx.Client, path: str, key: str) -> int:
    with client.stream("GET", path, headers={"Authorization": f"Bearer {key}"}) as answer:
        answer.raise_for_status()
        return sum(len(chunk) for chunk in answer.iter_bytes())


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


async def _core_seconds(database: str) -> float:
    """Measure the median time of the pure computation, from inputs in memory."""
    engine = command_engine(database)
    try:
        loaded = await load_inputs(engine, Request(ROUND), None)
    finally:
        await engine.dispose()
    of_round = load_rounds()[ROUND]
    return statistics.median(_timed(lambda: settle(loaded.inputs, of_round, ORDER))[0] for _ in range(CORE_RUNS))


if __name__ == "__main__":
    main()
