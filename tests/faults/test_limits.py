"""The operating system's limit of open files is reached: records are taken, others wait, and it heals by itself."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from tests.support.api_client import ApiClient, counts, good
from tests.support.records import usage
from tests.support.serving import Served, over_http

FILES = 128
LOWERED = f"import resource; resource.setrlimit(resource.RLIMIT_NOFILE, ({FILES}, {FILES}))"
CROWD = 2 * FILES
HEALED_SECONDS = 30


@pytest.fixture(scope="module")
def served(database: str) -> Iterator[Served]:
    """The service under a lowered `ulimit -n`."""
    with Served.on(database, before=LOWERED, job_workers=0) as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def door(served: Served, database: str) -> AsyncIterator[ApiClient]:
    """The way in to the service as a process."""
    async with over_http(served.url, database) as opened:
        await opened.register_the_usual()
        yield opened


async def test_without_a_free_file_records_are_taken_others_wait_and_it_heals(served: Served, door: ApiClient) -> None:
    platform = await door.platform()
    reader = await door.holder("usage:read")
    assert counts(await platform.push(usage("before"))) == [1, 0, 0, 0]
    crowd = [await _connected(served.port) for _ in range(CROWD)]
    turned_away = await _turned_away(served)
    pushed = [await platform.push(usage(f"meanwhile-{number}")) for number in range(5)]
    seen = [await door.client.get(path) for path in ("/healthz", "/readyz", "/metrics")]
    reads = [await reader.get("/usage-totals") for _ in range(3)]
    for writer in crowd:
        writer.close()
    deadline = asyncio.get_running_loop().time() + HEALED_SECONDS
    while await _turned_away(served):
        assert asyncio.get_running_loop().time() < deadline, "the crowd has gone, and nobody new comes in"
        await asyncio.sleep(0.1)
    assert turned_away, "the limit was never reached"
    assert [counts(one) for one in pushed] == [[1, 0, 0, 0]] * 5
    for one in (*seen, *reads):
        assert one.status_code == 200 or (one.status_code == 503 and one.headers["retry-after"]), one.text
    assert (await reader.items("/usage-totals"))[0]["records"] == 6
    assert counts(await platform.push(usage("before"))) == [0, 1, 0, 0]
    assert good(await door.client.get("/readyz"))["status"] == "ready"


async def _connected(port: int) -> asyncio.StreamWriter:
    """A connection that asks nothing."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    return writer


async def _turned_away(served: Served) -> bool:
    """Whether somebody new finds no place: his connection is closed, or not taken; never is he answered 500."""
    async with httpx.AsyncClient(base_url=served.url, timeout=2) as client:
        with contextlib.suppress(httpx.TransportError):
            assert (await client.get("/healthz")).status_code == 200
            return False
    return True
