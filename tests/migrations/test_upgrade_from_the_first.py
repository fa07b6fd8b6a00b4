"""A database of version 0.1, whose tables belonged to a superuser and whose functions to everybody, with data in it."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from sqlalchemy.exc import DBAPIError

from meter.database.connect import command_engine, owner_engine, service_engine
from meter.database.roles import OWNER_ROLE, SERVICE_ROLE, RolesMissing, sql_for
from migrations.revisions import newest
from migrations.upgrade import configuration, upgrade
from tests.support.api_client import good
from tests.support.postgres import Cluster, url_of
from tests.support.province import locked, people_of, populate
from tests.support.serving import in_process

OLD = "0002"
KEPT = ("api_key", "audit", "batch", "login", "person", "person_event", "source")


@pytest_asyncio.fixture
async def old(cluster: Cluster) -> AsyncIterator[str]:
    """A database as version 0.1 left it: migrated by whoever connected, never told of an owner; keys, people, a log."""
    async with cluster.empty_database() as url:
        engine = owner_engine(url)
        async with engine.connect() as connection:
            await connection.run_sync(lambda sync: command.upgrade(configuration(sync), OLD))
            await connection.commit()
        await engine.dispose()
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(_DATA)
        finally:
            await connection.close()
        yield url


_DATA = """
    insert into source values (1, 'platform');
    insert into api_key (prefix, secret_digest, name, scopes, source, created_at, signed)
    values ('0123456789ab', sha256('secret'), 'platform', '{usage:read}', 1, now(), false);
    insert into person (name, role, password_hash, created_at) values ('Wang', 'auditor', 'hash', now());
    insert into person_event (name, event, result, actor, at, detail)
    values ('Wang', 'login', 'done', 'person:Wang', now(), '{}');
    insert into login (token_digest, person, created_at, expires_at, seen_at, proven_at)
    select 't', id, now(), now() + interval '8 hours', now(), now() from person;
"""


async def test_it_is_upgraded_with_what_is_in_it_and_goes_on(old: str) -> None:
    before = await _contents(old)
    assert before["api_key"], before
    assert before["audit"], "a key, a person and a login"
    assert await upgrade(old) == (OLD, newest())
    kept = await _contents(old)
    for table, rows in before.items():  # a column that came since stands behind those that were there
        width = len(rows[0]) if rows else 0
        assert [row[:width] for row in kept[table]] == rows, table
    async with in_process(old) as door:
        await populate(door)
        people = await people_of(door)
        number = (await locked(people))["id"]
        assert good(await people.clerk.get(f"/settlements/{number}/verify"))["equal"]
    after = await _contents(old)
    assert after["audit"][: len(before["audit"])] == before["audit"], "no column was added here"
    assert len(after["audit"]) > len(before["audit"])
    owned = await _one(
        old,
        "select array_agg(distinct relowner::regrole::text) from pg_class where relnamespace in "
        "('public'::regnamespace, 'city'::regnamespace)",
    )
    assert owned == [OWNER_ROLE]


async def test_what_belongs_to_somebody_else_stays_theirs(old: str) -> None:
    connection = await asyncpg.connect(old)
    try:
        await connection.execute("create schema theirs; create table theirs.notes (n int)")
        mine = await connection.fetchval("select current_user")
    finally:
        await connection.close()
    await upgrade(old)
    assert await _one(old, "select relowner::regrole::text from pg_class where relname = 'notes'") == mine


async def test_an_owner_without_superuser_is_told_what_to_run_once_and_then_upgrades(cluster: Cluster) -> None:
    login, password, name = f"suanbu_app_{secrets.token_hex(4)}", secrets.token_hex(8), f"app_{secrets.token_hex(4)}"
    await cluster.command(f"create role {login} login password '{password}'")
    try:
        await cluster.command(f"create database {name} owner {login}")
        whole = url_of(cluster.server, name)
        parts = urlsplit(whole)
        url = urlunsplit(parts._replace(netloc=f"{login}:{password}@{parts.netloc.rpartition('@')[2]}"))
        with pytest.raises(RolesMissing, match=rf"suanbu db roles --login YOUR_LOGIN \| psql -d {name}"):
            await upgrade(url)
        superuser = await asyncpg.connect(whole)
        try:
            await superuser.execute(sql_for(login))
        finally:
            await superuser.close()
        assert await upgrade(url) == (None, newest())
        assert await upgrade(url) == (newest(), newest())
        async with in_process(url) as door:
            await door.register_the_usual()
        await _a_login_of_the_service_alone_waits_for_the_migrator(cluster, name, parts.netloc.rpartition("@")[2])
    finally:
        await cluster.command(f"drop database if exists {name} with (force)")
        await cluster.command(f"drop role {login}")


async def _a_login_of_the_service_alone_waits_for_the_migrator(cluster: Cluster, name: str, place: str) -> None:
    """It finds the newest shape, or is told who makes it; it cannot act as the command line."""
    login, password = f"suanbu_only_{secrets.token_hex(4)}", secrets.token_hex(8)
    await cluster.command(f"create role {login} login noinherit password '{password}' in role {SERVICE_ROLE}")
    url = f"postgresql://{login}:{password}@{place}/{name}"
    try:
        assert await upgrade(url) == (newest(), newest())
        engine = service_engine(url, 1)
        async with engine.connect():
            pass
        await engine.dispose()
        engine = command_engine(url, 1)
        with pytest.raises(DBAPIError, match="permission denied to set role"):
            async with engine.connect():
                pass
        await engine.dispose()
        owner = await asyncpg.connect(url_of(cluster.server, name))
        await owner.execute("update alembic_version set version_num = '0001'")
        await owner.close()
        with pytest.raises(RolesMissing, match="the database is at 0001, this code needs"):
            await upgrade(url)
    finally:
        await cluster.command(f"drop role {login}")


async def _contents(url: str) -> dict[str, list[Any]]:
    connection = await asyncpg.connect(url)
    try:
        return {
            table: [tuple(row) for row in await connection.fetch(f"select * from {table} order by 1")] for table in KEPT
        }
    finally:
        await connection.close()


async def _one(url: str, sql: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(sql)
    finally:
        await connection.close()
