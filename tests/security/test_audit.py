"""The audit log: everything that was decided or refused is in it, and nothing gets past it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import asyncpg
import pytest
import pytest_asyncio

from api.auth.keys import NewKey, create_key, list_keys, revoke_key
from api.auth.people import create_person
from api.auth.sessions import log_in, log_out
from meter.audit.store import digest_after
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.province import People, decide, locked, people_of, populate, run
from tests.support.worlds import post


@pytest_asyncio.fixture(scope="module")
async def people(app: ApiClient) -> People:
    """The people of a province with usage."""
    await populate(app)
    return await people_of(app)


@pytest_asyncio.fixture
async def auditor(app: ApiClient) -> KeyClient:
    """Who reads the log."""
    return await app.holder("audit:read")


async def actions(auditor: KeyClient, about: str) -> list[tuple[str, str, str]]:
    """Who did what to it, with what result."""
    rows = await auditor.items("/audit", object=about, limit=1000)
    return [(row["actor"], row["action"], row["result"]) for row in rows]


async def test_every_decision_is_in_it_with_states_before_and_after(people: People, auditor: KeyClient) -> None:
    made = await locked(people)
    rows = await auditor.items("/audit", object=made["id"])
    assert [(row["action"], row["before"], row["after"], row["actor"]) for row in rows] == [
        ("settlement.run", "computed", "computed", f"key:{people.clerk.name}"),
        ("settlement.submit", "computed", "submitted", f"key:{people.clerk.name}"),
        ("settlement.review", "submitted", "reviewed", f"key:{people.reviewer.name}"),
        ("settlement.approve", "reviewed", "approved", f"key:{people.approver.name}"),
        ("settlement.lock", "approved", "locked", f"key:{people.approver.name}"),
    ]
    assert all(json.loads(row["detail"])["digest"] == made["digest"] for row in rows)


async def test_what_was_refused_is_in_it(people: People, auditor: KeyClient) -> None:
    number = (await run(people.clerk, number="refused"))["id"]
    assert problem(await decide(people.approver, number, "lock"))[0] == 409
    assert (f"key:{people.approver.name}", "settlement.lock", "refused") in await actions(auditor, number)


async def test_what_was_refused_to_who_pays_or_claws_back_is_in_it(people: People, auditor: KeyClient) -> None:
    assert problem(await post(people.payer, "/payouts/999999/paid", {}))[0] == 404
    assert (f"key:{people.payer.name}", "payout.paid", "refused") in await actions(auditor, "999999")
    said = {"kind": "waive", "amount_fen": 1}
    assert problem(await post(people.clerk, "/claims/888888/propose", said))[0] == 404
    assert (f"key:{people.clerk.name}", "claim.propose", "refused") in await actions(auditor, "888888")


async def test_keys_and_people_are_in_it(app: ApiClient, auditor: KeyClient) -> None:
    now = datetime.now(UTC)
    key = await create_key(app.commands, NewKey("k", ["usage:read"]), now=now)
    prefix = key.split("_")[1]
    assert any(one["prefix"] == prefix for one in await list_keys(app.engine))
    await revoke_key(app.commands, prefix, now)
    assert [action for _, action, _ in await actions(auditor, prefix)] == ["key.create", "key.revoke"]
    await create_person(app.commands, name="Wang", role="auditor", city=None, password="correct horse", now=now)
    assert await log_in(app.engine, "Wang", "wrong horse", now) is None
    session = await log_in(app.engine, "Wang", "correct horse", now)
    assert session
    await log_out(app.engine, session, now)
    assert [(action, result) for _, action, result in await actions(auditor, "Wang")] == [
        ("person.create", "done"), ("person.login", "refused"), ("person.login", "done"), ("person.logout", "done"),
    ]  # fmt: skip
    text = (await auditor.get("/audit", limit=1000)).text
    assert key.split("_", 2)[2] not in text
    assert "argon2" not in text


async def test_a_wrong_key_is_in_it_once_however_often_it_knocks(app: ApiClient, auditor: KeyClient) -> None:
    for _ in range(5):
        answer = await app.client.get("/v1/audit", headers={"Authorization": "Bearer suanbu_0123456789ab_wrong"})
        assert problem(answer) == (401, "unknown_key")
    assert await actions(auditor, "0123456789ab") == [("key:unknown", "key.use", "refused")]


async def test_the_first_use_of_a_key_is_in_it(app: ApiClient, auditor: KeyClient) -> None:
    reader = await app.holder("usage:read")
    good(await reader.get("/usage-totals"))
    good(await reader.get("/usage-totals"))
    prefix = reader.key.split("_")[1]
    assert [action for _, action, _ in await actions(auditor, prefix)] == ["key.create", "key.use"]


async def test_the_chain_of_digests_can_be_recomputed_from_the_export(auditor: KeyClient) -> None:
    exported = await auditor.client.get("/v1/audit/export", headers={"Authorization": f"Bearer {auditor.key}"})
    rows = [json.loads(line) for line in exported.text.splitlines()]
    assert len(rows) > 20
    previous = ""
    for number, row in enumerate(rows, start=1):
        assert row["seq"] == number
        assert digest_after(previous, row) == row["digest"]
        previous = row["digest"]


async def test_an_action_without_its_row_is_impossible(people: People, owner: asyncpg.Connection) -> None:
    """Whoever writes an event writes its row: in the same transaction, whether he wants to or not."""
    clerk = people.clerk
    number = (await run(clerk, number="no way around"))["id"]
    before = await owner.fetchval("select count(*) from audit")
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute(
        "select set_config('suanbu.city', '*', true), set_config('suanbu.proof', $1, true)", clerk.proof
    )
    await owner.execute("set local role suanbu_service")
    await owner.execute(
        """insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
           values ($1, 'submit', '', '', $2, now(), 0, '{}')""",
        number, f"key:{clerk.name}",
    )  # fmt: skip
    for statement in ("alter table settlement_event disable trigger all", "set session_replication_role = replica"):
        savepoint = owner.transaction()
        await savepoint.start()
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await owner.execute(statement)
        await savepoint.rollback()
    await transaction.commit()
    assert await owner.fetchval("select count(*) from audit") == before + 1
    transaction = owner.transaction()
    await transaction.start()
    await owner.execute("alter table audit add constraint full_up check (seq <= 0) not valid")  # the log takes no more
    await owner.execute("set constraints all immediate")
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(
            """insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
               values ($1, 'cancel', '', '', 'key:quiet', now(), 0, '{}')""",
            number,
        )
    await transaction.rollback()
    assert await owner.fetchval("select status from settlement where id = $1", number) == "submitted"


@pytest.mark.parametrize("statement", ["update audit set actor = 'x'", "delete from audit", "truncate audit"])
async def test_the_log_is_only_added_to(owner: asyncpg.Connection, statement: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(statement)


async def test_only_who_audits_reads_it(app: ApiClient) -> None:
    other = await app.holder("report:read", "usage:read", "payout:read", "registry:read")
    assert problem(await other.get("/audit")) == (403, "scope_missing")
