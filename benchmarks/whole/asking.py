"""A client that waits for what it asks: an answer at once, or the job that it is answered with, until that is over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

POLL_SECONDS = 0.1
WAIT = {"Prefer": "wait=50"}
T = TypeVar("T")


@dataclass(frozen=True)
class Fetched:
    """A file that was downloaded: when its first byte came, when its last, and its bytes."""

    first_seconds: float
    seconds: float
    body: bytes


class Asking:
    """Somebody with a key."""

    def __init__(self, port: int, key: str) -> None:
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=3600, headers={"Authorization": f"Bearer {key}", **WAIT}
        )

    def ask(self, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        """Return what is answered, or what the job comes to that is answered instead."""
        answer = self._client.request(method, path, json=body)
        assert answer.status_code in (200, 201, 202), answer.text[:500]
        found: Mapping[str, Any] = answer.json()
        return found if answer.status_code != 202 else self._over(found)

    def send(self, body: bytes, content_type: str) -> Mapping[str, Any]:
        """Deliver usage records; the receipt."""
        answer = self._client.post("/v1/usage-records", content=body, headers={"Content-Type": content_type})
        found: Mapping[str, Any] = answer.raise_for_status().json()
        return found

    def fetch(self, path: str) -> Fetched:
        """Download a file to its last byte."""
        started = time.perf_counter()
        first, pieces = 0.0, []
        with self._client.stream("GET", path) as answer:
            assert answer.status_code in (200, 202), answer.read()[:500]
            if answer.status_code == 202:
                answer.read()
                return self.fetch(self._finished(answer.json())["location"])
            for piece in answer.iter_bytes():
                first = first or time.perf_counter() - started
                pieces.append(piece)
        return Fetched(first, time.perf_counter() - started, b"".join(pieces))

    def _over(self, job: Mapping[str, Any]) -> Mapping[str, Any]:
        finished = self._finished(job)
        place = finished["location"]
        found: Mapping[str, Any] = finished["result"] if place is None else self.ask("GET", place)
        return found

    def _finished(self, job: Mapping[str, Any]) -> Mapping[str, Any]:
        while job["state"] in ("queued", "running"):
            time.sleep(POLL_SECONDS)
            job = self._client.get(f"/v1/jobs/{job['id']}").raise_for_status().json()
        assert job["state"] == "done", job
        return job


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Return how long some work took, and what it gave."""
    started = time.perf_counter()
    found = work()
    return time.perf_counter() - started, found
