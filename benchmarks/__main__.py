"""`make bench`: runs the measurements one after the other and writes one JSON file with all figures.

Each part (`benchmarks/PART/__main__.py`) measures itself beside everything it is compared with, in one run, and writes
{"figures": {...}, ...} to the file it is given. Parts that were not run keep the figures of their last run.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.scratch import scratch

PARTS = ("ingest", "rollup", "settlement", "verify", "payout", "report", "whole")
HERE = Path(__file__).parent


def main() -> None:
    """Run the chosen parts."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument("--only", default="all", choices=["all", *PARTS])
    parser.add_argument("--quick", action="store_true", help="smaller sizes, a few minutes in all")
    parser.add_argument("rest", nargs="*", help="after --, what the one part is asked for: -- --only run,files")
    chosen = parser.parse_args()
    if chosen.rest and chosen.only == "all":
        parser.error("what stands after -- is for one part: name it with --only")
    target = HERE / ("results.quick.json" if chosen.quick else "results.json")
    results: dict[str, Any] = json.loads(target.read_text()) if target.exists() else {}
    figures: dict[str, float] = results.get("figures", {})
    details: dict[str, Any] = results.get("details", {})
    for part in PARTS if chosen.only == "all" else (chosen.only,):
        print(f"==> {part}", flush=True)
        started = time.monotonic()
        found = measure(part, chosen.quick, chosen.rest, details.get(part, {}) if chosen.rest else {})
        figures.update(found.pop("figures"))
        details[part] = found
        print(f"    {time.monotonic() - started:.0f} s", flush=True)
    target.write_text(
        json.dumps(
            {"machine": machine(), "commit": commit(), "figures": dict(sorted(figures.items())), "details": details},
            indent=1, ensure_ascii=False,
        ) + "\n"
    )  # fmt: skip
    for name, value in sorted(figures.items()):
        print(f"{name:36} {value}")
    print(f"written to {target}")


def measure(part: str, quick: bool, rest: Sequence[str], known: Mapping[str, Any]) -> dict[str, Any]:
    """Run a part, or what `rest` asks of it; return what it measured, beside what was `known` of it before."""
    with scratch("bench") as folder:
        file = folder / "figures.json"
        if known:
            file.write_text(json.dumps({"figures": {}, **known}))
        command = [sys.executable, "-m", f"benchmarks.{part}", "--json", str(file), *(["--quick"] if quick else [])]
        subprocess.run([*command, *rest], check=True, cwd=HERE.parent)
        found: dict[str, Any] = json.loads(file.read_text())
        return found


def machine() -> dict[str, Any]:
    """Return what was measured on."""
    model = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    memory = next(line for line in Path("/proc/meminfo").read_text().splitlines() if line.startswith("MemTotal"))
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": int(memory.split()[1]) // 2**20,
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def commit() -> str:
    """Return the commit that was measured, marked when the tree had changes."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], capture_output=True, text=True, cwd=HERE, check=False
    )
    return described.stdout.strip() or "unknown"


if __name__ == "__main__":
    main()
