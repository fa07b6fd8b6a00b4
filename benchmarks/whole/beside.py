"""Ingest alone, and beside what is heavy, one after the other; and how soon what was answered is seen in the totals."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from benchmarks.whole.asking import Asking, timed
from benchmarks.whole.filled import Filled
from benchmarks.whole.open_loop import Told, request, sender
from benchmarks.whole.probe import probe
from benchmarks.whole.province import PROBED, probe_body, usage
from benchmarks.whole.settlement import ROUND, order
from tests.support.records import ARROW

A_SECOND, RECORDS = 50, 200
MOST_SECONDS = 300
LOOK_SECONDS, BETWEEN_SECONDS = 0.02, 0.5
MOST_UNSEEN_SECONDS = 60
A_TURN = 10_000  # more samples than one measurement takes


def measure(service: Filled, settlement: str, alone_seconds: float) -> dict[str, Any]:
    """Send at a fixed rate, first for itself and then for as long as the heavy work takes."""
    alone, _ = _sending(service, alone_seconds + 5, lambda: time.sleep(alone_seconds))
    quiet = probe()
    fresh = Freshness(Asking(service.server.port, service.server.key), service.turn)
    heavy, taken = _sending(service, MOST_SECONDS, lambda: fresh.during(lambda: _heavy(service, settlement)))
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


def _sending(service: Filled, seconds: float, work: Callable[[], Any]) -> tuple[Told, Any]:
    """Return what came of sending while some work was done, and what it gave."""
    count = int(A_SECOND * seconds)
    bodies = usage(service.entities, count * RECORDS, behind=service.sent, at_once=RECORDS)
    requests = [request(service.server.key, ARROW, body) for _, body in bodies]
    service.sent += count * RECORDS
    with sender(service.server.port, requests, A_SECOND) as sending:
        sending.begin()
        found = work()
        return sending.end(), found


def _heavy(service: Filled, settlement: str) -> dict[str, float]:
    """Settle, verify, make a workbook and roll everything up anew, one after the other; the seconds of each."""
    asked = {"round": ROUND, "order": order(service, "beside")}
    here = f"/v1/settlements/{settlement}"
    works: dict[str, Callable[[], object]] = {
        "settlement": lambda: service.finance.ask("POST", "/v1/settlements", asked),
        "verify": lambda: service.finance.ask("GET", f"{here}/verify"),
        "xlsx": lambda: service.finance.fetch(f"{here}/report.xlsx"),
        "recompute": lambda: service.finance.ask("GET", "/v1/usage-totals/verify"),
    }
    return {name: round(timed(work)[0], 1) for name, work in works.items()}


class Freshness:
    """Delivers a record now and then, on a day that has no other, and looks until the day's totals count it."""

    def __init__(self, platform: Asking, turn: int) -> None:
        self._platform = platform
        self._first = turn * A_TURN
        self._sent = 0
        self._before = self._counted()
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
            receipt = self._platform.send(*probe_body(self._first + self._sent))
            assert receipt["accepted"] == 1, receipt
            self._sent += 1
            answered = time.perf_counter()
            while self._counted() < self._before + self._sent:
                assert time.perf_counter() - answered < MOST_UNSEEN_SECONDS, "a record is not seen"
                time.sleep(LOOK_SECONDS)
            self.seconds.append(time.perf_counter() - answered)

    def _counted(self) -> int:
        items = self._platform.ask("GET", f"/v1/usage-totals?from={PROBED[0]}&to={PROBED[1]}")["items"]
        return sum(item["records"] for item in items)
