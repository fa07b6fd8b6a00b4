"""kill -9 of the service, of its workers and of PostgreSQL in the middle of pushes: exact totals, nothing lost.

SUANBU_FAULT_CYCLES (default 2) says how often. kill -9 keeps the operating system's cache, so this does not prove
safety from power loss.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import pytest_asyncio

from meter.journal.verify.journal import verify_journal
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from tests.faults.pushing import Crowd, Pusher
from tests.support.api_client import ApiClient
from tests.support.postgres import folder_for_postgres
from tests.support.serving import Served, over_http

CYCLES = int(os.environ.get("SUANBU_FAULT_CYCLES", "2"))
SEED = int(os.environ.get("SUANBU_FAULT_SEED", "20251123"))
CLIENTS = 6
BATCH_RECORDS = 50


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data directory with a PostgreSQL of its own: it is going to be killed."""
    with folder_for_postgres() as folder:
        yield folder


@pytest.fixture(scope="module")
def served(data: Path) -> Iterator[Served]:
    """The service with two workers on its own embedded PostgreSQL."""
    with Served.with_data(data, workers=2) as running:
        yield running


def database_of(data: Path) -> str:
    """The URL of the embedded server over loopback."""
    port = int((data / "postgres.port").read_text())
    password = (data / "postgres.password").read_text().strip()
    return f"postgresql://suanbu:{password}@127.0.0.1:{port}/suanbu"


@pytest_asyncio.fixture(scope="module")
async def door(served: Served, data: Path) -> AsyncIterator[ApiClient]:
    """The way in, with the usual registered."""
    async with over_http(served.url, database_of(data)) as opened:
        await opened.register_the_usual()
        yield opened


def postmaster(data: Path) -> int:
    """PostgreSQL's pid."""
    return int((data / "postgres" / "postmaster.pid").read_text().splitlines()[0])


def a_backend(data: Path) -> int | None:
    """The pid of some connection's server process."""
    parent = postmaster(data)
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                status = (entry / "stat").read_text().rsplit(")", 1)[1].split()
                if int(status[1]) == parent and b"suanbu suanbu" in (entry / "cmdline").read_bytes():
                    found.append(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    return max(found, default=None)


def workers_of(pid: int) -> list[int]:
    """The worker processes of a service."""
    children = [
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    ]
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def wait_for_end(pids: list[int]) -> list[int]:
    """Which of the processes have not ended within 20 s."""
    deadline = time.monotonic() + 20
    left = pids
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = [pid for pid in left if Path(f"/proc/{pid}").exists()]
    return left


def cycles(crowd: Crowd, hit: str) -> Iterator[int]:
    """As many cycles as asked for, and on a slow machine more, until the fault has hit, which `hit` counts."""
    done = 0
    while done < CYCLES or (done < 10 * CYCLES and not crowd.total(hit)):
        yield done
        done += 1


async def first_answer(client: httpx.AsyncClient) -> None:
    """Return once the service is ready again."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)
    raise AssertionError("not ready again within 90 s")


async def crowd_of(door: ApiClient, label: str) -> Crowd:
    """Clients of one source, each with ids of its own."""
    platform = await door.platform(source=label)
    names = [f"{label}-{n}" for n in range(CLIENTS)]
    return Crowd([Pusher(door.client, platform.key, name, BATCH_RECORDS) for name in names])


async def assert_exact(crowd: Crowd, door: ApiClient, label: str) -> None:
    """What was acknowledged is in the journal, once; the numbers have no gap and the chain verifies."""
    assert crowd.wrong == []
    connection = await asyncpg.connect(door.url)
    try:
        stored, keys = await connection.fetchrow(
            "select count(*), count(distinct key) from entry e join source s on s.id = e.source where s.name = $1",
            label,
        )
        head, batches = await connection.fetchrow("select max(batch), count(*) from batch")
        report = await verify_journal(connection, read_facts=facts_of_batches, read_rules=rules_as_of)
    finally:
        await connection.close()
    assert stored == keys == crowd.total("acknowledged")
    assert head == batches
    assert report.differences == []
    totals = await (await door.holder("usage:read")).items("/usage-totals")
    assert totals[0]["records"] == await _counted(door)


async def _counted(door: ApiClient) -> int:
    connection = await asyncpg.connect(door.url)
    try:
        return int(await connection.fetchval("select count(*) from entry"))
    finally:
        await connection.close()


async def test_killing_a_worker_loses_nothing(door: ApiClient, served: Served) -> None:
    chance = random.Random(SEED)
    crowd = await crowd_of(door, "workers")

    async def fault() -> None:
        for _ in cycles(crowd, "in_flight_failures"):
            await asyncio.sleep(0.3 + chance.random() * 0.4)
            os.kill(chance.choice(workers_of(served.pid)), signal.SIGKILL)
            await asyncio.sleep(0.5)
            await first_answer(door.client)

    await crowd.push_while(asyncio.create_task(fault()))
    print(f"seed {SEED}: {crowd.total('in_flight_failures')} requests were under way when a worker was killed")
    assert crowd.total("in_flight_failures") > 0, "the fault never hit"
    await assert_exact(crowd, door, "workers")


async def test_killing_postgresql_loses_nothing_and_nobody_has_to_help(door: ApiClient, data: Path) -> None:
    chance = random.Random(SEED + 1)
    crowd = await crowd_of(door, "database")

    async def fault() -> None:
        for cycle in cycles(crowd, "told_to_wait"):
            await asyncio.sleep(0.3 + chance.random() * 0.4)
            # a backend (the server recovers by itself), and the whole server (the service starts it again)
            os.kill((a_backend(data) if cycle % 2 else None) or postmaster(data), signal.SIGKILL)
            await asyncio.sleep(0.5)
            await first_answer(door.client)

    await crowd.push_while(asyncio.create_task(fault()))
    print(f"seed {SEED + 1}: {crowd.total('told_to_wait')} requests met a database that was away")
    assert crowd.total("told_to_wait") > 0, "the fault never hit"
    await assert_exact(crowd, door, "database")


async def test_restarting_postgresql_under_load_tells_clients_to_wait(door: ApiClient, data: Path) -> None:
    crowd = await crowd_of(door, "restart")

    async def fault() -> None:
        for number in (signal.SIGINT, signal.SIGTERM)[: max(1, CYCLES - 1)]:
            await asyncio.sleep(0.3)
            os.kill(postmaster(data), number)
            if number == signal.SIGTERM:  # a smart shutdown waits for the clients: the operator then insists
                await asyncio.sleep(0.3)
                os.kill(postmaster(data), signal.SIGINT)
            health = await door.client.get("/healthz")
            assert health.status_code == 200, "the process goes on answering"
            await asyncio.sleep(0.5)
            await first_answer(door.client)

    await crowd.push_while(asyncio.create_task(fault()))
    assert crowd.total("told_to_wait") > 0, "the fault never hit"
    await assert_exact(crowd, door, "restart")


async def test_killing_the_whole_service_loses_nothing(door: ApiClient, served: Served) -> None:
    chance = random.Random(SEED + 2)
    crowd = await crowd_of(door, "service")

    async def fault() -> None:
        for _ in range(max(1, CYCLES // 2)):
            await asyncio.sleep(0.3 + chance.random() * 0.4)
            await asyncio.to_thread(served.kill)
            await asyncio.to_thread(served.start)

    await crowd.push_while(asyncio.create_task(fault()))
    print(f"seed {SEED + 2}: {crowd.total('in_flight_failures')} requests were under way when everything was killed")
    assert crowd.total("in_flight_failures") > 0, "the fault never hit"
    await assert_exact(crowd, door, "service")


async def test_killing_only_the_parent_leaves_no_workers_behind(door: ApiClient, served: Served) -> None:
    """An orphan would hold the port, and the next start would fail."""
    workers = workers_of(served.pid)
    assert len(workers) == 2
    os.kill(served.pid, signal.SIGKILL)
    left = await asyncio.to_thread(wait_for_end, workers)
    served.kill()
    await asyncio.to_thread(served.start)
    await first_answer(door.client)
    assert left == [], "workers outlived their parent"
