"""Who asks for settlements while everything falls over: each twice at once, over the same records, until answered."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

import httpx

ROUND = "anhui-2026"


@dataclass
class Settler:
    """Settlements of one cut of the journal: all must come to the same, and what is asked for twice is one."""

    client: httpx.AsyncClient
    key: str
    as_of: int
    made: list[dict[str, Any]] = field(default_factory=list)
    unanswered: int = 0
    """Requests that had to be sent again."""

    async def run(self, over: asyncio.Event) -> None:
        """Ask until told to stop."""
        number = 0
        while not over.is_set():
            one, other = await asyncio.gather(self._ask(number), self._ask(number))
            assert (one["id"], one["digest"]) == (other["id"], other["digest"]), "one request, two settlements"
            self.made.append(one)
            assert one["totals"] == self.made[0]["totals"], "one cut, two results"
            number += 1
            await asyncio.sleep(1)

    async def _ask(self, number: int) -> dict[str, Any]:
        order = {"rate": "0.20", "number": f"storm-{number}"}
        asked = {"round": ROUND, "order": order, "as_of": self.as_of, "other_terms": True}
        headers = {"Authorization": f"Bearer {self.key}", "Prefer": "wait=20"}
        while True:
            try:
                answer = await self.client.post("/v1/settlements", json=asked, headers=headers)
            except httpx.TransportError:
                answer = httpx.Response(503)
            if answer.status_code in (200, 201):
                found: dict[str, Any] = answer.json()
                return found
            assert answer.status_code in (202, 503), answer.text[:500]
            self.unanswered += 1
            await asyncio.sleep(0.5)
