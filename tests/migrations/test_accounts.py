"""Accounts that were recorded before approvals were asked for count as approved, in the order of their recording."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio
from alembic import command
from sqlalchemy import Connection

from meter.database.connect import owner_engine
from migrations.upgrade import configuration, upgrade
from tests.support.postgres import Cluster
from tests.support.records import uscc

BEFORE = "0005"
FACTS = ((1, "a", "2020-01-01"), (2, "b", None), (3, "c", "2020-01-01"), (4, "d", "2999-01-01"))
"""Batch, sealed account, start."""


@pytest_asyncio.fixture
async def old(cluster: Cluster) -> AsyncIterator[str]:
    """A database of the shape before, with an entity whose account was stated four times and once left out."""

    def upgrade_to(connection: Connection) -> None:
        command.upgrade(configuration(connection), BEFORE)

    async with cluster.empty_database() as url:
        engine = owner_engine(url)
        async with engine.connect() as connection:
            await connection.run_sync(upgrade_to)
            await connection.commit()
        await engine.dispose()
        owner = await asyncpg.connect(url)
        await owner.execute("insert into party values (1, $1)", uscc(1))
        for batch, account, start in (*FACTS, (5, None, "2021-01-01")):
            await owner.execute(
                """insert into batch (batch, kind, recorded_at, received, accepted, duplicate, conflict, refused,
                   registry_batch, key_name, contents, algorithm, digest)
                   values ($1, 'entities', now(), 1, 1, 0, 0, 0, $1, 'registrar', '', 'sm3', '')""",
                batch,
            )
            await owner.execute(
                """insert into entity_fact (batch, ordinal, content, party, name, kind, independent_legal_person,
                   region, state_body, bank_account, valid_from)
                   values ($1, 0, '{}', 1, 'n', 'enterprise', true, '340102', false, $2, $3::text::date)""",
                batch, account, start,
            )  # fmt: skip
        await owner.close()
        yield url


async def test_accounts_recorded_so_far_count_as_approved_and_the_log_says_so(old: str) -> None:
    await upgrade(old)
    owner = await asyncpg.connect(old)
    try:
        rows = await owner.fetch("select a.account, a.actor, e.event, e.actor as decided from account_proposal a "
                                 "join account_event e on e.proposal = a.id order by e.id")  # fmt: skip
        assert [tuple(row) for row in rows] == [
            (account, "key:registrar", "approve", "migration") for _, account, _ in FACTS
        ]
        assert await owner.fetchval("select payout_account($1)", uscc(1)) == "c", (
            "of one start the last; 2999 is not yet"
        )
        (row,) = await owner.fetch("select actor, action, result, detail from audit")
        assert tuple(row) == ("migration", "account.approve", "done", '{"accounts": 4}')
    finally:
        await owner.close()
