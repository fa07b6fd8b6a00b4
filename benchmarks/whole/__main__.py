"""Measures what a person waits for, over HTTP, on a service that holds a province.

python -m benchmarks.whole [--json FILE] [--quick] [--only PART,PART] [--data DIR]
                           [--entities N] [--records N] [--stored N] [--largest N]

Parts: command, run, files, pages, beside, start, largest. With --data the filled service is kept in that folder and
used again, and with --only some parts are measured: each takes a few minutes, and what FILE holds of the others stays.

Everything is timed as a client sees it, from the request to the last byte of the answer, or to the end of the job that
it is answered with. The load of the machine and a probe of its memory stand beside the figures.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ingest.servers import free_port
from benchmarks.scratch import scratch
from benchmarks.whole import beside
from benchmarks.whole.asking import timed
from benchmarks.whole.filled import Filled, filled
from benchmarks.whole.memory import Watch
from benchmarks.whole.pages import page_seconds, sessions
from benchmarks.whole.probe import probe
from benchmarks.whole.settlement import ORDER, ROUND, files, newest, run
from benchmarks.whole.starts import command_seconds, ready_seconds
from meter.database.bootstrap import SUPERUSER
from meter.database.embedded import embedded
from meter.database.seal import ensure_seal
from migrations.upgrade import upgrade

PARTS = ("command", "run", "files", "pages", "beside", "start", "largest")


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
FULL = Sizes(100_000, 1_000_000, 20_000_000, 1_000_000, 40, 60)


def main() -> None:
    """Measure and write; print the same JSON."""
    parser = argparse.ArgumentParser(prog="benchmarks.whole", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between them")
    parser.add_argument("--data", type=Path, help="a folder in which the filled service is kept")
    for name in ("entities", "records", "stored", "largest"):
        parser.add_argument(f"--{name}", type=int)
    asked = vars(parser.parse_args())
    parts = asked["only"].split(",")
    assert set(parts) <= set(PARTS), f"there are the parts {', '.join(PARTS)}"
    sizes = QUICK if asked["quick"] else FULL
    sizes = Sizes(**{name: asked.get(name) or value for name, value in vars(sizes).items()})
    found: dict[str, Any] = {"figures": {}}
    if asked["json"] and asked["json"].exists():
        found = json.loads(asked["json"].read_text())
    for part in parts:
        _add(found, measure(part, sizes, asked["data"]))
        text = json.dumps(found, indent=1, ensure_ascii=False)
        if asked["json"]:
            asked["json"].write_text(text + "\n")
    print(text)


def _add(found: dict[str, Any], more: dict[str, Any]) -> None:
    found["figures"].update(more.pop("figures"))
    found.update(more)


def measure(part: str, sizes: Sizes, kept: Path | None) -> dict[str, Any]:
    """Measure one part, on a service that is kept in a folder or gone when it is measured."""
    if part == "command":
        return commands()
    if part == "largest":
        return largest(sizes.largest)
    with contextlib.ExitStack() as stack:
        data = kept or stack.enter_context(scratch("whole"))
        if kept:
            kept.mkdir(exist_ok=True)
            kept.chmod(0o711)
        with filled(data, sizes.entities, sizes.records) as service:
            return MEASURES[part](service, sizes)


def commands() -> dict[str, Any]:
    """Return how long the slowest command takes that touches no data."""
    with scratch("commands") as data, embedded(data) as database:
        seconds = command_seconds(database.socket_url(SUPERUSER))
    return {"figures": {"whole.command_s": max(seconds.values())}, "commands": {"seconds": seconds, **probe()}}


def pages(service: Filled, sizes: Sizes) -> dict[str, Any]:
    """Return how long the slowest list or page takes."""
    ensure_seal(service.data)  # the service's, which second factors need
    people = asyncio.run(sessions(service.server.database, f"{service.turn}"))
    slow = page_seconds(service.server.port, service.finance_key, people, newest(service), sizes.page_times)
    return {"figures": {"whole.page_p99_ms": slow["p99_ms"]}, "pages": slow | probe()}


def start(service: Filled, sizes: Sizes) -> dict[str, Any]:
    """Return how much longer a start takes with many records stored than with none."""
    with scratch("empty") as data, embedded(data) as database:
        asyncio.run(upgrade(database.socket_url(SUPERUSER)))
        empty = ready_seconds(data, database.socket_url(SUPERUSER), free_port())
    if sizes.stored > service.sent:
        service.send(sizes.stored - service.sent)
    full = ready_seconds(service.data, service.server.database, free_port())
    return {
        "figures": {"whole.start_growth": round(full / empty, 2)},
        "start": {"empty_seconds": empty, "full_seconds": full, "stored": service.sent, **probe()},
    }


def largest(lines: int) -> dict[str, Any]:
    """Return the most memory that a process of the service holds while it settles so many lines."""
    with scratch("largest") as data, filled(data, lines, lines) as service:
        watch = Watch(service.server.pid)
        asked = {"round": ROUND, "order": ORDER}
        seconds, _ = timed(lambda: service.finance.ask("POST", "/v1/settlements", asked))
        peak = round(watch.peak_mb())
    return {
        "figures": {"whole.run_peak_mb": peak},
        "largest_run": {"lines": lines, "seconds": round(seconds, 1), **probe()},
    }


MEASURES: dict[str, Callable[[Filled, Sizes], dict[str, Any]]] = {
    "run": lambda service, _: run(service),
    "files": lambda service, _: files(service),
    "pages": pages,
    "beside": lambda service, sizes: beside.measure(service, newest(service), sizes.alone_seconds),
    "start": start,
}


if __name__ == "__main__":
    main()
