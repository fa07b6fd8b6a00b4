"""The database is taken back to an earlier state, or exchanged for another, under a service that goes on running."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from migrations.upgrade import upgrade
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.journal import journal_is_whole
from tests.support.own_server import VERSIONS, OwnServer, binaries_of, own_server, standby_of
from tests.support.records import as_array, facility, usage, uscc
from tests.support.serving import in_process

LOST, OTHER, KNOWN = uscc(801), uscc(802), uscc(803)
"""Consumers: first seen after the backup; first seen after it was put back; seen before."""


@dataclass(frozen=True)
class World:
    """A service that runs, its server, and who sends."""

    server: OwnServer
    door: ApiClient
    registrar: KeyClient
    platform: KeyClient


@pytest.fixture(scope="module", params=VERSIONS)
def server(request: pytest.FixtureRequest) -> Iterator[OwnServer]:
    with own_server(binaries_of(request.param)) as made:
        yield made


@pytest_asyncio.fixture
async def world(server: OwnServer) -> AsyncIterator[World]:
    """A service on a database with something in it."""
    server.psql("drop database if exists suanbu with (force)", "postgres")
    server.psql("create database suanbu", "postgres")
    await upgrade(server.url())
    async with in_process(server.url()) as door:
        registrar, platform = await door.register_the_usual(), await door.platform("dispatch")
        await platform.push(usage("before", consumer=KNOWN, charge_fen=7))
        yield World(server, door, registrar, platform)


async def what_is_lost(world: World) -> KeyClient:
    """Things that only the later state of the database knows; a key among them."""
    await world.registrar.put("/facilities", [facility("hf-lost")])
    await world.platform.push(usage("lost-1", consumer=LOST, charge_fen=1000), usage("lost-2", facility="hf-lost"))
    key = await world.door.platform("lost")
    await key.push(usage("lost-3"))
    return key


Taking = Callable[[World], Awaitable[KeyClient]]
"""Takes the database of a world back; returns a key that it no longer has."""


async def cold_files(world: World) -> KeyClient:
    server = world.server
    backup = server.folder / "backup"
    shutil.rmtree(backup, ignore_errors=True)
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.copy, backup)
    await asyncio.to_thread(server.start)
    key = await what_is_lost(world)
    await asyncio.to_thread(server.stop)
    await asyncio.to_thread(server.put_back, backup)
    return key


async def dump_under_the_same_name(world: World) -> KeyClient:
    dumped = await dump(world)
    key = await what_is_lost(world)
    world.server.psql("drop database suanbu with (force)", "postgres")
    world.server.psql("create database suanbu owner suanbu_owner", "postgres")
    await load(world, dumped)
    return key


async def rows_taken_away(world: World) -> KeyClient:
    """Nothing but the rows is other than before: no connection breaks, no server starts."""
    head, parties, sources = world.server.psql(
        "select (select max(batch) from batch), (select max(id) from party), (select max(id) from source)"
    ).split("|")
    key = await what_is_lost(world)
    taking_away = f"""set session_replication_role = replica;
        lock table rollup_block, rollup, batch;  -- what the service is about to add up is added up first
        delete from entry where batch > {head}; delete from facility_owner where batch > {head};
        delete from facility_fact where batch > {head}; delete from facility where code = 'hf-lost';
        delete from rollup where last_batch > {head}; delete from rollup_block where last_batch > {head};
        delete from batch_body where batch > {head}; delete from batch where batch > {head};
        delete from api_key where source > {sources}; delete from source where id > {sources};
        delete from party where id > {parties}"""
    await asyncio.to_thread(world.server.psql, taking_away)
    return key


async def promoted_standby(world: World) -> KeyClient:
    """A standby that lacks the last commits takes the primary's place."""
    server = world.server
    with standby_of(server) as standby:
        await caught_up(server)
        server.psql("select pg_terminate_backend(pid) from pg_stat_replication", "postgres")
        await asyncio.to_thread(standby.stop)
        key = await what_is_lost(world)
        await asyncio.to_thread(server.stop)
        standby.configure("primary_conninfo = ''\nrestore_command = 'false'\n")
        await asyncio.to_thread(standby.start)
        await asyncio.to_thread(standby.promote)
        await asyncio.to_thread(standby.stop)
        await asyncio.to_thread(server.put_back, standby.files)
    return key


WAYS: dict[str, Taking] = {
    "files of a stopped server put in place": cold_files,
    "a dump loaded under the same name": dump_under_the_same_name,
    "a standby that lacked the last commits": promoted_standby,
    "rows taken away under a running server": rows_taken_away,
}


@pytest.mark.parametrize("take_back", WAYS.values(), ids=WAYS.keys())
async def test_what_was_known_of_it_is_never_believed_again(world: World, take_back: Taking) -> None:
    gone = await take_back(world)
    # another process is first to record: it gives to others the numbers that this service knows of the lost
    async with in_process(world.server.url()) as second:
        elsewhere = KeyClient(second.client, world.platform.key, world.platform.name)
        await elsewhere.push(usage("other-1", consumer=OTHER, charge_fen=30))
        await second.register_the_usual()
    receipt = await world.platform.push(
        usage("again-1", consumer=LOST, charge_fen=50_000),
        usage("again-2", consumer=OTHER, charge_fen=4),
        usage("again-3", consumer=KNOWN, charge_fen=5),
        usage("again-4", consumer=LOST, facility="hf-lost"),
        usage("lost-1", consumer=LOST, charge_fen=600),
    )
    assert [(one["index"], one["code"]) for one in receipt["results"]] == [(3, "unknown_facility")]
    assert receipt["accepted"] == 4
    totals = await world.platform.items("/usage-totals", by="consumer")
    assert {one["consumer"]: one["charge_fen"] for one in totals} == {LOST: 50_600, OTHER: 34, KNOWN: 12}
    assert problem(await gone.send(as_array([usage("lost-4")]))) == (401, "unknown_key")
    owner = await asyncpg.connect(world.server.url())
    try:
        await journal_is_whole(owner)
    finally:
        await owner.close()


async def test_a_service_never_reads_from_a_standby(world: World) -> None:
    with standby_of(world.server) as standby:
        async with in_process(standby.url()) as door:
            answer = await door.client.get("/readyz")
            assert problem(answer) == (503, "database_unavailable")
            assert "standby" in answer.json()["detail"]
            stale = KeyClient(door.client, world.platform.key, "dispatch")
            assert problem(await stale.get("/usage-totals")) == (503, "journal_unavailable")


async def dump(world: World) -> Path:
    """A dump of the database."""
    place = world.server.folder / "dump"
    await asyncio.to_thread(world.server.run, "pg_dump", "-Fc", "-f", str(place), "-d", world.server.url())
    return place


async def load(world: World, place: Path) -> None:
    """Load a dump."""
    await asyncio.to_thread(world.server.run, "pg_restore", "-d", world.server.url(), str(place))


async def caught_up(server: OwnServer) -> None:
    """Wait until the standby has everything."""
    for _ in range(200):
        if server.psql("select replay_lsn = pg_current_wal_lsn() from pg_stat_replication", "postgres") == "t":
            return
        await asyncio.sleep(0.05)
    raise AssertionError("the standby never caught up")


async def test_the_usual_is_received(world: World) -> None:
    assert good(await world.platform.send(as_array([usage("usual")])))["accepted"] == 1
