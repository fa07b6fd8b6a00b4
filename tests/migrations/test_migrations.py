"""The migrations add up to the tables, and are applied once however many processes apply them at once."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

import settlement.vocabulary as decided
from api.auth.roles import ROLES
from api.auth.tables import PERSON_EVENTS
from api.queue.tables import LANES, STATES
from meter import vocabulary
from meter.database.connect import owner_engine
from meter.database.roles import SERVICE_ROLE
from migrations.revisions import newest
from migrations.shape import METADATA
from migrations.upgrade import upgrade
from tests.support.postgres import Cluster
from tests.support.serving import in_process

APPENDED = (
    "source", "party", "facility", "chip", "batch", "batch_body", "entry", "reversal", "quarantine",
    "quarantine_release", "entity_fact", "facility_fact", "facility_owner", "chip_fact", "holding_fact",
    "expenditure_fact", "control_total", "settlement_line", "settlement_event", "payout_event",
    "payout_refusal", "payout_rule", "payout_run", "payout_run_event", "payout_file", "bank_statement",
    "bank_statement_line", "bank_statement_note", "api_key_revocation",
    "conflict_decision",
)  # fmt: skip
"""What is recorded for ever: the service may read it and add to it."""


@pytest_asyncio.fixture
async def empty(cluster: Cluster) -> AsyncIterator[str]:
    """A database without tables."""
    async with cluster.empty_database() as url:
        yield url


async def test_the_migrations_equal_the_tables(database: str) -> None:
    def differences(connection: Connection) -> list[Any]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))

    engine = owner_engine(database)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
    await engine.dispose()


async def test_constraints_and_indexes_are_those_of_the_tables(database: str, empty: str) -> None:
    """Alembic does not compare checks, so the tables are made a second time without migrations and compared here."""
    engine = owner_engine(empty)
    async with engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    await engine.dispose()
    migrated, made = set(await _rules(database)), set(await _rules(empty))
    assert (made - migrated, migrated - made) == (set(), set())


async def _rules(url: str) -> list[tuple[str, str]]:
    """Every constraint and index of a database by what it says, with its table."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch("""
            select conrelid::regclass::text as place, pg_get_constraintdef(oid) as said from pg_constraint
            where connamespace = 'public'::regnamespace and contype <> 't'
            union all
            select tablename, regexp_replace(indexdef, 'INDEX \\S+ ON', 'INDEX ON') from pg_indexes
            where schemaname = 'public'
        """)
    finally:
        await connection.close()
    return sorted((row["place"], row["said"]) for row in rows if row["place"] != "alembic_version")


def test_comments_name_no_file_of_the_code() -> None:
    """A file that moves would need a migration."""
    comments = [
        said
        for table in METADATA.sorted_tables
        for said in (table.comment, *(column.comment for column in table.columns))
    ]
    assert [said for said in comments if said and re.search(r"\w\.(py|sql)\b", said)] == []


async def test_upgrading_twice_changes_nothing(empty: str) -> None:
    assert await upgrade(empty) == (None, newest())
    assert await upgrade(empty) == (newest(), newest())


async def test_many_that_upgrade_at_once_wait_for_one_another(empty: str) -> None:
    outcomes = await asyncio.gather(*(upgrade(empty) for _ in range(6)))
    assert sorted(outcomes, key=str) == [(newest(), newest())] * 5 + [(None, newest())]


def test_processes_that_upgrade_at_once_wait_for_one_another(empty: str) -> None:
    program = "import asyncio, sys; from migrations.upgrade import upgrade; print(asyncio.run(upgrade(sys.argv[1]))[0])"
    started = [
        subprocess.Popen([sys.executable, "-c", program, empty], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    said = [process.communicate(timeout=120)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0, 0]
    assert sorted(said) == sorted(["None", newest()])


async def test_a_service_that_runs_does_not_hinder_an_upgrade(database: str) -> None:
    async with in_process(database) as door:
        assert await asyncio.wait_for(upgrade(database), 30) == (newest(), newest())
        assert (await door.client.get("/readyz")).status_code == 200


async def test_an_older_shape_is_not_ready(empty: str) -> None:
    await upgrade(empty)
    async with in_process(empty) as door:
        owner = await asyncpg.connect(empty)
        try:
            await owner.execute("update alembic_version set version_num = '0000'")
        finally:
            await owner.close()
        answer = await door.client.get("/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "migrations_missing")
        assert "retry-after" in answer.headers


async def test_the_service_may_do_what_its_tables_need_and_no_more(database: str) -> None:
    """Only named columns may be updated, only the rollup deleted; the role owns nothing and cannot become more."""
    connection = await asyncpg.connect(database)
    try:
        granted = await connection.fetch(
            "select table_name, privilege_type from information_schema.role_table_grants where grantee = $1",
            SERVICE_ROLE,
        )
        owned = await connection.fetch(
            "select relname from pg_class c join pg_roles r on r.oid = c.relowner where rolname = $1", SERVICE_ROLE
        )
        role = await connection.fetchrow("select * from pg_roles where rolname = $1", SERVICE_ROLE)
    finally:
        await connection.close()
    rights = {(row["table_name"], row["privilege_type"]) for row in granted}
    assert {right for table, right in rights if table in APPENDED} == {"SELECT", "INSERT"}
    assert {table for table, _ in rights} >= set(APPENDED)
    assert not any(right in ("TRUNCATE", "TRIGGER", "REFERENCES") for _, right in rights)
    assert owned == []
    assert not any(role[name] for name in ("rolsuper", "rolcreaterole", "rolcreatedb", "rolbypassrls", "rolcanlogin"))


WORDS = {
    ("batch", "kind"): vocabulary.BATCH_KINDS,
    ("quarantine", "status"): vocabulary.QUARANTINE_STATUSES,
    ("expenditure_fact", "kind"): vocabulary.EXPENDITURE_KINDS,
    ("account_event", "event"): vocabulary.ACCOUNT_EVENTS,
    ("conflict_decision", "decision"): vocabulary.CONFLICT_DECISIONS,
    ("registry_entry", "kind"): vocabulary.ENTRY_KINDS,
    ("registry_entry_event", "event"): vocabulary.ENTRY_EVENTS,
    ("finding", "kind"): vocabulary.FINDING_KINDS,
    ("settlement", "status"): decided.STATUSES,
    ("settlement_event", "event"): decided.EVENTS,
    ("settlement_line", "outcome"): decided.OUTCOMES,
    ("payout_instruction", "status"): decided.PAYOUT_STATUSES,
    ("payout_rule", "leases"): decided.PAYOUT_LEASES,
    ("payout_run_event", "event"): decided.RUN_EVENTS,
    ("bank_statement_note", "kind"): decided.NOTE_KINDS,
    ("clawback_claim", "status"): decided.CLAWBACK_STATUSES,
    ("claim_event", "event"): decided.CLAWBACK_EVENTS,
    ("claim_event", "kind"): decided.CLAWBACK_KINDS,
    ("person", "role"): ROLES,
    ("person_event", "event"): PERSON_EVENTS,
    ("person_event", "result"): ("done", "refused"),
    ("batch_body", "codec"): ("zstd", "plain"),
    ("job", "lane"): LANES,
    ("job", "state"): STATES,
}
"""Every column that holds words of a closed list, and the list."""


async def test_closed_lists_are_those_of_the_migrated_database(database: str) -> None:
    connection = await asyncpg.connect(database)
    rows = await connection.fetch(
        """select conrelid::regclass::text as table, pg_get_constraintdef(oid) as text from pg_constraint
           where contype = 'c' and connamespace = 'public'::regnamespace"""
    )
    await connection.close()
    listed = re.compile(r"CHECK \(\((\w+) = ANY \(ARRAY\[(.*)\]\)\)\)")
    found = {
        (row["table"], match.group(1)): tuple(re.findall(r"'([^']*)'::text", match.group(2)))
        for row in rows
        if (match := listed.fullmatch(row["text"]))
    }
    assert found == WORDS
