"""Databases as earlier versions left them, with data in them, are upgraded: nothing is lost, and all of it verifies.

`snapshots/NNNN.sql.zst` is a dump of a small province at that revision, written by the code of its time. The one at
0001 is version 0.1, with the checkpoint that it signed. `python -m tests.migrations.snapshot` writes the newest.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from meter.registry.proof import facts_of_batches
from meter.registry.queries import rules_as_of
from migrations.reference import expected_schema
from migrations.revisions import newest
from migrations.upgrade import upgrade
from settlement.checkpoint.check import check
from settlement.checkpoint.former import check_former
from settlement.checkpoint.make import make
from settlement.checkpoint.signature import opened, origin_of
from tests.support.api_client import ApiClient, good
from tests.support.journal import journal_is_whole
from tests.support.postgres import Cluster
from tests.support.province import CITIES, code_of, people_of, use
from tests.support.serving import in_process

FOLDER = Path(__file__).parent / "snapshots"
SNAPSHOTS = sorted(FOLDER.glob("*.sql.zst"))
FROM = 26
"""From this revision on there is a snapshot of every one; of those before, of some, and the others lie on their way."""
PATIENCE = 5
"""So often a check is asked for anew that a busy machine, which compiles kernels first, had not begun in time."""
RULES = {"payout_transition", "settlement_transition"}
"""Tables of rules, which migrations write anew."""


def revision_of(snapshot: Path) -> str:
    """The revision that a snapshot was taken at."""
    return snapshot.name.removesuffix(".sql.zst")


@pytest_asyncio.fixture
async def loaded(cluster: Cluster, request: pytest.FixtureRequest) -> AsyncIterator[str]:
    """A database with a snapshot in it."""
    async with cluster.empty_database() as url:
        connection = await asyncpg.connect(url)
        try:
            await connection.execute(zstandard.decompress(request.param.read_bytes()).decode())
        finally:
            await connection.close()
        yield url


def test_there_is_a_snapshot_of_every_revision() -> None:
    """Whoever adds a migration has one of the revision before."""
    wanted = {"0001", *(f"{number:04d}" for number in range(FROM, int(newest())))}
    assert wanted - {revision_of(one) for one in SNAPSHOTS} == set()


@pytest.mark.parametrize("loaded", SNAPSHOTS, ids=revision_of, indirect=True)
async def test_what_is_in_it_is_kept_verified_and_gone_on_with(loaded: str, request: pytest.FixtureRequest) -> None:
    revision = revision_of(request.node.callspec.params["loaded"])
    before, charges = await _rows(loaded), await _charges(loaded)
    assert len(charges) > 5, "a province used something"
    assert await upgrade(loaded) == (revision, newest())
    assert _lost(before, await _rows(loaded, before)) == {}
    async with in_process(loaded) as door:
        await _is_told_as_it_was(door, charges)
        await _goes_on(door)
    await _verifies(loaded)


@pytest.mark.parametrize("loaded", [FOLDER / "0001.sql.zst"], ids=["0001"], indirect=True)
async def test_the_checkpoint_that_version_0_1_signed_still_holds(loaded: str) -> None:
    await upgrade(loaded)
    public = bytes.fromhex((FOLDER / "0001.pub").read_text())
    statement = opened((FOLDER / "0001.checkpoint").read_bytes(), public)
    connection = await _connected(loaded)
    try:
        found = await check_former(connection, statement, read_facts=facts_of_batches, read_rules=rules_as_of)
        assert found == []
        await connection.execute(
            "set session_replication_role = replica; update batch set digest = '\\x00' where batch = 3"
        )
        assert await check_former(connection, statement, read_facts=facts_of_batches, read_rules=rules_as_of)
    finally:
        await connection.close()


async def _is_told_as_it_was(door: ApiClient, charges: dict[str, int]) -> None:
    platform = await door.holder("usage:read", "usage:write")
    totals = await platform.items("/usage-totals", by="consumer", limit=1000)
    assert {one["consumer"]: one["charge_fen"] for one in totals} == charges
    clerk = (await people_of(door)).clerk
    answer = await clerk.get("/settlements/anhui-2026-0001/verify")
    for _ in range(PATIENCE):
        if answer.status_code != 202:
            break
        answer = await clerk.get("/settlements/anhui-2026-0001/verify")
    assert good(answer)["equal"], answer.text


async def _goes_on(door: ApiClient) -> None:
    """New records beside the old, an old one that is known, and accounts that were sealed then."""
    platform = await door.platform("after")
    await use(platform, {code_of(city, 0): 777 for city in CITIES}, hour=20)
    payer = (await people_of(door)).payer
    unpaid = await payer.items("/payouts", status="ready")
    assert unpaid, "some were never paid"
    assert all(one["account_masked"].startswith("测试银行") for one in unpaid)


async def _verifies(url: str) -> None:
    connection = await _connected(url)
    try:
        await journal_is_whole(connection)
        key = Ed25519PrivateKey.generate()
        made = await make(connection, origin_of(key), key)
        found = await check(
            connection, made.checkpoint, read_facts=facts_of_batches, read_rules=rules_as_of,
            expected=await expected_schema(connection), marks=made.marks,
        )  # fmt: skip
        assert [asdict(one) for one in found] == []
    finally:
        await connection.close()


Rows = dict[str, tuple[list[str], list[tuple[str | None, ...]]]]


async def _rows(url: str, like: Rows | None = None) -> Rows:
    """Every row of every table as text, in order; with `like`, of its tables and columns only."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("set timezone = 'UTC'")
        columns = await connection.fetch(
            """select c.table_name as name, array_agg(c.column_name::text order by c.ordinal_position) as columns
               from information_schema.columns c join information_schema.tables t using (table_schema, table_name)
               where table_schema = 'public' and table_type = 'BASE TABLE' and c.table_name <> 'alembic_version'
               group by 1"""
        )
        told = {row["name"]: row["columns"] for row in columns}
        if like is not None:
            told = {name: shown for name, (shown, _) in like.items() if name in told}
        return {
            name: (shown, sorted(map(tuple, await connection.fetch(_as_text(name, shown))), key=str))
            for name, shown in told.items()
        }
    finally:
        await connection.close()


def _as_text(name: str, shown: list[str]) -> str:
    columns = ", ".join(f'"{one}"::text' for one in shown)
    return f"select {columns} from {name}"


def _lost(before: Rows, after: Rows) -> dict[str, str]:
    """What was in a table and is not, the first of each."""
    found = {}
    for name, (_, rows) in before.items():
        there = set(after[name][1]) if name in after else set()
        missing = [row for row in rows if row not in there]
        if missing and name not in RULES:
            found[name] = str(missing[0])
    return found


async def _charges(url: str) -> dict[str, int]:
    """What every consumer's records that stand came to, from the entries alone."""
    connection = await asyncpg.connect(url)
    try:
        rows = await connection.fetch(
            """select uscc, sum(fen)::bigint as fen from (select consumer, charge_fen as fen from entry
               union all select consumer, -charge_fen from reversal) as moved join party p on p.id = consumer group by 1
               having sum(fen) <> 0"""
        )
        return {row["uscc"]: row["fen"] for row in rows}
    finally:
        await connection.close()


async def _connected(url: str) -> asyncpg.Connection:
    connection = await asyncpg.connect(url)
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")
    return connection
