"""Platforms that push without end until told to stop, try again what failed, and know what was acknowledged."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import httpx

from tests.support.records import NDJSON, as_lines, usage

PATIENCE_SECONDS = 90


@dataclass
class Pusher:
    """One client: sends batch after batch of its own ids, each until it is acknowledged."""

    client: httpx.AsyncClient
    key: str
    name: str
    batch_records: int
    acknowledged: int = 0
    accepted: int = 0
    in_flight_failures: int = 0
    """Requests on their way whose connection broke: the fault hit."""
    told_to_wait: int = 0
    """Answers 503 or 429."""
    wrong: list[str] = field(default_factory=list)
    """Answers that must never be."""

    async def push(self, over: asyncio.Event) -> None:
        """Push until `over` is set; the batch then under way is still finished."""
        number = 0
        while not over.is_set():
            ids = [f"{self.name}-{number}-{n}" for n in range(self.batch_records)]
            await self._send(as_lines([usage(name, charge_fen=1) for name in ids]))
            number += 1

    async def _send(self, body: bytes) -> None:
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        headers = {"Authorization": f"Bearer {self.key}", "Content-Type": NDJSON}
        while asyncio.get_running_loop().time() < deadline:
            try:
                answer = await self.client.post("/v1/usage-records", content=body, headers=headers)
            except httpx.ConnectError:
                await asyncio.sleep(0.05)
                continue
            except httpx.TransportError:
                self.in_flight_failures += 1
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 200:
                receipt = answer.json()
                if receipt["accepted"] + receipt["duplicate"] != self.batch_records:
                    self.wrong.append(answer.text[:300])
                self.acknowledged += self.batch_records
                self.accepted += receipt["accepted"]
                return
            if answer.status_code in (429, 503) and answer.headers.get("retry-after"):
                self.told_to_wait += 1
                await asyncio.sleep(0.1)
                continue
            self.wrong.append(f"{answer.status_code} {answer.text[:300]}")
            await asyncio.sleep(0.1)
        self.wrong.append("not acknowledged in time")


@dataclass
class Crowd:
    """Several pushers at once."""

    pushers: list[Pusher]

    async def push_while(self, fault: asyncio.Task[None]) -> None:
        """Push until the fault is over, and finish what is under way."""
        over = asyncio.Event()
        fault.add_done_callback(lambda _: over.set())
        await asyncio.gather(*(pusher.push(over) for pusher in self.pushers))
        await fault

    def total(self, name: str) -> int:
        """A count over all pushers."""
        return sum(getattr(pusher, name) for pusher in self.pushers)

    @property
    def wrong(self) -> list[str]:
        """Answers that must never be."""
        return [one for pusher in self.pushers for one in pusher.wrong]
