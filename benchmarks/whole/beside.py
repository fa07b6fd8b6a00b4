"""Ingest alone, and beside what is heavy, one after the other; and how soon what was answered is seen in the totals."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ingest.servers import Server
from benchmarks.whole.asking import Asking, timed
from benchmarks.whole.open_loop import Told, request, sender
from benchmarks.whole.probe import probe
from benchmarks.whole.province import PROBED, probe_body, usage
from tests.support.records import ARROW

A_SECOND, RECORDS = 50, 200
MOST_SECONDS = 300
LOOK_SECONDS, BETWEEN_SECONDS = 0.02, 0.5
MOST_UNSEEN_SECONDS = 60


@dataclass
class Beside:
    """What is measured against: the service, who may ask it, its data, how much is in it, and for how long to send."""

    server: Server
    finance: Asking
    data: Path
    entities: int
    sent: int
    alone_seconds: float


def measure(beside: Beside, settlement: str) -> dict[str, Any]:
    """Send at a fixed rate, first for itself and then for as long as the heavy work takes."""
    alone, _ = _sending(beside, 0, lambda: time.sleep(beside.alone_seconds))
    quiet = probe()
    fresh = Freshness(Asking(beside.server.port, beside.server.key))
    heavy, taken = _sending(beside, 1, lambda: fresh.during(lambda: _heavy(beside, settlement)))
    return {
        "figures": {
            "whole.ingest_p99_ms": round(alone.quantile_ms(0.99), 1),
            "whole.ingest_p99_beside": round(heavy.quantile_ms(0.99) / alone.quantile_ms(0.99), 2),
            "whole.fresh_p99_ms": round(1000 * fresh.quantile(0.99)),
        },
        "ingest": {
            "alone": _shown(alone) | quiet,
            "beside": _shown(heavy) | probe(),
            "seconds_of_heavy_work": taken,
            "freshness_ms": {"median": round(1000 * fresh.quantile(0.5)), "samples": len(fresh.seconds)},
        },
    }


def _shown(told: Told) -> dict[str, Any]:
    assert not told.strange, told.strange[:3]
    quantiles = {f"p{share}_ms": round(told.quantile_ms(share / 100), 1) for share in (50, 90, 99)}
    return {"requests": len(told.latencies), "told_to_wait": told.told_to_wait, **quantiles}


def _sending(beside: Beside, part: int, work: Callable[[], Any]) -> tuple[Told, Any]:
    """Return what came of sending while some work was done, and what it gave."""
    count = int(A_SECOND * (beside.alone_seconds + 5 if part == 0 else MOST_SECONDS))
    behind = beside.sent + part * A_SECOND * MOST_SECONDS * RECORDS
    bodies = usage(beside.entities, count * RECORDS, behind=behind, at_once=RECORDS)
    requests = [request(beside.server.key, ARROW, body) for _, body in bodies]
    with sender(beside.server.port, requests, A_SECOND) as sending:
        sending.begin()
        found = work()
        return sending.end(), found


def _heavy(beside: Beside, settlement: str) -> dict[str, float]:
    """Settle, verify, make a workbook and roll everything up anew, one after the other; the seconds of each."""
    asked = {"round": "anhui-2026", "order": {"rate": "0.19"}}
    here = f"/v1/settlements/{settlement}"
    program = [sys.executable, "-c", "from api.commands import main; main()", "rollup", "--data", str(beside.data)]
    works: dict[str, Callable[[], object]] = {
        "settlement": lambda: beside.finance.ask("POST", "/v1/settlements", asked),
        "verify": lambda: beside.finance.ask("GET", f"{here}/verify"),
        "xlsx": lambda: beside.finance.fetch(f"{here}/report.xlsx"),
        "recompute": lambda: subprocess.run(
            ["nice", *program, "--json"], check=True, stdout=subprocess.DEVNULL,
            env={**os.environ, "DATABASE_URL": beside.server.database},
        ),
    }  # fmt: skip
    return {name: round(timed(work)[0], 1) for name, work in works.items()}


class Freshness:
    """Delivers a record now and then, on a day that has no other, and looks until the day's totals count it."""

    def __init__(self, platform: Asking) -> None:
        self._platform = platform
        self._sent = 0
        self.seconds: list[float] = []

    def during(self, work: Callable[[], Any]) -> Any:
        """Sample while some work is done; what it gave."""
        ended = threading.Event()
        thread = threading.Thread(target=self._sample, args=(ended,), daemon=True)
        thread.start()
        try:
            return work()
        finally:
            ended.set()
            thread.join()

    def quantile(self, share: float) -> float:
        """Return a quantile of the seconds from the answer to the first totals that count the record."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def _sample(self, ended: threading.Event) -> None:
        while not ended.wait(BETWEEN_SECONDS):
            receipt = self._platform.send(*probe_body(self._sent))
            assert receipt["accepted"] == 1, receipt
            self._sent += 1
            answered = time.perf_counter()
            while self._counted() < self._sent:
                assert time.perf_counter() - answered < MOST_UNSEEN_SECONDS, "a record is not seen"
                time.sleep(LOOK_SECONDS)
            self.seconds.append(time.perf_counter() - answered)

    def _counted(self) -> int:
        items = self._platform.ask("GET", f"/v1/usage-totals?from={PROBED[0]}&to={PROBED[1]}")["items"]
        return sum(item["records"] for item in items)
