"""Whoever has one of our URLs reads no file of the server, runs no program, and becomes nobody who can."""

from __future__ import annotations

import asyncio
import os
import pwd
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from meter.database.bootstrap import SUPERUSER
from meter.database.embedded import Running, embedded
from meter.database.roles import (
    COMMAND_ROLE,
    LOGINS,
    MIGRATOR,
    OPERATOR,
    OWNER_ROLE,
    READER,
    SERVER,
    SERVICE_ROLE,
    Login,
)
from meter.database.seal import KEY_FILE, secret_file
from migrations.revisions import newest
from migrations.upgrade import upgrade
from tests.support.postgres import CHOICE, folder_for_postgres

READING_FILES = (
    "select pg_read_file('postgresql.conf')",  # the server's own user can read it, so only the role is in the way
    "select pg_read_binary_file('postgresql.conf')",
    "select pg_read_file('{folder}/seal.key')",
    "select pg_read_file('{folder}/postgres.password')",
    "select pg_ls_dir('.')",
    "select pg_stat_file('postgresql.conf')",
    "select pg_ls_logdir()",
    "select lo_import('postgresql.conf')",
    "copy alembic_version from '{folder}/seal.key'",
    "create temp table taken (line text)",
)
RUNNING_PROGRAMS = (
    "copy alembic_version from program 'id'",
    "copy (select 1) to program 'id'",
    "copy (select 1) to '/tmp/suanbu-written'",
    "select lo_export(1, '/tmp/suanbu-written')",
    "alter system set archive_command = 'id'",
    "alter system set shared_preload_libraries = 'x'",
    "load '/tmp/x.so'",
    "create function x() returns int language c as '/tmp/x.so', 'x'",
    "create extension file_fdw",
    "create extension adminpack",
    "create extension plpython3u",
    "create extension dblink",
    "create server away foreign data wrapper file_fdw",
    "create event trigger x on ddl_command_end execute function suanbu_kept()",
)
BECOMING_MORE = (
    "set role {superuser}",
    "set session authorization {superuser}",
    "alter role {me} superuser",
    "alter role {me} createrole",
    "alter role {me} bypassrls",
    "alter role {superuser} password 'known'",
    "create role another login",
    "grant {superuser} to {me}",
    "grant pg_read_server_files to {me}",
    "grant pg_execute_server_program to {me}",
    "grant pg_write_server_files to {me}",
    "set session_replication_role = replica",
    "create database another",
    "alter database suanbu owner to {me}",
)
CHANGING_RULES = (
    "create table public.settlement_event_2 (n int)",
    "create schema mine",
    "alter table settlement disable trigger all",
    "alter table settlement no force row level security",
    "drop policy scope on settlement",
    "create or replace function suanbu_now() returns timestamptz language sql as 'select now()'",
    "alter function summarize_journal() reset search_path",
    "create trigger x before insert on settlement_event for each row execute function suanbu_kept()",
    "create policy mine on settlement using (true)",
    "insert into settlement_transition values ('lock', 'computed', 'locked')",
    "update person set role = 'admin'",
    "delete from audit",
)


@pytest.fixture(scope="module")
def data() -> Iterator[Path]:
    """A data directory with a key in it."""
    with folder_for_postgres() as folder:
        secret_file(folder / KEY_FILE, lambda: "5e" * 32)
        yield folder


@pytest_asyncio.fixture(scope="module")
async def running(data: Path) -> AsyncIterator[Running]:
    """An embedded server with the newest shape, made by the migrator's login from nothing."""
    chosen = os.environ.get(CHOICE)
    with embedded(data, Path(chosen) if chosen and "://" not in chosen else None) as server:
        assert await upgrade(server.socket_url(MIGRATOR)) == (None, newest())
        yield server


@pytest.mark.parametrize("login", LOGINS, ids=lambda login: login.name)
async def test_no_url_of_ours_reads_a_file_or_runs_a_program(running: Running, data: Path, login: Login) -> None:
    for role in (None, *login.roles):
        for sql in (*READING_FILES, *RUNNING_PROGRAMS, *BECOMING_MORE):
            said = sql.format(folder=data, me=login.name, superuser=SUPERUSER.name)
            assert await _refused(running.url(login), role, said), (role, said)


@pytest.mark.parametrize("login", [SERVER, OPERATOR, READER], ids=lambda login: login.name)
async def test_nobody_but_the_migrator_changes_a_rule(running: Running, login: Login) -> None:
    for role in (None, *login.roles):
        for sql in CHANGING_RULES:
            assert await _refused(running.url(login), role, sql), (role, sql)


async def test_the_attacks_are_real(running: Running, data: Path) -> None:
    """The same statements, as the superuser that nobody is given: they are not refused for another reason."""
    url = running.url(SUPERUSER)
    for sql in (READING_FILES[0], READING_FILES[4], RUNNING_PROGRAMS[1], BECOMING_MORE[3], CHANGING_RULES[2]):
        said = sql.format(folder=data, me=READER.name, superuser=SUPERUSER.name)
        assert not await _refused(url, None, said), said


@pytest.mark.parametrize("login", LOGINS, ids=lambda login: login.name)
async def test_a_login_has_no_attribute_and_takes_on_its_roles_only(running: Running, login: Login) -> None:
    connection = await asyncpg.connect(running.url(login))
    try:
        row = await connection.fetchrow("select * from pg_roles where rolname = session_user")
        more = ("rolsuper", "rolcreaterole", "rolcreatedb", "rolbypassrls", "rolreplication")
        assert [name for name in more if row[name]] == []
        direct = await connection.fetch(
            "select roleid::regrole::text as role from pg_auth_members where member = session_user::regrole"
        )
        assert {one["role"] for one in direct} == set(login.roles)
        powers = await connection.fetch(
            "select rolname from pg_roles where pg_has_role(session_user, oid, 'member') and rolname not like 'suanbu%'"
        )
        # who owns a database is a member of this one, whose one right is to create in its schema public
        assert {one["rolname"] for one in powers} == ({"pg_database_owner"} if login is MIGRATOR else set())
    finally:
        await connection.close()


@pytest.mark.parametrize("login", [SERVER, OPERATOR, MIGRATOR], ids=lambda login: login.name)
async def test_a_login_without_its_role_sees_nothing(running: Running, login: Login) -> None:
    assert await _refused(running.url(login), None, "select count(*) from settlement")


async def test_the_service_is_not_the_command_line(running: Running) -> None:
    for role in (COMMAND_ROLE, OWNER_ROLE):
        assert await _refused(running.url(SERVER), None, f"set role {role}"), role
    connection = await asyncpg.connect(running.url(SERVER))
    try:
        await connection.execute(f"set role {SERVICE_ROLE}; set suanbu.actor = 'command line:director'")
        with pytest.raises(asyncpg.CheckViolationError, match="nobody here acts as command line:director"):
            await connection.execute("select audit_note('key.use', 'x', 'refused', '{}')")
        with pytest.raises(asyncpg.CheckViolationError, match="the service does not do"):
            await connection.execute("select audit_note('evidence.export', 'x', 'done', '{}')")
    finally:
        await connection.close()


def test_db_url_prints_the_reader_and_the_key_stays_where_it_is(running: Running, data: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api", "db", "url", "--data", str(data)], capture_output=True, text=True, check=True,
        env={**os.environ, "DATABASE_URL": ""},
    )  # fmt: skip
    assert done.stdout.strip() == running.url(READER)


async def test_the_log_has_the_systems_name_of_who_ran_a_command_whatever_the_environment_says(
    running: Running, data: Path
) -> None:
    for command in (("key", "create", "--name", "k", "--scope", "usage:read"), ("user", "unlock", "somebody")):
        await asyncio.to_thread(
            subprocess.run, [sys.executable, "-m", "api", *command, "--data", str(data)], capture_output=True,
            check=True, env={**os.environ, "DATABASE_URL": "", "LOGNAME": "director", "USER": "director"},
        )  # fmt: skip
    connection = await asyncpg.connect(running.url(READER))
    try:
        rows = await connection.fetch("select action, actor from audit where action in ('key.create', 'person.unlock')")
    finally:
        await connection.close()
    who = f"command line:{pwd.getpwuid(os.getuid()).pw_name}"
    assert {tuple(row) for row in rows} == {("key.create", who), ("person.unlock", who)}


async def test_the_reader_only_reads(running: Running) -> None:
    connection = await asyncpg.connect(running.url(READER))
    try:
        assert await connection.fetchval("select count(*) from settlement") == 0
        for sql in ("select password_hash from person", "select totp_secret from person", "select * from login",
                    "select secret_digest from api_key", "select bank_account from entity_fact", "select * from logout",
                    "select account from payout_instruction", "select * from request_nonce"):  # fmt: skip
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.fetch(sql)
        await connection.execute("set default_transaction_read_only = off; set transaction_read_only = off")
        for sql in ("insert into source values (1, 'x')", "select audit_note('x.y', '', 'refused', '')"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(sql)
    finally:
        await connection.close()


async def _refused(url: str, role: str | None, sql: str) -> bool:
    """Whether the server does not do it; what it did is undone."""
    connection = await asyncpg.connect(url)
    try:
        if role:
            await connection.execute(f"set role {role}")
        await connection.execute("set default_transaction_read_only = off")
        before = await connection.fetchval("select current_user")
        try:
            if sql.startswith(("alter system", "create database")):
                await connection.execute(sql)
            else:
                await connection.execute(f"begin; {sql}")
        except (asyncpg.InsufficientPrivilegeError, asyncpg.UndefinedFileError, asyncpg.FeatureNotSupportedError,
                asyncpg.UndefinedObjectError):  # fmt: skip
            return True
        return await connection.fetchval("select current_user") == before and sql.startswith("set role")
    finally:
        await connection.close()
