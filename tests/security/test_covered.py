"""The one place that says what keeps each table honest knows every table and column, next year's too."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

import asyncpg

from meter.database.roles import ROLES
from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from migrations.reference import FILE, expected_schema
from settlement.checkpoint.check import check
from settlement.checkpoint.covered import COVERED, By, not_covered
from settlement.checkpoint.schema import digests
from settlement.store import records, schema
from tests.security.tampering import Inside, owner_connection

ADVICE = "say in settlement/checkpoint/covered.py what keeps it honest: see CONTRIBUTING.md, A table on record"


async def test_every_table_and_column_says_what_keeps_it_honest(owner: asyncpg.Connection) -> None:
    found = await records.shapes(owner)
    assert len(found) >= 40
    unspoken = {table: names for table, shape in found.items() if (names := not_covered(table, shape.columns))}
    assert unspoken == {}, ADVICE
    assert set(COVERED) - set(found) == set(), "tables that are there no more"
    for table, said in COVERED.items():
        columns = set(found[table].columns)
        assert set(said.columns) | set(said.aside) <= columns, table
        assert not set(said.columns) & set(said.aside), table
        assert all(reason for reason in said.aside.values()), f"{table}: a reason"
        assert (said.by is By.NOTHING) == bool(said.why), f"{table}: what decides nothing says why"


async def test_a_table_and_a_column_of_next_year_are_noticed_until_somebody_speaks_for_them(database: str) -> None:
    connection = await owner_connection(database)
    async with _undone(connection):
        await connection.execute("create table next_year (id int primary key)")
        await connection.execute("alter table payout_instruction add column next_year int")
        await connection.execute("alter table entry add column next_year int")
        found = await check(Inside(connection), None, read_facts=facts_of_batches, read_rules=rules_as_of)
        said = {one.where for one in found if one.what == "not covered"}
        assert said == {"next_year", "payout_instruction.next_year", "entry.next_year"}
    await connection.close()


async def test_what_is_on_record_has_its_trigger_or_a_function_that_speaks_for_it(owner: asyncpg.Connection) -> None:
    """A new table on record gets a trigger that puts it there; these few are put there with another row's."""
    with_others = {"settlement": "its run", "login": "the person's event", "logout": "the person's event"}
    rows = await owner.fetch(
        """select distinct t.tgrelid::regclass::text as place from pg_trigger t join pg_proc p on p.oid = t.tgfoid
           where p.prosrc like '%suanbu_row%' and not t.tgisinternal"""
    )
    triggered = {row["place"] for row in rows}
    on_record = {table for table, said in COVERED.items() if said.by is By.RECORD}
    assert on_record - triggered == set(with_others), "attach record_row or record_rows: see CONTRIBUTING.md"


async def test_secrets_and_long_values_go_on_record_by_their_digest(owner: asyncpg.Connection) -> None:
    """The store that verifies knows the same columns as the function that records."""
    source = await owner.fetchval("select prosrc from pg_proc where proname = 'suanbu_row'")
    for name in records.SECRETS:
        assert f"'{name}'" in source, name
    assert f"> {records.LONG}" in source
    row = await owner.fetchval(
        "select suanbu_row(jsonb_build_object('password_hash', 'secret', 'note', repeat('x', 500), 'none', null))::text"
    )
    assert row.count("sha256:") == 2
    assert "secret" not in row.replace("secret_digest", "")
    assert '"none": null' in row


async def test_the_written_schema_is_the_one_that_the_migrations_make(owner: asyncpg.Connection) -> None:
    async with _undone(owner):
        found = digests(await schema.objects(owner, list(ROLES)))
    expected = await expected_schema(owner)
    assert expected is not None
    unlike = sorted(
        name for name in found.keys() | expected.keys()
        if name not in found or name not in expected or (expected[name] or found[name]) != found[name]
    )  # fmt: skip
    assert unlike == [], f"run `make schema`, which writes {FILE.name} anew"


@contextlib.asynccontextmanager
async def _undone(connection: asyncpg.Connection) -> AsyncIterator[None]:
    """A transaction that is rolled back."""
    transaction = connection.transaction(isolation="read_committed")
    await transaction.start()
    try:
        yield
    finally:
        await transaction.rollback()
