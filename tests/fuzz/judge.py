"""Sends what was drawn and judges the answers: never a fault of ours, never without an end, never without a bound."""

from __future__ import annotations

import asyncio
import resource
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.fuzz.draw import Draw, Request
from tests.fuzz.scene import Scene

LONGEST_SECONDS = 60
"""Of one request on a busy machine; what takes longer has no end."""
LOOKS = 2000
"""After so many requests it is seen again what there is."""


@dataclass
class Tally:
    """What was sent and how it was answered."""

    seed: int
    requests: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    routes: Counter[str] = field(default_factory=Counter)
    answered_well: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    longest_seconds: float = 0.0
    longest: str = ""
    grown_bytes: int = 0

    def as_json(self) -> dict[str, Any]:
        """The figures of the run."""
        return {
            "seed": self.seed, "requests": self.requests, "faults": len(self.faults),
            "statuses": {str(status): count for status, count in sorted(self.statuses.items())},
            "routes": len(self.routes), "routes_answered_well": len(self.answered_well),
            "longest_seconds": round(self.longest_seconds, 2), "longest": self.longest,
            "memory_grown_mib": self.grown_bytes // 2**20,
        }  # fmt: skip


async def fuzz(scene: Scene, seed: int, count: int, together: int = 8) -> Tally:
    """Send so many requests, a few at a time, and judge the answers."""
    draw, tally = Draw(seed, scene), Tally(seed)
    before = _most_bytes()
    while tally.requests < count:
        portion = [draw.request() for _ in range(min(together, count - tally.requests))]
        await asyncio.gather(*(_one(scene, tally, request) for request in portion))
        if tally.requests % LOOKS < together:
            await scene.log_in()
            await scene.look()
    tally.grown_bytes = _most_bytes() - before
    tally.faults += [f"job {one['id']}: {one['error']}" for one in await _failed(scene)]
    return tally


async def _one(scene: Scene, tally: Tally, request: Request) -> None:
    name = f"{request.route.method} {request.route.path}"
    tally.requests += 1
    tally.routes[name] += 1
    began = time.monotonic()
    try:
        async with asyncio.timeout(LONGEST_SECONDS):
            answer = await scene.door.client.send(
                scene.door.client.build_request(
                    request.method, request.path, content=request.body, headers=httpx.Headers(request.headers)
                )
            )
    except (httpx.InvalidURL, httpx.LocalProtocolError):
        return
    except Exception as error:
        tally.faults.append(f"{told(request)}: {type(error).__name__} {str(error)[:300]}")
        return
    spent = time.monotonic() - began
    if spent > tally.longest_seconds:
        tally.longest_seconds, tally.longest = spent, name
    tally.statuses[answer.status_code] += 1
    if answer.status_code < 300:
        tally.answered_well[name] += 1
    told_to_wait = answer.status_code == 503 and "retry-after" in answer.headers
    if answer.status_code >= 500 and not told_to_wait:
        tally.faults.append(f"{told(request)}: {answer.status_code} {answer.text[:300]}")


def told(request: Request) -> str:
    """The request as it can be sent again."""
    headers = [pair for pair in request.headers if pair[0] not in (b"cookie", b"authorization")]
    return f"{request.method} {request.path[:300]!r} {headers!r} {request.body[:600]!r}"


async def _failed(scene: Scene) -> list[dict[str, Any]]:
    assert scene.everyone is not None
    jobs = await scene.everyone.items("/jobs", state="failed", limit=1000)
    return [job for job in jobs if job["error"] and job["error"]["status"] == 500]


def _most_bytes() -> int:
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
