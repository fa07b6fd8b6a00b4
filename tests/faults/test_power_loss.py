"""The power fails while clients push: what was not synced to the disk is gone, and nothing acknowledged is among it.

The database's files and the service's data directory, with its key file, lie on a disk that loses everything that was
only in a cache (`harness/disk.py`); the clients' journals lie elsewhere. Without root there can be no such disk: then
everything is only killed in one moment, and the figures say so.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from tests.faults.harness import figures
from tests.faults.harness.disk import Disk, disk, reason_against
from tests.faults.harness.oracle import acknowledged, judge
from tests.faults.harness.processes import children
from tests.faults.harness.scale import SCALE, TIMEOUT_SECONDS, deadline
from tests.faults.harness.seeds import kept_when_it_fails, seeds_of
from tests.faults.harness.supervisor import Supervisor, kill_all
from tests.support.journal import journal_is_whole
from tests.support.own_server import OwnServer, binaries_of
from tests.support.postgres import folder_for_postgres
from tests.support.serving import over_http

MEGABYTES = 2000
SETTINGS = "max_wal_size = 96MB\nmin_wal_size = 32MB\n"
SOURCE, LANES, ROWS = "power", 3, 200


@contextlib.contextmanager
def server_on(place: Path, settings: str) -> Iterator[OwnServer]:
    """A server whose files lie at a place."""
    folder = place / "server"
    folder.mkdir()
    folder.chmod(0o755)
    server = OwnServer(folder, binaries_of("18"))
    try:
        server.initialise(SETTINGS + settings)
        yield server
    finally:
        with contextlib.suppress(AssertionError):
            server.stop("immediate")


@contextlib.contextmanager
def mortal_place() -> Iterator[tuple[Path, Path, Disk | None]]:
    """A folder that stays, and a place on a disk that can lose its power (or on none, where there can be no such)."""
    with folder_for_postgres() as folder:
        if reason_against():
            (folder / "disk").mkdir(mode=0o755)
            yield folder, folder / "disk", None
            return
        with disk(folder, MEGABYTES) as made:
            yield folder, made.place, made


@pytest.mark.timeout(TIMEOUT_SECONDS)
@pytest.mark.parametrize("seed", seeds_of("power"))
async def test_nothing_acknowledged_is_lost_with_the_power(seed: int) -> None:
    chance = random.Random(seed)
    with (
        kept_when_it_fails("power", seed), mortal_place() as (folder, place, mortal),
        server_on(place, "fsync = on\n") as server,
    ):  # fmt: skip
        if mortal:
            await asyncio.to_thread(mortal.sync)  # initdb synced nothing
        async with (
            Supervisor.over(server, folder, workers=1, job_workers=0, data=place / "data") as it,
            over_http(it.served.url, server.url()) as door,
        ):
            await door.register_the_usual()
            platform = await door.platform(SOURCE)
            clients = it.start_clients(platform.key, ("a",), LANES, SCALE.batch_records)
            await clients.all_served_again()
            losses, until = 0, deadline()
            while losses < SCALE.power_losses and time.monotonic() < until:
                losses += 1
                await asyncio.sleep(chance.random())
                await it.power_fails(mortal)
                await clients.all_served_again()
            await clients.finish()
            journals = clients.journals()
            owner = await asyncpg.connect(server.url())
            try:
                batches = acknowledged(journals, SCALE.batch_records)
                verdict = await judge(owner, SOURCE, batches, await door.holder("usage:read"))
                await journal_is_whole(owner)
            finally:
                await owner.close()
    figures.record(
        "power losses", losses=losses if mortal else 0, only_killed=reason_against(),
        acknowledged_records=verdict.acknowledged, lost=verdict.lost, doubled=verdict.doubled,
        bound_95=figures.bound(losses if mortal else 0),
        first_answer_after_restart_seconds=figures.seconds(it.restarts),
    )  # fmt: skip
    assert [said for one in journals.values() for said in one.wrong] == []
    assert (verdict.lost, verdict.doubled, verdict.strangers, verdict.differences) == (0, 0, 0, [])


async def test_a_server_that_does_not_sync_is_seen_to_lose() -> None:
    """The disk does lose what was not synced: a server without fsync does not come back whole."""
    with mortal_place() as (_, place, mortal), server_on(place, "fsync = off\n") as server:
        server.psql("create table told (n int)")
        if mortal is None:
            return  # reason_against() says why, and nothing can be lost
        await asyncio.to_thread(mortal.sync)
        connection = await asyncpg.connect(server.url())
        for number in range(ROWS):
            await connection.execute("insert into told values ($1)", number)
        first = int((server.files / "postmaster.pid").read_text().split()[0])
        family = [first, *children(first)]
        mortal.lose_power()
        await kill_all(family, family)
        await asyncio.to_thread(mortal.unmount)
        await asyncio.to_thread(mortal.mount)
        for lock in (server.files / "postmaster.pid", *server.folder.glob(".s.PGSQL.*.lock")):
            lock.unlink(missing_ok=True)
        try:
            await asyncio.to_thread(server.start)
            stored = int(server.psql("select count(*) from told"))
        except AssertionError:
            stored = 0  # it does not even start
        assert stored < ROWS
