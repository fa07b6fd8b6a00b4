"""Measures ingest over real HTTP; server, database and client share the machine.

python -m benchmarks.ingest [--json FILE] [--quick] [--only beside,memory,matrix,growth,stages]

In one run beside (a) bare COPY of the same rows into the same table with the same indexes and (b) the service most
people would write (benchmarks/ingest/peer.py). Everything that is compared runs in turn, round by round.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.ingest.beside import Sizes, beside
from benchmarks.ingest.crew import Crew, crew
from benchmarks.ingest.growth import Growth, growth
from benchmarks.ingest.matrix import CELLS, matrix
from benchmarks.ingest.memory import memory
from benchmarks.ingest.servers import peer, suanbu
from benchmarks.ingest.stages import stages
from benchmarks.scratch import scratch
from tests.support.records import ARROW, EVENTS, JSON, NDJSON

PARTS = ("beside", "memory", "matrix", "growth", "stages")


def main() -> None:
    """Measure, print and write, part by part."""
    parser = argparse.ArgumentParser(prog="benchmarks.ingest", description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    asked = parser.parse_args()
    parts = asked.only.split(",")
    assert set(parts) <= set(PARTS), f"parts are {PARTS}"
    found: dict[str, Any] = {"figures": {}}
    with scratch("ingest") as folder, crew() as senders:
        for name, measured in _measured(parts, Path(folder), senders, asked.quick):
            found["figures"] |= measured.pop("figures", {})
            found[name] = measured
            print(json.dumps(measured, indent=1), flush=True)
            if asked.json:
                asked.json.write_text(json.dumps(found, indent=1))
    print(json.dumps(found["figures"], indent=1))


def _measured(parts: list[str], folder: Path, senders: Crew, quick: bool) -> Iterator[tuple[str, dict[str, Any]]]:
    with contextlib.ExitStack() as running:
        ours = running.enter_context(suanbu(folder / "one", "1 worker"))
        if "beside" in parts:
            with peer(folder / "peer") as other, _said("beside"):
                sizes = Sizes(3, 16, 30, 800) if quick else Sizes(7, 50, 100, 4_000)
                yield "beside", beside(senders, ours, other, sizes)
        if "memory" in parts:
            with _said("memory"):
                yield "memory", memory(senders, ours, 64 if quick else 128)
        if "matrix" in parts and not quick:
            with suanbu(folder / "two", "2 workers", 2) as double, _said("matrix"):
                servers = {server.name: server for server in (ours, double)}
                yield "matrix", matrix(senders, servers, CELLS, 2)
    if "growth" in parts:
        with suanbu(folder / "empty", "empty") as empty, suanbu(folder / "full", "full") as full, _said("growth"):
            plan = (
                Growth((10_000_000,), (False,), 3, 10)
                if quick
                else Growth((10_000_000, 50_000_000), (False, True), 5, 20)
            )
            yield "growth", growth(senders, empty, full, plan)
    if "stages" in parts:
        with _said("stages"):
            kinds = {"ndjson": NDJSON} if quick else {"arrow": ARROW, "ndjson": NDJSON, "json": JSON, "events": EVENTS}
            yield "stages", {name: stages(kind, 10_000) for name, kind in kinds.items()}


@contextlib.contextmanager
def _said(part: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"    {part}: {time.monotonic() - started:.0f} s", flush=True)


if __name__ == "__main__":
    main()
