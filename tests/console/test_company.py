"""What a company says: it confirms intent and account, proposes another account, objects; and what comes of each."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import httpx
import pytest_asyncio

from api.auth.people import Person
from api.console.answer import page
from api.console.sessions import SESSION_COOKIE, session_form_token
from tests.support.api_client import ApiClient, good, problem
from tests.support.people import session_of
from tests.support.postgres import Cluster
from tests.support.province import CITIES, People, approved, code_of, decide, people_of, populate, run
from tests.support.serving import in_process
from tests.support.worlds import post

CITY = CITIES[0]
OURS = code_of(CITY, 0)
_NAMES = itertools.count(1)


@dataclass(frozen=True)
class Round:
    """A round in public notice."""

    door: ApiClient
    people: People
    number: str
    owner: asyncpg.Connection


@pytest_asyncio.fixture(scope="module")
async def round_(cluster: Cluster) -> AsyncIterator[Round]:
    async with cluster.database() as url, in_process(url) as door:
        await populate(door)
        people = await people_of(door)
        made = await run(people.clerk)
        await approved(people, made["id"])
        good(await decide(people.approver, made["id"], "publish", days=0))
        owner = await asyncpg.connect(url)
        yield Round(door, people, made["id"], owner)
        await owner.close()


class Company:
    """Somebody of an entity at the console."""

    def __init__(self, door: ApiClient, session: str) -> None:
        self._door, self._session = door, session
        self._headers = {"Cookie": f"{SESSION_COOKIE}={session}"}

    @classmethod
    async def of(cls, door: ApiClient, uscc: str = OURS) -> Company:
        """Log somebody in."""
        return cls(door, await session_of(door, f"单位{next(_NAMES)}", "entity", uscc=uscc))

    async def page(self, path: str = "") -> str:
        """What a page of the company says."""
        answer = await self._door.client.get(f"/console/company{path}", headers=self._headers)
        assert answer.status_code == 200, answer.text[:300]
        return answer.text

    async def say(self, path: str, **said: str) -> httpx.Response:
        """Send a form as it stands in the page."""
        form = {"token": session_form_token(self._session), **said}
        return await self._door.client.post(f"/console/company{path}", data=form, headers=self._headers)


async def test_intent_and_account_are_confirmed_on_record(round_: Round) -> None:
    company = await Company.of(round_.door)
    assert "确认申领和收款账户" in await company.page()
    known = await round_.owner.fetchval("select account_on($1, suanbu_today())", OURS)
    wrong = await company.say("/confirm", round="anhui-2026", account=str(known + 1))
    assert wrong.status_code == 409
    assert "收款账户刚刚有变化" in wrong.text
    done = await company.say("/confirm", round="anhui-2026", account=str(known))
    assert (done.status_code, done.headers["location"]) == (303, "/console/company?done=confirm")
    page = await company.page()
    assert "已确认申领" in page
    assert "****0000" in page
    row = await round_.owner.fetchrow("select * from audit where action = 'company.confirm' order by seq desc limit 1")
    assert (row["object"], row["result"]) == (OURS, "done")
    assert row["actor"].startswith("person:单位")
    refused = await round_.owner.fetchval(
        "select count(*) from audit where action = 'company.confirm' and result = 'refused'"
    )
    assert refused == 1


async def test_an_account_is_in_force_when_somebody_else_has_approved_it(round_: Round) -> None:
    city = CITIES[1]
    company = await Company.of(round_.door, code_of(city, 0))
    before = await round_.owner.fetchval("select account_on($1, suanbu_today())", code_of(city, 0))
    unfit = await company.say("/account", bank="", account="1", holder="x")
    assert unfit.status_code == 400
    said = {"bank": "新银行", "account": "7777 8888", "holder": f"{city}-0 有限公司"}
    assert (await company.say("/account", **said)).status_code == 303
    assert "待批准" in await company.page()
    again = await company.say("/account", **said)
    assert again.status_code == 409
    assert "正在等待批准" in again.text
    assert await round_.owner.fetchval("select account_on($1, suanbu_today())", code_of(city, 0)) == before
    second = await round_.door.holder("settlement:approve", "payout:read")
    (waiting,) = await second.items("/account-proposals", status="proposed", entity=code_of(city, 0))
    assert (waiting["account_masked"], waiting["batch"]) == ("新银行 ****8888", None)
    assert waiting["proposed_by"].startswith("person:单位")
    good(await post(second, f"/account-proposals/{waiting['id']}/approve"))
    assert await round_.owner.fetchval("select account_on($1, suanbu_today())", code_of(city, 0)) == waiting["id"]
    page = await company.page()
    assert "新银行 ****8888" in page
    proposed = await round_.owner.fetchval(
        """select count(*) from audit where action = 'account.propose' and object = $1 and result = 'done'
           and actor like 'person:%'""",
        code_of(city, 0),
    )
    assert proposed == 1


async def test_a_first_account_that_a_company_proposes_waits_for_another_hand(round_: Round) -> None:
    """One of the registry in the entity's own name is in force at once; the company's own word is not."""
    stranger = await Company.of(round_.door, code_of("349900", 7))
    assert (await stranger.say("/account", bank="a", account="1234", holder="b")).status_code == 409, "not registered"
    owner = round_.owner
    code = code_of(CITIES[2], 1)
    number = await owner.fetchval("select id from party where uscc = $1", code)
    company = await Company.of(round_.door, code)
    said = {"bank": "a", "account": "99991111", "holder": f"{CITIES[2]}-1 有限公司"}
    assert (await company.say("/account", **said)).status_code == 303
    proposal = await owner.fetchrow("select * from account_proposal where party = $1 order by id desc limit 1", number)
    assert proposal["batch"] is None
    assert await owner.fetchval("select count(*) from account_event where proposal = $1", proposal["id"]) == 0
    assert not await owner.fetchval(
        "select account_is_first(a) from account_proposal a where id = $1", proposal["id"]
    ), "also were it the only one"


async def test_who_has_not_just_shown_password_and_code_is_asked_for_them(round_: Round) -> None:
    company = await Company.of(round_.door)
    await round_.owner.execute("set role suanbu_owner; update login set proven_at = now() - interval '11 minutes'")
    await round_.owner.execute("reset role")
    page = await company.page("/account")
    assert 'name="code"' in page
    answer = await company.say("/account", bank="新银行", account="1", holder="x")
    assert answer.status_code == 403
    assert "密码或动态口令不正确" in answer.text
    assert (await company.say("/confirm", round="anhui-2026", account="1")).status_code == 403


async def test_an_objection_holds_the_lock_until_it_is_ruled_on_and_answered(round_: Round) -> None:
    company = await Company.of(round_.door)
    here = f"/settlements/{round_.number}"
    assert (await company.say(f"{here}/objection", note="")).status_code == 400
    assert (await company.say(f"{here}/objection", note="八月的账单少计了")).status_code == 303
    assert "待处理" in await company.page(here)
    reader = await round_.door.holder("report:read", "audit:read")
    (raised,) = [one for one in good(await reader.get(here))["events"] if one["event"] == "objection"]
    assert (raised["detail"]["uscc"], raised["detail"]["note"]) == (OURS, "八月的账单少计了")
    assert raised["actor"].startswith("person:单位")
    assert problem(await decide(round_.people.approver, round_.number, "lock"))[1] == "OBJECTION_OPEN"
    bound = await round_.door.holder("report:read", city=CITY)
    seen = [one for one in good(await bound.get(here))["events"] if one["event"] == "objection"]
    assert [one["detail"]["note"] for one in seen] == ["八月的账单少计了"], "its city sees it"
    said = {"decision": "dismissed", "note": "账单与记录一致"}
    good(await decide(round_.people.second, round_.number, f"objections/{raised['id']}", **said))
    page = await company.page(here)
    assert "不成立" in page
    assert "账单与记录一致" in page
    logged = await round_.owner.fetchval(
        "select count(*) from audit where action = 'settlement.objection' and actor like 'person:单位%'"
    )
    assert logged == 1
    changed = await decide(round_.people.approver, round_.number, "lock")
    assert problem(changed)[1] == "ACCOUNT_CHANGED", "another company's account was changed since the approval"
    good(await decide(round_.people.approver, round_.number, "approve"))
    good(await decide(round_.people.approver, round_.number, "lock"))
    paid_to = await round_.owner.fetchval(
        """select a.masked from payout_instruction i join account_proposal a on a.account = i.account
           where i.uscc = $1""",
        code_of(CITIES[1], 0),
    )
    assert paid_to == "新银行 ****8888"
    late = await company.say(f"{here}/objection", note="太晚了")
    assert late.status_code == 409


async def test_staff_see_on_the_line_what_the_company_confirmed(round_: Round) -> None:
    company = await Company.of(round_.door)
    known = await round_.owner.fetchval("select account_on($1, suanbu_today())", OURS)
    await company.say("/confirm", round="anhui-2026", account=str(known))
    session = await session_of(round_.door, f"审计{next(_NAMES)}", "auditor")
    answer = await round_.door.client.get(
        f"/console/settlements/{round_.number}/lines/{OURS}", headers={"Cookie": f"{SESSION_COOKIE}={session}"}
    )
    assert answer.status_code == 200
    assert "单位已确认申领" in answer.text


def test_a_month_into_which_a_record_only_reaches_counts_none() -> None:
    row = {"facility": "hf-1", "chip": "card-a", "millicard_seconds": 3_600_000, "charge_fen": 5}
    shown = page(
        "company_use", person=Person("壬", "entity", None, uscc="91340100MA00000015"), sections=["company"],
        section="company", form_token="t", picture="", hours=str, home={"refused": []},
        use=[{**row, "month": "2025-09", "records": 1}, {**row, "month": "2025-10", "records": 0}],
        sums={"millicard_seconds": 2, "charge_fen": 10, "records": 1},
    )  # fmt: skip
    table = bytes(shown.body).decode().partition("2025-10")[2].partition("</tr>")[0]
    assert "—" in table
    assert ">0<" not in table
    assert "跨月的记录" in bytes(shown.body).decode()
