"""A synchronous standby: what is acknowledged is there, a wait that was cancelled is no success, no replica is read."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
import pytest_asyncio

from meter.database.connect import connect
from migrations.upgrade import upgrade
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.own_server import OwnServer, binaries_of, own_server, standby_of
from tests.support.records import as_array, usage
from tests.support.serving import in_process
from tests.support.worlds import post

COUNT = "select count(*) from entry"


@dataclass(frozen=True)
class Standing:
    """A service on a primary with a standby that it waits for."""

    primary: OwnServer
    standby: OwnServer
    door: ApiClient
    platform: KeyClient


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[OwnServer, OwnServer]]:
    with own_server(binaries_of("15")) as primary, standby_of(primary, "standby") as standby:
        asyncio.run(upgrade(primary.url()))
        primary.psql("alter system set synchronous_standby_names = 'standby'", "postgres")
        primary.psql("select pg_reload_conf()", "postgres")
        yield primary, standby


@pytest_asyncio.fixture
async def standing(servers: tuple[OwnServer, OwnServer]) -> AsyncIterator[Standing]:
    async with in_process(servers[0].url()) as door:
        await door.register_the_usual()
        yield Standing(*servers, door, await door.platform())


async def test_what_is_acknowledged_is_on_the_standby(standing: Standing) -> None:
    before = int(standing.primary.psql(COUNT))
    for number in range(20):
        await standing.platform.push(usage(f"both-{number}"))
    flushed = "select flush_lsn >= $$LSN$$::pg_lsn from pg_stat_replication"
    written = standing.primary.psql("select pg_current_wal_flush_lsn()", "postgres")
    assert standing.primary.psql(flushed.replace("LSN", written), "postgres") == "t"
    assert await replayed(standing.standby, before + 20)


async def replayed(standby: OwnServer, count: int) -> bool:
    """Whether the standby comes to show so many records."""
    for _ in range(300):
        if int(standby.psql(COUNT)) == count:
            return True
        await asyncio.sleep(0.1)
    return False


async def test_a_wait_that_was_cancelled_is_no_success(standing: Standing) -> None:
    """Neither for records nor for a decision; afterwards the record counts once."""
    finance = await standing.door.holder("settlement:run", "report:read")
    order = {"round": "anhui-2026", "order": {"rate": "0.20"}}
    made = (await post(finance, "/settlements", order)).json()["id"]
    sent = as_array([usage("cancelled")])
    await asyncio.to_thread(standing.standby.stop)
    try:
        asked = [
            asyncio.create_task(standing.platform.send(sent)),
            asyncio.create_task(post(finance, f"/settlements/{made}/submit", {})),
        ]
        while not all(one.done() for one in asked):
            cancel = "select pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'"
            await asyncio.to_thread(standing.primary.psql, cancel, "postgres")
            await asyncio.wait(asked, timeout=0.2)
        for one in asked:
            assert problem(one.result()) == (503, "journal_unavailable")
            assert one.result().headers["retry-after"]
            assert "not confirmed" in one.result().json()["detail"]
    finally:
        await asyncio.to_thread(standing.standby.start)
    receipt = good(await standing.platform.send(sent))
    assert (receipt["accepted"], receipt["duplicate"]) == (0, 1), "it is there, and known now"


COMMANDS = {
    "settle": ("settle", "anhui-2026", "--rate", "0.2"),
    "verify": ("verify", "anhui-2026-0001"),
    "verify journal": ("verify", "journal"),
    "evidence": ("evidence", "anhui-2026-0001"),
    "checkpoint": ("checkpoint",),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_no_command_believes_a_replica(servers: tuple[OwnServer, OwnServer], command: tuple[str, ...]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", *command], capture_output=True, text=True, check=False, timeout=120,
        env={**os.environ, "DATABASE_URL": servers[1].url()},
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.count("\n") == 1
    assert "standby" in done.stderr


async def test_a_host_that_is_gone_without_a_word_does_not_hide_the_next(servers: tuple[OwnServer, OwnServer]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:  # takes connections and says nothing
        port = urlsplit(servers[0].url()).port
        url = f"postgresql://postgres@127.0.0.1:{silent.getsockname()[1]},127.0.0.1:{port}/suanbu"
        for _ in range(2):
            opened = await connect(url, application="tests", seconds=10)
            assert await opened.fetchval("select inet_server_port()") == port
            await opened.close()
