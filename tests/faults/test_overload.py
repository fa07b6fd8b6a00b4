"""Far more than the service takes, for as long as it lasts: it goes on acknowledging, the rest is told to come back.

Six times as many records are under way as may wait, from clients that come back sooner than they are told to.
SUANBU_OVERLOAD_RECORDS says how many may wait (default 20000; from about 400000 on the bodies that are held at once
are the limit that is met first), SUANBU_OVERLOAD_ROUNDS (default 3) how often everybody has to be served.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import asyncpg
import httpx
import pytest
import pytest_asyncio

from tests.support.api_client import ApiClient, KeyClient, counts, good, problem
from tests.support.journal import journal_is_whole
from tests.support.records import NDJSON, as_lines, usage
from tests.support.serving import Served, over_http

MAY_WAIT_RECORDS = int(os.environ.get("SUANBU_OVERLOAD_RECORDS", "20000"))
ROUNDS = int(os.environ.get("SUANBU_OVERLOAD_ROUNDS", "3"))
BATCH_RECORDS = min(10_000, MAY_WAIT_RECORDS // 10)
CLIENTS = 6 * MAY_WAIT_RECORDS // BATCH_RECORDS
SHARE_ACKNOWLEDGED = 0.1  # of everything offered: whoever is refused offers the same again at once
GROWTH_BYTES = 64 * 1024 * 1024
KEY_BYTES = 32  # of a record in the key file, at most: while it is widened it is there once and a half
IMPATIENCE_SECONDS = 0.1
ATTEMPTS = 600
BODY = as_lines([usage(f"@-{number}", charge_fen=1) for number in range(BATCH_RECORDS)])


@pytest.fixture(scope="module")
def server(database: str) -> Iterator[Served]:
    """`suanbu serve` as a process of its own, in which so many records may wait."""
    limit = f"from meter.journal.write import recorder; recorder.QUEUE_RECORDS = {MAY_WAIT_RECORDS}"
    with Served.on(database, before=limit, job_workers=0) as served:
        yield served


@dataclass
class Crowd:
    """Clients that each send a batch until it is acknowledged, then the next."""

    client: httpx.AsyncClient
    sender: KeyClient
    offered: int = 0
    refused: int = 0
    acknowledged: int = 0
    rounds: Iterator[int] = field(default_factory=itertools.count)

    async def send_all(self) -> None:
        """One batch of everybody, all at once."""
        number = next(self.rounds)
        await asyncio.gather(*(self._send(f"{number}-{client}") for client in range(CLIENTS)))

    async def _send(self, name: str) -> None:
        body = BODY.replace(b'"@-', f'"{name}-'.encode())
        headers = {"Authorization": f"Bearer {self.sender.key}", "Content-Type": NDJSON}
        for _ in range(ATTEMPTS):
            self.offered += 1
            answer = await self.client.post("/v1/usage-records", content=body, headers=headers)
            if answer.status_code == 200:
                assert counts(answer.json()) == [BATCH_RECORDS, 0, 0, 0], "what was refused left nothing behind"
                self.acknowledged += 1
                return
            assert problem(answer) == (503, "overloaded")
            assert answer.headers["retry-after"] == "1"
            self.refused += 1
            await asyncio.sleep(IMPATIENCE_SECONDS)
        raise AssertionError(f"refused {ATTEMPTS} times")


@pytest_asyncio.fixture(scope="module")
async def door(server: Served, database: str) -> AsyncIterator[ApiClient]:
    """The way in to the service as a process."""
    async with over_http(server.url, database) as opened:
        await opened.register_the_usual()
        yield opened


async def test_far_more_than_it_takes_is_all_recorded_once_and_leaves_it_well(
    door: ApiClient, server: Served, owner: asyncpg.Connection
) -> None:
    sender = await door.platform()
    # a connection that lies idle is closed by us before the service does it just as we send
    limits = httpx.Limits(max_connections=CLIENTS + 1, keepalive_expiry=1)
    async with httpx.AsyncClient(base_url=server.url, timeout=300, limits=limits) as client:
        crowd = Crowd(client, sender)
        await crowd.send_all()
        first = server.peak_bytes()
        looks = 0
        for _ in range(ROUNDS - 1):
            under_way = asyncio.create_task(crowd.send_all())
            while not under_way.done():
                for path in ("/healthz", "/readyz", "/metrics"):
                    assert (await client.get(path)).status_code == 200, "who only looks is answered meanwhile"
                looks += 1
                await asyncio.sleep(IMPATIENCE_SECONDS)
            await under_way
    grown = server.peak_bytes() - first
    print(
        f"{crowd.offered} batches of {BATCH_RECORDS} offered by {CLIENTS} clients, {crowd.refused} told to come back, "
        f"{crowd.acknowledged} acknowledged; looked at {looks} times; peak memory {first >> 20} MiB, then "
        f"{grown >> 20} MiB more"
    )
    assert crowd.refused > 0, "it was never too much"
    assert crowd.acknowledged == ROUNDS * CLIENTS
    assert crowd.acknowledged >= SHARE_ACKNOWLEDGED * crowd.offered, "it went on acknowledging"
    records = ROUNDS * CLIENTS * BATCH_RECORDS
    assert grown < GROWTH_BYTES + KEY_BYTES * records, "however long it lasts"
    assert counts(await sender.push(usage("afterwards"))) == [1, 0, 0, 0]
    assert (await door.client.get("/readyz")).status_code == 200
    assert good(await sender.get("/usage-totals"))["items"][0]["records"] == records + 1
    await journal_is_whole(owner, records + 1)
