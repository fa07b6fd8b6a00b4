"""Races: two services on one journal, a held transaction, a registry that changes between check and commit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from meter.database.connect import driver
from meter.database.locks import AdvisoryLock
from meter.journal.write.delivery import Delivery
from meter.journal.write.group import Group
from tests.support.api_client import ApiClient, KeyClient, counts, good
from tests.support.journal import journal_is_whole
from tests.support.records import NDJSON, as_lines, facility, usage, uscc, void
from tests.support.serving import Served, in_process, over_http


@pytest_asyncio.fixture(scope="module")
async def second(app: ApiClient) -> AsyncIterator[ApiClient]:
    """A second service on the same database, with caches of its own."""
    async with in_process(app.url) as door:
        yield door


async def test_two_processes_racing_for_the_same_ids_lose_and_double_nothing(
    app: ApiClient, registrar: KeyClient, owner: asyncpg.Connection
) -> None:
    assert registrar.key
    names = [f"race-{i}" for i in range(400)]
    bodies = [as_lines([usage(name) for name in names[start : start + 40]]) for start in range(0, 400, 20)]
    with Served.on(app.url, workers=2, job_workers=0) as served:
        async with over_http(served.url, app.url) as door:
            sender = await door.platform(source="racer")
            received = await asyncio.gather(*(sender.send(body, NDJSON) for body in bodies for _ in range(4)))
    receipts = [good(answer) for answer in received]
    assert sum(receipt["accepted"] for receipt in receipts) == len(names)
    assert sum(receipt["conflict"] + receipt["refused"] for receipt in receipts) == 0
    await journal_is_whole(owner)


async def test_two_services_racing_with_different_content_keep_one_version(
    app: ApiClient, second: ApiClient, registrar: KeyClient, owner: asyncpg.Connection
) -> None:
    assert registrar.key
    one = await app.platform(source="versions")
    two = KeyClient(second.client, one.key, one.name)
    for i in range(10):
        receipts = await asyncio.gather(*(who.push(usage(f"v{i}", charge_fen=n)) for n, who in enumerate((one, two))))
        assert sorted((receipt["accepted"], receipt["conflict"]) for receipt in receipts) == [(0, 1), (1, 0)]
    await journal_is_whole(owner)


async def test_two_services_racing_to_correct_one_record_correct_it_once(
    app: ApiClient, second: ApiClient, registrar: KeyClient, owner: asyncpg.Connection
) -> None:
    assert registrar.key
    one = await app.platform(source="correctors")
    two = KeyClient(second.client, one.key, one.name)
    for i in range(10):
        await one.push(usage(f"c{i}"))
        receipts = await asyncio.gather(*(who.push(void(f"c{i}-by-{n}", f"c{i}")) for n, who in enumerate((one, two))))
        assert sorted((receipt["accepted"], receipt["refused"]) for receipt in receipts) == [(0, 1), (1, 0)]
        refused = next(receipt for receipt in receipts if receipt["refused"])
        assert refused["results"][0]["code"] == "already_corrected"
    await journal_is_whole(owner)


async def test_new_consumers_met_by_two_services_at_once_get_one_number_each(
    app: ApiClient, second: ApiClient, registrar: KeyClient, owner: asyncpg.Connection
) -> None:
    assert registrar.key
    one = await app.platform(source="numbers")
    two = KeyClient(second.client, one.key, one.name)
    for i in range(5):
        fresh = [uscc(5000 + 10 * i + n) for n in range(10)]
        receipts = await asyncio.gather(
            *(who.push(*(usage(f"n{i}-{n}-{w}", consumer=code) for n, code in enumerate(fresh)))
              for w, who in enumerate((one, two)))
        )  # fmt: skip
        assert [receipt["accepted"] for receipt in receipts] == [10, 10]
    numbers = await owner.fetchrow("select count(*), count(distinct uscc), max(id) from party")
    assert len(set(numbers)) == 1
    await journal_is_whole(owner)


async def test_nobody_sees_a_batch_before_all_smaller_ones(
    app: ApiClient, second: ApiClient, owner: asyncpg.Connection
) -> None:
    """While somebody holds the journal's lock nothing is numbered; afterwards everything follows in order."""
    one, two = await app.platform(), await second.platform()
    before = await owner.fetchval("select coalesce(max(batch), 0) from batch")
    hold = owner.transaction()
    await hold.start()
    await owner.execute(f"select pg_advisory_xact_lock({AdvisoryLock.APPENDING})")
    pushes = [asyncio.create_task(who.push(usage(f"h{i}"))) for i, who in enumerate((one, two, one, two))]
    done, _ = await asyncio.wait(pushes, timeout=0.5)
    assert not done, "an answer before the commit"
    assert await owner.fetchval("select coalesce(max(batch), 0) from batch") == before
    await hold.rollback()
    receipts = await asyncio.gather(*pushes)
    assert sorted({receipt["batch"] for receipt in receipts}) == list(
        range(before + 1, before + 1 + len({receipt["batch"] for receipt in receipts}))
    )
    await journal_is_whole(owner)


async def test_a_registry_that_changed_meanwhile_is_asked_again(second: ApiClient, registrar: KeyClient) -> None:
    """The second service has not heard of the facility yet when it checks, but its commit must know it."""
    sender = await second.platform()
    for i in range(5):
        assert counts(good(await registrar.put("/facilities", [facility(f"fresh-{i}")])))[0] == 1
        assert counts(await sender.push(usage(f"f{i}", facility=f"fresh-{i}"))) == [1, 0, 0, 0]
        assert counts(good(await registrar.put("/facilities", [facility(f"fresh-{i}", valid_to="2025-09-01")])))[0] == 1
        refused = await sender.push(usage(f"g{i}", facility=f"fresh-{i}"))
        assert refused["results"][0]["code"] == "facility_not_ruling_on_day"


@pytest.mark.parametrize(
    "statement",
    [
        "update {table} set {column} = {column}",
        "delete from {table}",
        "truncate {table}",
        "drop table {table}",
        "alter table {table} disable trigger all",
    ],
)
async def test_the_services_role_cannot_change_what_is_recorded(app: ApiClient, statement: str) -> None:
    tables = {
        "batch": "digest", "batch_body": "body", "entry": "charge_fen", "reversal": "charge_fen", "quarantine": "code",
        "quarantine_release": "batch", "party": "uscc", "facility": "code", "chip": "code", "source": "name",
        "entity_fact": "region", "facility_fact": "region", "facility_owner": "share", "chip_fact": "tflops_fp16",
        "holding_fact": "share", "expenditure_fact": "amount_fen", "control_total": "records", "api_key": "scopes",
        "api_key_revocation": "revoked_at",
    }  # fmt: skip
    async with app.engine.connect() as held:
        connection = await driver(held)
        assert isinstance(connection, asyncpg.Connection)
        for table, column in tables.items():
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement.format(table=table, column=column))


async def test_what_repeats_a_delivery_of_its_own_transaction_gets_the_same_receipt(
    platform: KeyClient, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the journal is held, what arrives gathers in one group; among it everything twice."""
    sizes: list[int] = []
    begun = asyncio.Event()
    make = Group.__init__

    def sized(self: Group, deliveries: list[Delivery], *arguments: Any) -> None:
        sizes.append(len(deliveries))
        begun.set()
        make(self, deliveries, *arguments)

    monkeypatch.setattr(Group, "__init__", sized)
    for attempt in range(50):
        sizes.clear()
        begun.clear()
        good_ones, bad_ones = ([usage(f"g{attempt}-{n}", cards=cards) for n in range(3)] for cards in (1, 0))
        await owner.execute("select pg_advisory_lock($1)", AdvisoryLock.APPENDING)
        first = asyncio.create_task(platform.push(usage(f"first-{attempt}")))
        await begun.wait()
        pushes = [asyncio.create_task(platform.push(*records)) for records in (good_ones, bad_ones) for _ in range(2)]
        await asyncio.sleep(0.02 * (attempt + 1))
        await owner.execute("select pg_advisory_unlock($1)", AdvisoryLock.APPENDING)
        await first
        receipts = await asyncio.gather(*pushes)
        if 4 in sizes:
            break
    assert 4 in sizes, "they must have shared a transaction"
    assert sorted(tuple(counts(receipt)) for receipt in receipts[:2]) == [(0, 3, 0, 0), (3, 0, 0, 0)]
    assert [tuple(counts(receipt)) for receipt in receipts[2:]] == [(0, 0, 0, 3)] * 2
    for one, two in (receipts[:2], receipts[2:]):
        assert one["batch"]
        assert (one["batch"], one["digest"]) == (two["batch"], two["digest"])
