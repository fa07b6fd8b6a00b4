"""The disk fills up under an embedded server, its log too: clients are told to wait, and with room all is well again.

The disk is a small one of its own (`harness/disk.py`); without root there can be none, and nothing is filled: the
figures say so.
"""

from __future__ import annotations

import asyncio
from collections import Counter

import httpx
import pytest

from tests.faults.harness import figures
from tests.faults.harness.disk import disk, reason_against
from tests.faults.harness.scale import SCALE, TIMEOUT_SECONDS
from tests.faults.pushing import Crowd, Pusher
from tests.faults.test_kills import assert_exact, database_of
from tests.support.postgres import folder_for_postgres
from tests.support.serving import Served, over_http

MEGABYTES = 400
FULL_SECONDS, CLIENTS, BATCH_RECORDS = 4, 4, 200
LABEL = "full"
RECOVERED = "was not properly shut down"  # what a server says that a full log has brought down
ALWAYS = ("/healthz", "/metrics")


async def looked(client: httpx.AsyncClient, key: str, over: asyncio.Event, told: Counter[str]) -> None:
    """Ask, while the disk is full, what must always be answered, and what may have to wait."""
    while not over.is_set():
        for path in (*ALWAYS, "/readyz", "/v1/usage-totals"):
            answer = await client.get(path, headers={"Authorization": f"Bearer {key}"})
            told[f"{path} {answer.status_code}"] += 1
            assert answer.status_code in ((200,) if path in ALWAYS else (200, 503)), (path, answer.text[:300])
        await asyncio.sleep(0.1)


@pytest.mark.timeout(TIMEOUT_SECONDS)
async def test_a_full_disk_tells_clients_to_wait_and_heals_when_there_is_room() -> None:
    if reason := reason_against():
        figures.record("full disk", fillings=0, reason=reason)
        return
    told: Counter[str] = Counter()
    with folder_for_postgres() as folder, disk(folder, MEGABYTES) as small:
        data = small.place / "data"
        with Served.with_data(data) as served:
            async with over_http(served.url, database_of(data)) as door:
                await door.register_the_usual()
                platform, reader = await door.platform(LABEL), await door.holder("usage:read")
                crowd = Crowd([Pusher(door.client, platform.key, f"full-{n}", BATCH_RECORDS) for n in range(CLIENTS)])

                async def fault() -> None:
                    for _ in range(SCALE.fillings):
                        before, over = crowd.total("told_to_wait"), asyncio.Event()
                        ballast = await asyncio.to_thread(small.fill)
                        looking = asyncio.create_task(looked(door.client, reader.key, over, told))
                        await asyncio.sleep(FULL_SECONDS)
                        for _ in range(200):
                            if crowd.total("told_to_wait") > before:
                                break
                            await asyncio.sleep(0.1)
                        over.set()
                        await looking
                        ballast.unlink()
                        assert crowd.total("told_to_wait") > before, "the disk was never full for anybody"
                        await served_again(crowd)

                await crowd.push_while(asyncio.create_task(fault()))
                await assert_exact(crowd, door, LABEL)
                said = (data / "postgres.log").read_text(errors="replace")
    figures.record(
        "full disk", fillings=SCALE.fillings, told_to_wait=crowd.total("told_to_wait"), answers=dict(told),
        acknowledged_records=crowd.total("acknowledged"), server_recovered=said.count(RECOVERED),
    )  # fmt: skip
    assert told["/v1/usage-totals 200"], "readers were never answered while the disk was full"


async def served_again(crowd: Crowd) -> None:
    """Wait until something more was acknowledged, with nobody's help."""
    before = crowd.total("acknowledged")
    for _ in range(900):
        if crowd.total("acknowledged") > before:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("the service did not heal when there was room again")
