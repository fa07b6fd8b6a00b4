"""The database takes what is said and answers nothing: nobody waits for it for ever, and nothing is lost by that."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest_asyncio

from migrations.upgrade import upgrade
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.own_server import OwnServer, binaries_of, own_server
from tests.support.records import as_array, usage
from tests.support.serving import in_process

PATIENCE_SECONDS = 45  # a busy machine's; without a limit of our own the answers would come when the hole ends: never


@pytest_asyncio.fixture(scope="module")
async def served() -> AsyncIterator[tuple[OwnServer, ApiClient, KeyClient]]:
    """A service on a server of its own, with a platform."""
    with own_server(binaries_of("18")) as server:
        await upgrade(server.url())
        async with in_process(server.url()) as door:
            await door.register_the_usual()
            yield server, door, await door.platform()


@contextlib.contextmanager
def black_hole(server: OwnServer) -> Iterator[None]:
    """Every process of the server stands still; the system goes on taking what is sent to it."""
    first = int((server.files / "postmaster.pid").read_text().split()[0])
    children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
    stopped = [first, *map(int, children)]
    try:
        for process in stopped:
            os.kill(process, signal.SIGSTOP)
        yield
    finally:
        for process in stopped:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGCONT)


async def ready_again(door: ApiClient) -> None:
    """Wait until the service is ready."""
    for _ in range(10 * PATIENCE_SECONDS):
        if (await door.client.get("/readyz")).status_code == 200:
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it was not ready again")


async def test_whoever_waits_is_told_to_come_back_and_everything_goes_on_afterwards(
    served: tuple[OwnServer, ApiClient, KeyClient],
) -> None:
    server, door, platform = served
    await platform.push(usage("before"))
    sent = as_array([usage("inside")])
    with black_hole(server):
        async with asyncio.timeout(PATIENCE_SECONDS):
            answers = await asyncio.gather(
                *(platform.get(path) for path in ("/batches/1", "/usage-totals", "/quarantine")),
                *(platform.get("/batches/1") for _ in range(20)),  # more than there are connections
                platform.send(sent),
            )
            for answer in answers:
                assert problem(answer) == (503, "journal_unavailable")
                assert answer.headers["retry-after"]
            answer = await door.client.get("/readyz")
            assert problem(answer) == (503, "database_unavailable")
            assert (await door.client.get("/healthz")).status_code == 200
            assert (await door.client.get("/metrics")).status_code == 200
            assert problem(await platform.send(sent)) == (503, "journal_unavailable")
    await ready_again(door)
    receipt = good(await platform.send(sent))
    assert receipt["accepted"] + receipt["duplicate"] == 1
    (total,) = await platform.items("/usage-totals", by="consumer")
    assert (total["records"], total["charge_fen"]) == (2, 200)


async def test_ready_is_answered_before_anybody_knows_of_the_hole(
    served: tuple[OwnServer, ApiClient, KeyClient],
) -> None:
    server, door, _ = served
    with black_hole(server):
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await door.client.get("/readyz")
    assert problem(answer) == (503, "database_unavailable")
    assert "has not answered for 2 s" in answer.json()["detail"]
