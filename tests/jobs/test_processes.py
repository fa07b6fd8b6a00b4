"""Job processes: one that is killed in the middle loses nothing and does nothing twice; none outlives its parent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest_asyncio

from meter.database.locks import AdvisoryLock
from tests.support.api_client import ApiClient, KeyClient, good
from tests.support.clock import later
from tests.support.postgres import Cluster
from tests.support.province import populate
from tests.support.serving import Served, in_process, over_http

ASKED = {"round": "anhui-2026", "order": {"rate": "0.20"}}


@pytest_asyncio.fixture(scope="module")
async def served(cluster: Cluster) -> AsyncIterator[tuple[Served, ApiClient]]:
    """`suanbu serve` with its job processes, on a province."""
    async with cluster.database() as url:
        async with in_process(url, jobs=False) as door:
            await populate(door)
        with Served.on(url, job_workers=2) as served:
            async with over_http(served.url, url) as door:
                yield served, door


async def ask(clerk: KeyClient) -> int:
    """Ask for a settlement and do not wait; the job."""
    headers = {"Authorization": f"Bearer {clerk.key}", "Prefer": "respond-async", "Content-Type": "application/json"}
    answer = await clerk.client.post("/v1/settlements", content=json.dumps(ASKED).encode(), headers=headers)
    assert answer.status_code == 202, answer.text
    return int(answer.json()["id"])


async def running(owner: asyncpg.Connection, job: int, attempts: int) -> int:
    """The process that runs a job for the so-manieth time, once it has come as far as storing what it computed."""
    query = "select worker from job where id = $1 and state = 'running' and attempts = $2 and stage = 'store'"
    while (worker := await owner.fetchval(query, job, attempts)) is None:
        await owner.execute("select pg_sleep(0.05)")
    return int(worker.split(":")[1].split("/")[0])


async def over(clerk: KeyClient, job: int) -> dict[str, Any]:
    """The job once it is over."""
    while (found := good(await clerk.get(f"/jobs/{job}")))["state"] in ("queued", "running"):
        pass
    return found


async def test_a_settlement_whose_process_is_killed_is_stored_once(served: tuple[Served, ApiClient]) -> None:
    _, door = served
    clerk = await door.holder("settlement:run", "report:read")
    owner = await asyncpg.connect(door.url)
    before = await owner.fetchval("select count(*) from settlement")
    try:
        # who gives numbers waits here, with everything computed and nothing stored
        await owner.execute(f"select pg_advisory_lock({AdvisoryLock.NUMBERING_SETTLEMENTS})")
        job = await ask(clerk)
        os.kill(await running(owner, job, 1), signal.SIGKILL)
        async with later(owner, minutes=2):  # its lease runs out
            await running(owner, job, 2)
            await owner.execute(f"select pg_advisory_unlock({AdvisoryLock.NUMBERING_SETTLEMENTS})")
            ended = await over(clerk, job)
    finally:
        await owner.close()
    assert (ended["state"], ended["attempts"]) == ("done", 2), ended
    settled = await clerk.items("/settlements")
    assert len(settled) == before + 1
    assert settled[0]["id"] == ended["result"]["settlement"]


async def test_a_cancelled_job_stores_nothing_and_its_process_goes_on(served: tuple[Served, ApiClient]) -> None:
    _, door = served
    clerk = await door.holder("settlement:run", "report:read")
    owner = await asyncpg.connect(door.url)
    before = await owner.fetchval("select count(*) from settlement")
    try:
        await owner.execute(f"select pg_advisory_lock({AdvisoryLock.NUMBERING_SETTLEMENTS})")
        job = await ask(clerk)
        await running(owner, job, 1)
        good(await clerk.client.post(f"/v1/jobs/{job}/cancel", headers={"Authorization": f"Bearer {clerk.key}"}))
        await owner.execute(f"select pg_advisory_unlock({AdvisoryLock.NUMBERING_SETTLEMENTS})")
        next_ended = await over(clerk, await ask(clerk))
    finally:
        await owner.close()
    assert (await over(clerk, job))["state"] == "cancelled"
    assert next_ended["state"] == "done"
    assert len(await clerk.items("/settlements")) <= before + 1


def test_job_processes_are_niced_and_none_outlives_the_service(served: tuple[Served, ApiClient]) -> None:
    service, _ = served
    children = job_processes_of(service.pid)
    niced = min(19, os.getpriority(os.PRIO_PROCESS, 0) + 10)
    assert len(children) == 2
    assert [os.getpriority(os.PRIO_PROCESS, pid) for pid in children] == [niced, niced]
    os.kill(service.pid, signal.SIGKILL)  # the service alone, not its group
    while any(_lives(pid) for pid in children):
        time.sleep(0.05)


ENDING_AT_ONCE = """
import os, pathlib, signal
from api.process.job_processes import job_processes
from api.settings import Settings
Settings({database!r}).to_environment()
with job_processes(1):
    while not (children := [one.read_text() for one in pathlib.Path("/proc/self/task").glob("*/children")]) or not any(
        children
    ):
        pass
    print("".join(children), flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_one_that_is_still_loading_does_not_outlive_whoever_started_it(database: str) -> None:
    said = subprocess.run(
        [sys.executable, "-c", ENDING_AT_ONCE.format(database=database)], stdout=subprocess.PIPE, check=False
    )
    (child,) = map(int, said.stdout.split())
    while _lives(child):
        time.sleep(0.05)


def job_processes_of(parent: int) -> list[int]:
    """The children of a process that work on jobs."""
    found = []
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                stat, command = (place / "stat").read_text(), (place / "cmdline").read_bytes()
            except OSError:
                continue
            if int(stat.rpartition(")")[2].split()[1]) == parent and b"api.jobs.child" in command:
                found.append(int(place.name))
    return found


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
