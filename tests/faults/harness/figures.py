"""What a run of the faults counted, in one JSON file, with the bound that stands beside a zero."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any, TypeVar

from tests.faults.harness.scale import CHOICE
from tests.faults.harness.seeds import SEED

Counted = TypeVar("Counted", int, list[float])
PLACE = "SUANBU_FAULTS_FIGURES"
"""The file to write; without it figures are only printed."""


def bound(trials: int) -> float | None:
    """The chance of a failure, at 95 %, that no failure in so many trials still allows (the rule of three)."""
    return round(min(1, 3 / trials), 9) if trials else None


def quantile(values: list[float], share: float) -> float | None:
    """The value that so large a share does not exceed."""
    if not values:
        return None
    return round(sorted(values)[min(len(values) - 1, int(share * len(values)))], 3)


def seconds(values: list[float]) -> dict[str, Any]:
    """Median, 99th percentile and longest of durations."""
    return {
        "times": len(values), "p50": quantile(values, 0.5), "p99": quantile(values, 0.99),
        "longest": round(max(values), 3) if values else None,
    }  # fmt: skip


def added_up(part: str, name: str, more: Counted) -> Counted:
    """A count of this run, or a list, added to what the file has from runs before."""
    before: Counted = _written().get("parts", {}).get(part, {}).get(name, type(more)())
    return before + more


def _written() -> dict[str, Any]:
    """What the file has already, where there is one."""
    path = Path(os.environ.get(PLACE, ""))
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.is_file() else {}


def record(part: str, **counted: Any) -> None:
    """Print what a part counted, and write it where figures are asked for, beside what other parts wrote."""
    counted["load"] = round(os.getloadavg()[1], 1)
    print(json.dumps({part: counted}, indent=1, ensure_ascii=False))
    place = os.environ.get(PLACE)
    if not place:
        return
    found = _written()
    found["machine"] = {"cores": os.cpu_count(), "kernel": platform.release().split("-")[0]}
    found |= {"scale": os.environ.get(CHOICE, "brief"), "seed": SEED}
    found.setdefault("parts", {})[part] = counted
    Path(place).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
