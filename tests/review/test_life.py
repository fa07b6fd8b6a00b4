"""A settlement's life: which decisions are possible when, and by whom; refused by the database, not by a screen."""

from __future__ import annotations

import json

import asyncpg
import pytest

from settlement.vocabulary import EVENTS, STATUSES
from tests.support.api_client import ApiClient, good, problem
from tests.support.province import CITIES, People, approved, code_of, decide, run
from tests.support.worlds import post


async def test_four_people_take_a_settlement_from_run_to_lock(people: People) -> None:
    made = await run(people.clerk, number="four")
    number = made["id"]
    assert made["status"] == "computed"
    assert good(await decide(people.clerk, number, "submit"))["status"] == "submitted"
    for city in CITIES[:2]:
        passed = good(await decide(people.reviewer, number, "review", city=city, decision="pass"))
        assert passed["status"] == "submitted"
    assert (
        good(await decide(people.reviewer, number, "review", city=CITIES[2], decision="pass"))["status"] == "reviewed"
    )
    approved = good(await decide(people.approver, number, "approve", digest=made["digest"]))
    assert approved["status"] == "approved"
    published = good(await decide(people.second, number, "publish", days=5))
    assert published["status"] == "published"
    assert [event["event"] for event in published["events"]] == [
        "run", "submit", "review", "review", "review", "approve", "publish",
    ]  # fmt: skip
    good(await decide(people.clerk, number, "cancel"))


async def test_nothing_is_approved_that_one_city_has_not_passed(people: People) -> None:
    number = (await run(people.clerk, number="unreviewed"))["id"]
    good(await decide(people.clerk, number, "submit"))
    assert problem(await decide(people.approver, number, "approve")) == (409, "STATE_NOT_ALLOWED")
    for city in CITIES[:2]:
        good(await decide(people.reviewer, number, "review", city=city, decision="pass"))
    answer = await decide(people.approver, number, "approve")
    assert problem(answer) == (409, "STATE_NOT_ALLOWED")
    assert answer.json()["detail"].endswith(f": not yet passed by {CITIES[2]}")
    good(await decide(people.reviewer, number, "review", city=CITIES[2], decision="pass"))
    assert good(await decide(people.approver, number, "approve"))["status"] == "approved"
    good(await decide(people.clerk, number, "cancel"))


@pytest.mark.parametrize("event", ["approve", "lock", "publish", "review", "objections"])
async def test_what_is_only_computed_is_first_submitted(people: People, event: str) -> None:
    number = (await run(people.clerk, number="order of things"))["id"]
    holder = people.reviewer if event in ("review", "objections") else people.approver
    said = {"decision": "pass"} if event == "review" else {"note": "x"} if event == "objections" else {}
    if event == "publish":
        said = {"days": 3}  # type: ignore[dict-item]
    assert problem(await decide(holder, number, event, **said)) == (409, "STATE_NOT_ALLOWED")


async def test_one_person_never_does_two_of_the_three_parts(people: People, app: ApiClient) -> None:
    every = await app.holder("settlement:run", "settlement:review", "settlement:approve", "report:read")
    number = (await run(every, number="alone"))["id"]
    good(await decide(every, number, "submit"))
    assert problem(await decide(every, number, "review", decision="pass")) == (403, "SAME_PERSON")
    assert problem(await decide(every, number, "approve")) == (403, "SAME_PERSON")
    helper = await app.holder("settlement:review", "settlement:approve", "report:read")
    good(await decide(helper, number, "review", decision="pass"))
    assert problem(await decide(helper, number, "approve")) == (403, "SAME_PERSON")
    good(await decide(people.approver, number, "approve"))
    assert problem(await decide(every, number, "lock")) == (403, "SAME_PERSON")
    assert problem(await decide(helper, number, "lock")) == (403, "SAME_PERSON")
    good(await decide(people.clerk, number, "cancel"))


async def test_a_rotated_key_is_the_same_hand(people: People, app: ApiClient) -> None:
    first = await app.holder("settlement:run", "report:read", name="finance office")
    again = await app.holder("settlement:approve", "report:read", name="Finance OFFICE")
    number = (await run(first, number="rotated"))["id"]
    good(await decide(first, number, "submit"))
    good(await decide(people.reviewer, number, "review", decision="pass"))
    assert problem(await decide(again, number, "approve")) == (403, "SAME_PERSON")
    good(await decide(first, number, "cancel"))


async def test_a_city_returns_it_with_a_note_and_it_is_submitted_again(people: People) -> None:
    number = (await run(people.clerk, number="returned"))["id"]
    good(await decide(people.clerk, number, "submit"))
    good(await decide(people.reviewer, number, "review", city=CITIES[0], decision="pass"))
    assert problem(await decide(people.reviewer, number, "review", city=CITIES[1], decision="return")) == (
        400, "missing_field",
    )  # fmt: skip
    returned = await decide(people.reviewer, number, "review", city=CITIES[1], decision="return", note="缺合同")
    assert good(returned)["status"] == "returned"
    assert problem(await decide(people.approver, number, "approve")) == (409, "STATE_NOT_ALLOWED")
    good(await decide(people.clerk, number, "submit", note="合同已补"))
    for city in CITIES[:2]:  # what was passed before it was returned is looked at again
        assert (
            good(await decide(people.reviewer, number, "review", city=city, decision="pass"))["status"] == "submitted"
        )
    good(await decide(people.clerk, number, "cancel"))


async def test_a_city_without_lines_cannot_pass_anything(people: People) -> None:
    number = (await run(people.clerk, number="no city"))["id"]
    good(await decide(people.clerk, number, "submit"))
    answer = await decide(people.reviewer, number, "review", city="341800", decision="pass")
    assert problem(answer) == (404, "NO_SUCH_CITY")
    good(await decide(people.clerk, number, "cancel"))


async def test_approval_binds_the_digest(people: People) -> None:
    number = (await run(people.clerk, number="digest"))["id"]
    good(await decide(people.clerk, number, "submit"))
    good(await decide(people.reviewer, number, "review", decision="pass"))
    answer = await decide(people.approver, number, "approve", digest="sm3:" + "0" * 64)
    assert problem(answer) == (409, "DIGEST_CHANGED")
    good(await decide(people.clerk, number, "cancel"))


async def test_a_line_changed_after_approval_voids_it(people: People, owner: asyncpg.Connection) -> None:
    number = (await run(people.clerk, number="changed behind our back"))["id"]
    await approved(people, number)
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute(
            "update settlement_line set payable_fen = payable_fen - 1 where settlement = $1 and uscc = $2",
            number, code_of(CITIES[0], 0),
        )  # fmt: skip
    assert problem(await decide(people.approver, number, "lock")) == (409, "DIGEST_CHANGED")
    good(await decide(people.clerk, number, "cancel"))


async def test_a_forecast_is_never_approved(people: People) -> None:
    number = (await post(people.clerk, "/settlements", {"round": "anhui-2026", "order": {}})).json()["id"]
    good(await decide(people.clerk, number, "submit"))
    good(await decide(people.reviewer, number, "review", decision="pass"))
    assert problem(await decide(people.approver, number, "approve")) == (409, "NOT_PAYABLE")
    good(await decide(people.clerk, number, "cancel"))


@pytest.mark.parametrize(
    "statement",
    [
        "update settlement set status = 'locked' where id = $1",
        "update settlement set status = 'approved' where id = $1",
        "update settlement set digest = 'sm3:' where id = $1",
        "update settlement set totals = '{}' where id = $1",
        "update settlement_line set award_fen = award_fen + 1 where settlement = $1",
        "delete from settlement_line where settlement = $1",
        "update settlement_event set actor = 'key:somebody else' where settlement = $1",
        "delete from settlement_event where settlement = $1",
        """insert into settlement_line (settlement, uscc, name, outcome, award_fen, held_fen, payable_fen, line,
           working) values ($1, '000000000000000000', '', 'payable', 1, 0, 1, '{}', '{}')""",
        """insert into payout_instruction (settlement, uscc, amount_fen, offset_fen, reference, issue, status, fence,
           created_at) select $1, uscc, 1, 0, 'X', 1, 'ready', 0, now() from settlement_line where settlement = $1
           limit 1""",
    ],
)
async def test_the_owner_of_the_database_is_refused_too(
    people: People, owner: asyncpg.Connection, statement: str
) -> None:
    number = (await run(people.clerk, number="guarded"))["id"]
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(statement, number)


async def test_a_line_belongs_to_a_settlement_that_there_is(owner: asyncpg.Connection) -> None:
    with pytest.raises(asyncpg.ForeignKeyViolationError):
        await owner.execute(
            """insert into settlement_line (settlement, uscc, name, outcome, award_fen, held_fen, payable_fen, line,
               working) values ('anhui-2026-9999', '000000000000000000', '', 'payable', 1, 0, 1, '{}', '{}')"""
        )


@pytest.mark.parametrize("table", ["settlement_line", "settlement_event", "payout_event", "claim_event", "audit"])
async def test_tables_that_are_only_added_to_cannot_be_emptied(owner: asyncpg.Connection, table: str) -> None:
    with pytest.raises(asyncpg.CheckViolationError):
        await owner.execute(f"truncate {table} cascade")


async def test_the_service_has_no_right_to_change_a_state_by_itself(owner: asyncpg.Connection) -> None:
    for table in (
        "settlement",
        "payout_instruction",
        "clawback_claim",
        "settlement_line",
        "audit",
        "person",
        "api_key",
    ):
        granted = await owner.fetch(
            """select privilege_type, column_name from information_schema.column_privileges
               where table_name = $1 and grantee = 'suanbu_service' and privilege_type in ('UPDATE')""",
            table,
        )
        assert not granted, table
        for right in ("update", "delete", "truncate"):
            assert not await owner.fetchval("select has_table_privilege('suanbu_service', $1, $2)", table, right), table
    for table in ("payout_instruction", "clawback_claim", "audit", "settlement_transition", "payout_transition"):
        assert not await owner.fetchval("select has_table_privilege('suanbu_service', $1, 'insert')", table), table


async def test_a_settlement_without_its_event_cannot_be_stored(people: People, owner: asyncpg.Connection) -> None:
    number = (await run(people.clerk, number="born"))["id"]
    with pytest.raises(asyncpg.CheckViolationError, match="event of its run"):
        await owner.execute(
            """insert into settlement select 'forged', round, status, as_of, payment_order, readings, matches,
               applications, match_lines, totals, receipt, digest, '\\x01'::bytea, adjusts, run_by, created_at
               from settlement where id = $1""",
            number,
        )


async def test_every_pair_of_states_not_in_the_table_is_refused(owner: asyncpg.Connection, people: People) -> None:
    """The table of transitions is the whole truth: any event in any state does what it says, or is refused."""
    made = await run(people.clerk, number="matrix")
    allowed = {
        (row["event"], row["before"]) for row in await owner.fetch("select event, before from settlement_transition")
    }
    events = [event for event in EVENTS if event != "run"]  # it makes the settlement
    refused = 0
    for state in STATUSES:
        for event in events:
            if (event, state) in allowed:
                continue
            transaction = owner.transaction()
            await transaction.start()
            await owner.execute("set local session_replication_role = replica")
            await owner.execute("update settlement set status = $2 where id = $1", made["id"], state)
            await owner.execute("set local session_replication_role = origin")
            with pytest.raises(asyncpg.CheckViolationError) as caught:
                await owner.execute(
                    """insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
                       values ($1, $2, '', '', 'key:nobody', now(), 0, $3)""",
                    made["id"], event, json.dumps({"decision": "pass", "note": "x"}),
                )  # fmt: skip
            assert caught.value.constraint_name == "state_not_allowed", (event, state, str(caught.value))
            refused += 1
            await transaction.rollback()
    assert refused == len(STATUSES) * len(events) - len(allowed - {("run", "computed")})
