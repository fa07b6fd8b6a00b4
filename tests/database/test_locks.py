"""Advisory locks: each number is one job's, in the code and in the database, and no job waits for another's."""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from alembic import command
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from api.auth.keys import NewKey, create_key
from meter.database.connect import command_engine, owner_engine
from meter.database.locks import AdvisoryLock
from meter.database.roles import OWNER_ROLE, SERVICE_ROLE
from meter.jobs.seal import SealedElsewhere, archive
from migrations.revisions import newest
from migrations.upgrade import configuration, upgrade
from tests.support.postgres import Cluster

HERE = Path(__file__)
TOP = HERE.parents[2]
FOLDERS = ("api", "benchmarks", "deploy", "meter", "migrations", "settlement", "tests")
OF_THE_TESTS = TOP / "tests" / "support" / "postgres.py"  # workers of one run, in a database that holds no service
CALL = re.compile(r"pg_(?:try_)?advisory_(?:xact_)?(?:un)?lock(?:_shared)?\s*\(\s*([^,()]*)")
NAMED = re.compile(r"\{AdvisoryLock\.([A-Z_]+)\}")
NOW = datetime(2026, 11, 28, 5, tzinfo=UTC)


def strange_locks(text: str) -> list[str]:
    """First arguments of lock calls that name no member of the enum; a parameter's value stands elsewhere."""
    strange = []
    for argument in CALL.findall(text):
        named = NAMED.fullmatch(argument.strip())
        if argument.strip() != "$1" and (named is None or named[1] not in AdvisoryLock.__members__):
            strange.append(argument)
    return strange


def numbers_of(definition: str) -> set[int]:
    """The numbers of the locks that a function of the database takes. Raises ValueError for one that is not plain."""
    return {int(argument, 0) for argument in CALL.findall(definition)}


def test_every_lock_has_a_number_of_its_own() -> None:
    written = re.findall(r"= (0x[0-9A-F]+)", (TOP / "meter/database/locks.py").read_text())
    assert [number for number, times in Counter(written).items() if times > 1] == []
    assert sorted(int(number, 16) for number in written) == sorted(AdvisoryLock)


def test_the_code_takes_locks_by_name_only() -> None:
    """What migrations define is seen in the migrated database instead: the latest definition is the one that counts."""
    files = [
        path
        for folder in FOLDERS
        for ending in ("*.py", "*.sql")
        for path in sorted((TOP / folder).rglob(ending))
        if path not in (HERE, OF_THE_TESTS) and path.parent != TOP / "migrations" / "versions"
    ]
    found = {str(path.relative_to(TOP)): CALL.findall(path.read_text()) for path in files}
    assert {"api/auth/store.py", "meter/archive/store.py", "migrations/upgrade.py"} <= {
        name for name, calls in found.items() if calls
    }
    strange = {str(path.relative_to(TOP)): strange_locks(path.read_text()) for path in files}
    assert {name: calls for name, calls in strange.items() if calls} == {}


@pytest.mark.parametrize(
    "text",
    [
        "select pg_advisory_lock(23226)",
        'f"select pg_try_advisory_xact_lock({LOCK})"',
        "pg_advisory_unlock_shared( 7, 8)",
        "pg_advisory_lock({AdvisoryLock.NOBODY})",
    ],
)
def test_a_lock_without_a_name_would_be_found(text: str) -> None:
    assert len(strange_locks(text)) == 1


async def test_the_functions_of_the_database_take_the_locks_of_the_enum(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("""
        select p.proname as name, pg_get_functiondef(p.oid) as definition from pg_proc p
        join pg_namespace n on n.oid = p.pronamespace
        where p.prokind in ('f', 'p') and n.nspname not in ('pg_catalog', 'information_schema')
    """)
    taken = {row["name"]: numbers for row in rows if (numbers := numbers_of(row["definition"]))}
    assert taken == {
        "audit_append": {AdvisoryLock.AUDITING}, "summarize_journal": {AdvisoryLock.SUMMARIZING},
        "payout_numbered": {AdvisoryLock.NUMBERING_PAYMENTS},
        "administrator_key": {AdvisoryLock.COUNTING_KEYS, AdvisoryLock.NUMBERING_SOURCES},
    }  # fmt: skip


@pytest_asyncio.fixture
async def impatient(database: str) -> AsyncIterator[AsyncEngine]:
    """The command line's engine, whose statements give up instead of waiting for ever."""
    engine = command_engine(database, 2)

    @event.listens_for(engine.sync_engine, "connect")
    def hurry(connection: object, _: object) -> None:
        connection.run_async(lambda driver: driver.execute("set statement_timeout = '5s'"))  # type: ignore[attr-defined]

    yield engine
    await engine.dispose()


async def key(engine: AsyncEngine, name: str) -> str:
    """A new key, counted among those of its holder as the command does it."""
    return await create_key(engine, NewKey(name, ["usage:read"]), now=NOW, live_max=2)


async def test_a_key_is_created_while_the_archive_seals(owner: asyncpg.Connection, impatient: AsyncEngine) -> None:
    await owner.execute(f"select pg_advisory_lock({AdvisoryLock.SEALING})")
    try:
        assert await key(impatient, "while sealing")
    finally:
        await owner.execute(f"select pg_advisory_unlock({AdvisoryLock.SEALING})")


async def test_the_archive_seals_while_a_key_is_created(
    owner: asyncpg.Connection, impatient: AsyncEngine, tmp_path: Path
) -> None:
    async with owner.transaction(isolation="read_committed"):
        await owner.execute(f"select pg_advisory_xact_lock({AdvisoryLock.COUNTING_KEYS})")
        assert await archive(impatient, tmp_path, algorithm="sm3", moment=NOW) is None  # nothing to seal, and no error


async def test_the_locks_that_are_held_do_hold(
    owner: asyncpg.Connection, impatient: AsyncEngine, tmp_path: Path
) -> None:
    async with owner.transaction(isolation="read_committed"):
        await owner.execute(f"select pg_advisory_xact_lock({AdvisoryLock.SEALING})")
        with pytest.raises(SealedElsewhere):
            await archive(impatient, tmp_path, algorithm="sm3", moment=NOW)
        await owner.execute(f"select pg_advisory_xact_lock({AdvisoryLock.COUNTING_KEYS})")
        with pytest.raises(Exception, match="statement timeout"):
            await key(impatient, "one at a time")


async def test_migrating_goes_on_while_the_journal_is_summarized(database: str, owner: asyncpg.Connection) -> None:
    async with owner.transaction(isolation="read_committed"):
        await owner.execute("select summarize_journal()")
        assert await _held(owner) == {AdvisoryLock.SUMMARIZING}
        assert await asyncio.wait_for(upgrade(database), 60) == (newest(), newest())


async def test_the_journal_is_summarized_while_somebody_migrates(database: str, owner: asyncpg.Connection) -> None:
    other = await asyncpg.connect(database)
    try:
        await other.execute(f"select pg_advisory_lock({AdvisoryLock.MIGRATING})")
        async with owner.transaction(isolation="read_committed"):
            await owner.execute("select summarize_journal()")
            assert await _held(owner) == {AdvisoryLock.SUMMARIZING}
    finally:
        await other.close()


async def _held(connection: asyncpg.Connection) -> set[int]:
    """The advisory locks that this very connection holds."""
    rows = await connection.fetch(
        "select objid::bigint as number from pg_locks "
        "where locktype = 'advisory' and granted and pid = pg_backend_pid()"
    )
    return {row["number"] for row in rows}


async def test_a_database_of_the_first_shape_gets_the_new_lock(cluster: Cluster) -> None:
    async with cluster.empty_database() as url:
        engine = owner_engine(url)
        async with engine.connect() as connection:
            await connection.run_sync(lambda sync: command.upgrade(configuration(sync), "0001"))
            await connection.commit()
        await engine.dispose()
        before = await asyncpg.connect(url)
        try:
            assert numbers_of(await before.fetchval("select pg_get_functiondef('summarize_journal'::regproc)")) == {
                AdvisoryLock.MIGRATING
            }
            granted = "select array_agg(a::text order by a::text) from pg_proc, unnest(proacl) a where proname = $1"
            assert await upgrade(url) == ("0001", newest())
            assert numbers_of(await before.fetchval("select pg_get_functiondef('summarize_journal'::regproc)")) == {
                AdvisoryLock.SUMMARIZING
            }
            assert await before.fetchval(granted, "summarize_journal") == [
                f"{role}=X/{OWNER_ROLE}" for role in (OWNER_ROLE, SERVICE_ROLE)
            ]
        finally:
            await before.close()
