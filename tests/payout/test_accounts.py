"""Bank accounts: one hand proposes, another approves; what was approved is what is paid to, whatever comes between."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio

from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.clock import later
from tests.support.postgres import Cluster
from tests.support.province import (
    CITIES,
    People,
    account_of,
    approve_accounts,
    approved,
    code_of,
    decide,
    people_of,
    populate,
    run,
)  # fmt: skip
from tests.support.records import Record, entity
from tests.support.serving import in_process
from tests.support.worlds import post

FIRST = code_of(CITIES[0], 0)
NAME = f"{CITIES[0]}-0 有限公司"
EVIL = {"bank": "别家银行", "account": "6229999900000000", "holder": NAME}


@dataclass(frozen=True)
class Town:
    """A province whose accounts are approved, and its people."""

    door: ApiClient
    people: People
    registrar: KeyClient
    owner: asyncpg.Connection

    async def state(self, account: dict[str, str], **more: Any) -> dict[str, Any]:
        """Record the first entity with another account; the answer."""
        said: dict[str, Any] = {"name": NAME, "region": "340102", "bank_account": account, **more}
        item: Record = entity(FIRST, **said)
        return good(await self.registrar.put("/entities", [item]))

    async def waiting(self) -> dict[str, Any]:
        """The one proposal that waits."""
        (one,) = await self.people.approver.items("/account-proposals", status="proposed")
        return one


@pytest_asyncio.fixture(scope="module")
async def door(cluster: Cluster) -> AsyncIterator[ApiClient]:
    """A service that lasts as long as this module; its databases do not."""
    async with cluster.database() as url, in_process(url) as opened:
        await populate(opened)
        yield opened


@pytest_asyncio.fixture
async def town(door: ApiClient) -> AsyncIterator[Town]:
    """The first entity is paid to the account that the province began with; nothing waits."""
    owner = await asyncpg.connect(door.url)
    made = Town(door, await people_of(door), await door.registrar(), owner)
    try:
        await approve_accounts(door)
        await made.state(account_of(CITIES[0], 0), valid_from=str(owner_today()))
        await approve_accounts(door)
        yield made
    finally:
        await owner.close()


def owner_today() -> Any:
    """Today in Asia/Shanghai."""
    return (datetime.now(UTC) + timedelta(hours=8)).date()


async def in_force(town: Town) -> str:
    """The last places of the account that would be paid to now."""
    shown = await town.owner.fetchval(
        "select masked from account_proposal where id = account_on($1, suanbu_today())", FIRST
    )
    return str(shown)[-4:]


async def test_a_first_account_in_the_entitys_own_name_is_in_force_at_once_and_every_other_waits(town: Town) -> None:
    own = {"bank": "徽商银行", "account": "6222000000001111", "holder": "新单位 有限公司"}
    other = {**own, "account": "6222000000002222"}

    async def told(number: int, account: dict[str, str]) -> list[str]:
        item = entity(code_of(CITIES[1], number), name=own["holder"], region="340202", bank_account=account)
        return [one["code"] for one in good(await town.registrar.put("/entities", [item]))["warnings"]]

    async def shown(number: int) -> str | None:
        found: str | None = await town.owner.fetchval(
            "select masked from account_proposal where id = account_on($1, suanbu_today())", code_of(CITIES[1], number)
        )
        return found

    assert await told(700, own) == []
    assert await shown(700) == "徽商银行 ****1111"
    assert await told(700, other) == ["ACCOUNT_PROPOSED"], "a change waits"
    assert await shown(700) == "徽商银行 ****1111"
    assert await told(701, {**own, "holder": "别的单位"}) == ["ACCOUNT_PROPOSED"], "another holder waits"
    assert await shown(701) is None
    logged = await town.owner.fetch(
        "select action, after from audit where object = $1 and action like 'account%' order by seq",
        code_of(CITIES[1], 700),
    )
    assert [row["action"] for row in logged] == ["account.propose", "account.approve", "account.propose"]
    renamed = entity(code_of(CITIES[1], 702), name="原来叫这个", region="340202")
    good(await town.registrar.put("/entities", [renamed]))
    good(await town.registrar.put("/entities", [renamed | {"name": own["holder"]}]))
    assert await told(702, own) == ["ACCOUNT_PROPOSED"], "its name is no longer the one it was known by"
    assert await shown(702) is None
    for uscc in (code_of(CITIES[1], 700), code_of(CITIES[1], 701), code_of(CITIES[1], 702)):
        await approve_accounts(town.door, uscc)


async def test_a_change_of_account_moves_no_money_before_another_hand_approves(town: Town) -> None:
    before = await in_force(town)
    made = await run(town.people.clerk, number="one hand")
    await approved(town.people, made["id"])
    answer = await town.state(EVIL, valid_from=str(owner_today()), ai_enterprise=None)
    assert (answer["accepted"], [one["code"] for one in answer["warnings"]]) == (1, ["ACCOUNT_PROPOSED"])
    assert EVIL["account"] not in json.dumps(answer)
    assert await in_force(town) == before
    waiting = await town.waiting()
    assert (waiting["status"], waiting["account_masked"], waiting["holder"]) == ("proposed", "别家银行 ****0000", NAME)
    assert waiting["replaces_masked"].endswith(before)
    registrar_too = await town.door.holder("settlement:approve", name=town.registrar.name.upper())
    refused = await post(registrar_too, f"/account-proposals/{waiting['id']}/approve")
    assert problem(refused) == (403, "SAME_PERSON")
    assert await in_force(town) == before
    good(await post(town.people.second, f"/account-proposals/{waiting['id']}/reject", {"note": "查无此户"}))
    again = await post(town.people.second, f"/account-proposals/{waiting['id']}/approve")
    assert problem(again) == (409, "ALREADY_DECIDED")
    assert await in_force(town) == before
    good(await decide(town.people.clerk, made["id"], "cancel"))


async def test_a_repeat_proposes_nothing_and_other_facts_are_taken_at_once(town: Town) -> None:
    day = str(owner_today())
    first = await town.state(EVIL, valid_from=day, region="340103")
    again = await town.state(EVIL, valid_from=day, region="340103")
    assert (first["accepted"], again["duplicate"]) == (1, 1)
    assert [one["code"] for one in again["warnings"]] == ["ACCOUNT_PROPOSED"], "it still waits"
    await town.state(EVIL, valid_from=day, region="340104")
    waiting = await town.waiting()
    regions = [one["region"] for one in await town.registrar.items("/entities", limit=1000) if one["uscc"] == FIRST]
    assert regions[-2:] == ["340103", "340104"]
    good(await post(town.people.second, f"/account-proposals/{waiting['id']}/reject"))
    answer = await town.state(EVIL, valid_from=day, region="340104")
    assert (answer["duplicate"], answer["warnings"]) == (1, []), "no stays no until something else is said"


async def test_a_start_in_the_future_is_not_in_force_and_does_not_stand_in_the_way(town: Town) -> None:
    before = await in_force(town)
    await town.state(EVIL, valid_from="2099-01-01")
    await approve_accounts(town.door, FIRST)
    assert await in_force(town) == before
    await town.state(EVIL | {"account": "6220000055555555"}, valid_from=str(owner_today()))
    await approve_accounts(town.door, FIRST)
    assert await in_force(town) == "5555"
    async with later(town.owner, days=366 * 80):
        assert await in_force(town) == "0000", "its day has come"


async def test_another_holder_is_confirmed_on_its_own(town: Town) -> None:
    await town.state(EVIL | {"holder": "某某个人"}, valid_from=str(owner_today()))
    waiting = await town.waiting()
    assert waiting["holder_differs"]
    path = f"/account-proposals/{waiting['id']}/approve"
    assert problem(await post(town.people.second, path, {"note": "好"})) == (409, "HOLDER_UNCONFIRMED")
    with pytest.raises(asyncpg.CheckViolationError) as refusal:
        await town.owner.execute(
            """insert into account_event (proposal, event, holder_confirmed, actor, at)
               values ($1, 'approve', false, $2, now())""",
            waiting["id"], f"key:{town.people.second.name}",
        )  # fmt: skip
    assert refusal.value.constraint_name == "holder_unconfirmed", "nor past the service"
    assert good(await post(town.people.second, path, {"confirm_holder": True}))["status"] == "approved"


async def test_who_is_renamed_with_a_new_account_has_both_names_held_against_the_holder(town: Town) -> None:
    await town.state(EVIL | {"holder": "某某个人"}, name="某某个人", valid_from=str(owner_today()))
    assert (await town.waiting())["holder_differs"]
    await approve_accounts(town.door, FIRST)


@pytest.mark.parametrize(
    ("holder", "account"),
    [
        (NAME.replace("-", "－"), "6211110001"),
        (f" {NAME}\u200b", "6211110002"),
        (NAME.replace("有", "有\ufe00"), "6211110003"),
    ],
)
async def test_a_holder_in_another_width_is_no_other_holder(town: Town, holder: str, account: str) -> None:
    await town.state(EVIL | {"holder": holder, "account": account}, valid_from=str(owner_today()))
    assert not (await town.waiting())["holder_differs"]


async def test_another_account_than_the_approved_one_is_refused_at_the_lock(town: Town) -> None:
    """Approved, changed by two other hands, locked: not before it is approved again, in any state."""
    people = town.people
    made = await run(people.clerk, number="changed between")
    await approved(people, made["id"])
    await town.state(EVIL | {"account": "6220000077777777"}, valid_from=str(owner_today()))
    await approve_accounts(town.door, FIRST)
    answer = await decide(people.approver, made["id"], "lock")
    assert problem(answer) == (409, "ACCOUNT_CHANGED")
    assert FIRST in answer.json()["detail"]
    assert "approve the settlement again" in answer.json()["detail"], "found before a single instruction is made"
    changes = good(await people.clerk.get(f"/settlements/{made['id']}/changes"))
    (mine,) = [one for one in changes["accounts"]["first"] if one["uscc"] == FIRST]
    assert (mine["changed"], mine["account_masked"]) == (True, "别家银行 ****7777")
    good(await decide(people.second, made["id"], "publish", days=0))
    assert problem(await decide(people.approver, made["id"], "lock")) == (409, "ACCOUNT_CHANGED")
    assert good(await decide(people.approver, made["id"], "approve"))["status"] == "published", "the notice stands"
    event = good(await people.clerk.get(f"/settlements/{made['id']}"))["events"][-1]
    assert event["detail"]["accounts_missing"] == 0
    assert event["detail"]["accounts_sha256"].startswith("sha256:")
    transaction = town.owner.transaction()
    await transaction.start()
    await town.owner.execute(
        """insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
           values ($1, 'lock', '', '', $2, now(), 0, '{}')""",
        made["id"], f"key:{people.approver.name}",
    )  # fmt: skip
    paid_to = await town.owner.fetchval(
        """select p.masked from payout_instruction i join account_proposal p on p.account = i.account
           where i.settlement = $1 and i.uscc = $2""",
        made["id"], FIRST,
    )  # fmt: skip
    assert paid_to == "别家银行 ****7777"
    await transaction.rollback()
    good(await decide(people.clerk, made["id"], "cancel"))


async def test_a_line_without_an_account_is_not_locked(town: Town) -> None:
    people = town.people
    await town.state(EVIL | {"account": "6220000033333333"}, valid_from=str(owner_today()), valid_to="2030-01-01")
    await approve_accounts(town.door, FIRST)
    made = await run(people.clerk, number="missing")
    await approved(people, made["id"])
    async with later(town.owner, days=366 * 10):
        answer = await decide(people.approver, made["id"], "lock")
        assert problem(answer) == (409, "ACCOUNT_MISSING")
        assert FIRST in answer.json()["detail"]
    good(await decide(people.clerk, made["id"], "cancel"))


async def test_the_service_itself_cannot_exchange_what_was_approved(town: Town) -> None:
    people = town.people
    made = await run(people.clerk, number="past the service")
    await approved(people, made["id"])
    event = await town.owner.fetchval("select max(event) from settlement_account")
    for sql in (
        "update settlement_account set proposal = 1",
        "delete from settlement_account",
        f"insert into settlement_account values ({event}, '000000000000000000', 1)",
        "update account_event set event = 'approve'",
        "delete from account_proposal",
        "update account_proposal set account = 'x'",
        """insert into account_proposal (party, batch, ordinal, account, digest, masked, holder_differs, actor, at)
           select party, batch, ordinal, 'aes-256-gcm:x', '', '', false, 'key:nobody', now()
           from account_proposal limit 1""",
        """insert into account_event (proposal, event, holder_confirmed, actor, at)
           select max(id), 'approve', true, 'key:stranger', now() from account_proposal""",
    ):
        transaction = town.owner.transaction()
        await transaction.start()
        await town.owner.execute("select set_config('suanbu.city', '*', true)")
        await town.owner.execute("set local role suanbu_service")
        with pytest.raises((asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError)):
            await town.owner.execute(sql)
        await transaction.rollback()
    async with town.owner.transaction():
        await town.owner.execute("set local session_replication_role = replica")
        other = await town.owner.fetchval("select min(id) from account_proposal")
        await town.owner.execute("update settlement_account set proposal = $1 where event = $2", other, event)
    assert problem(await decide(people.approver, made["id"], "lock")) == (409, "ACCOUNT_CHANGED")
    good(await decide(people.clerk, made["id"], "cancel"))


async def test_whoever_recorded_a_fact_behind_a_line_cannot_approve_it(town: Town) -> None:
    people = town.people
    both = await town.door.holder("registry:write", "settlement:approve", name="做登记的")
    good(await both.put("/entities", [entity(code_of(CITIES[1], 1), name="改名", region="340202")]))
    made = await run(people.clerk, number="maker approves")
    good(await decide(people.clerk, made["id"], "submit"))
    good(await decide(people.reviewer, made["id"], "review", decision="pass"))
    answer = await decide(both, made["id"], "approve")
    assert problem(answer) == (403, "FACT_BY_APPROVER")
    good(await decide(people.approver, made["id"], "approve"))
    good(await decide(people.clerk, made["id"], "cancel"))


async def test_what_changed_since_the_run_is_told_with_who_recorded_it(town: Town) -> None:
    made = await run(town.people.clerk, number="changes")
    item = entity(code_of(CITIES[1], 0), name="后来", region="340203", ai_enterprise=None)
    stranger = entity(code_of("340900", 7), name="不在结算中")
    good(await town.registrar.put("/entities", [item, stranger]))
    changes = good(await town.people.clerk.get(f"/settlements/{made['id']}/changes"))
    told = [(one["kind"], one["subject"], one["recorded_by"]) for one in changes["items"]]
    assert told == [("entities", code_of(CITIES[1], 0), f"key:{town.registrar.name}")]
    assert changes["items"][0]["fact"]["name"] == "后来"
    nothing = good(
        await town.people.clerk.get(f"/settlements/{(await run(town.people.clerk, number='n'))['id']}/changes")
    )
    assert nothing["items"] == []


async def test_proposals_and_approvals_are_in_the_log_with_masked_accounts(town: Town) -> None:
    before = await in_force(town)
    await town.state(EVIL | {"account": "6220000066666666"}, valid_from=str(owner_today()))
    (number,) = await approve_accounts(town.door, FIRST)
    auditor = await town.door.holder("audit:read")
    rows = [one for one in await auditor.items("/audit", object=FIRST, limit=1000)
            if json.loads(one["detail"])["proposal"] == number]  # fmt: skip
    assert [(one["action"], one["before"][-4:], one["after"]) for one in rows] == [
        ("account.propose", before, "别家银行 ****6666"), ("account.approve", before, "别家银行 ****6666"),
    ]  # fmt: skip
    assert rows[0]["actor"] == f"key:{town.registrar.name}"
    assert "6220000066666666" not in json.dumps(rows)


async def test_only_who_may_decides_and_reads(town: Town) -> None:
    await town.state(EVIL | {"account": "6220000011110000"}, valid_from=str(owner_today()))
    number = (await town.waiting())["id"]
    for holder in (town.people.clerk, town.people.payer, town.registrar):
        assert problem(await post(holder, f"/account-proposals/{number}/approve")) == (403, "scope_missing")
    of_a_city = await town.door.holder("settlement:approve", "payout:read", city=CITIES[0])
    assert problem(await of_a_city.get("/account-proposals")) == (403, "city_limited")
    assert problem(await post(of_a_city, f"/account-proposals/{number}/approve"))[0] == 403
    assert problem(await post(town.people.second, "/account-proposals/999999/approve")) == (404, "NO_SUCH_PROPOSAL")
    good(await post(town.people.second, f"/account-proposals/{number}/reject"))


# long: every way past the second hand, on one province
