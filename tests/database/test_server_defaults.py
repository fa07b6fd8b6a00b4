"""A server whose defaults are odd: what our SQL relies on, our connections set for themselves."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import RELIED_ON, command_engine, driver, owner_engine, service_engine
from meter.database.roles import SERVICE_ROLE
from migrations.revisions import newest
from migrations.upgrade import upgrade
from tests.support.api_client import KeyClient, counts, good
from tests.support.journal import journal_is_whole
from tests.support.postgres import Cluster
from tests.support.province import people_of, populate, run
from tests.support.records import facility, usage
from tests.support.serving import in_process
from tests.support.worlds import every_line

ODD = {
    "DateStyle": "'German'",
    "IntervalStyle": "'iso_8601'",
    "TimeZone": "'America/New_York'",
    "bytea_output": "'escape'",
    "client_encoding": "'LATIN1'",
    "search_path": "nowhere, city",
    "standard_conforming_strings": "off",
}
SENDERS = 8


@pytest_asyncio.fixture(params=["serializable", "repeatable read"])
async def odd(request: pytest.FixtureRequest, cluster: Cluster) -> AsyncIterator[str]:
    """A migrated database with defaults that nobody expects."""
    async with cluster.empty_database() as url:
        name = urlsplit(url).path.lstrip("/")
        for setting, value in {**ODD, "default_transaction_isolation": f"'{request.param}'"}.items():
            await cluster.command(f"alter database {name} set {setting} = {value}")
        assert await upgrade(url) == (None, newest())
        yield url


async def test_a_connection_sets_what_we_rely_on(odd: str) -> None:
    for engine, role in ((service_engine(odd), SERVICE_ROLE), (owner_engine(odd), "none")):
        await _sets_what_we_rely_on(engine, role)


async def _sets_what_we_rely_on(engine: AsyncEngine, role: str) -> None:
    try:
        async with engine.connect() as connection:
            rows = (await connection.execute(text("select name, setting, reset_val from pg_settings"))).all()
            isolation = (await connection.execute(text("show transaction_isolation"))).scalar_one()
            role_now = (await connection.execute(text("select current_setting('role')"))).scalar_one()
            await connection.execute(text("reset role"))  # to what was said on the way in
            role_at_first = (await connection.execute(text("select current_setting('role')"))).scalar_one()
    finally:
        await engine.dispose()
    found = {name: setting for name, setting, _ in rows}
    assert {name: found[name] for name in RELIED_ON} == {name: value.strip("'") for name, value in RELIED_ON.items()}
    assert (isolation, role_now, role_at_first) == ("read committed", role, "none")
    at_first = {name: value for name, _, value in rows}
    # said afterwards and not on the way in, where a pooler objects; the driver itself says the encoding
    assert at_first["TimeZone"] == "America/New_York"
    assert at_first["search_path"] == "nowhere, city"


@pytest.mark.parametrize(("default", "found"), [("off", "on"), ("local", "on"), ("remote_apply", "remote_apply"),
                                                ("remote_write", "remote_write")])  # fmt: skip
async def test_what_is_answered_for_is_on_the_disk_whatever_the_database_has_as_its_default(
    cluster: Cluster, default: str, found: str
) -> None:
    async with cluster.database() as url:
        name = urlsplit(url).path.lstrip("/")
        await cluster.command(f"alter database {name} set synchronous_commit = {default}")
        for engine in (service_engine(url), command_engine(url), owner_engine(url)):
            async with engine.connect() as connection:
                assert (await connection.execute(text("show synchronous_commit"))).scalar_one() == found
                await connection.rollback()
                assert (await connection.execute(text("show synchronous_commit"))).scalar_one() == found
            await engine.dispose()


async def test_many_send_at_once_to_a_database_of_odd_defaults(odd: str) -> None:
    """Two processes' worth of recorders, and a registry that changes among the records."""
    async with in_process(odd) as door, in_process(odd) as second:
        registrar = await door.register_the_usual()
        platforms = [await door.platform() for _ in range(SENDERS)]
        senders = [
            KeyClient(app.client, one.key, one.name)
            for one, app in zip(platforms, [door, second] * (SENDERS // 2), strict=True)
        ]

        async def send(platform: KeyClient, number: int) -> None:
            for turn in range(5):
                receipt = await platform.push(usage(f"r{turn}"), usage("again"))
                assert counts(receipt) == ([2, 0, 0, 0] if turn == 0 else [1, 1, 0, 0])
                if number == 0:
                    assert good(await registrar.put("/facilities", [facility(f"hf-1{turn}")]))["refused"] == 0

        await asyncio.gather(*(send(platform, number) for number, platform in enumerate(senders)))
        async with door.engine.connect() as held:
            await journal_is_whole(await driver(held), 6 * SENDERS)


async def test_a_settlement_runs_on_a_database_of_odd_defaults(odd: str) -> None:
    async with in_process(odd) as door:
        await populate(door)
        clerk = (await people_of(door)).clerk
        number = (await run(clerk))["id"]
        assert good(await clerk.get(f"/settlements/{number}/verify"))["equal"]
        lines = await every_line(clerk, number)
        assert [line["award_fen"] for line in lines] == [20_000] * 6  # a fifth of what each has paid


def test_there_is_one_way_in_and_every_transaction_says_its_isolation() -> None:
    top = Path(__file__).parents[2]
    careless = re.compile(r"create_async_engine\(|asyncpg\.connect\(|\.transaction\(\)|execute\(f?\"begin\b")
    found = {
        str(path.relative_to(top))
        for folder in ("api", "meter", "migrations", "settlement")
        for path in (top / folder).rglob("*.py")
        if careless.search(path.read_text())
    }
    assert found == {"meter/database/connect.py"}
