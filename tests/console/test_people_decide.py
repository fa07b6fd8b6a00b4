"""People take a settlement from its submission to its lock in the console of the running service."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import httpx
import pyotp

from api.auth.people import create_person
from api.auth.second_factor import TOTP_SECONDS, new_second_factor
from tests.console.console_session import Page
from tests.support.api_client import ApiClient, good
from tests.support.province import CITIES, populate, run

PASSWORD = "correct horse battery"


@dataclass
class Seat:
    """Somebody at a browser, with an authenticator whose codes are taken one after another."""

    client: httpx.AsyncClient
    name: str
    secret: str
    owner: asyncpg.Connection

    async def code(self) -> str:
        """A code that was not used yet: the last one is forgotten, so that no test waits half a minute."""
        await self.owner.execute(
            "update login set totp_step = totp_step - 10 where person = (select id from person where name = $1)",
            self.name,
        )
        return pyotp.TOTP(self.secret, interval=TOTP_SECONDS).now()

    async def log_in(self) -> None:
        form = Page((await self.client.get("/console/login")).text).forms[0]
        fields = form.fields | {"name": self.name, "password": PASSWORD, "code": await self.code()}
        assert (await self.client.post(form.action, data=fields)).status_code == 303

    async def decide(self, number: str, event: str, **said: str) -> httpx.Response:
        """Fill in the form of a decision as the page shows it."""
        path = f"/console/settlements/{number}/decide/{event}"
        shown = await self.client.get(path)
        form = next((form for form in Page(shown.text).forms if form.action == path), None)
        return shown if form is None else await self.client.post(path, data={**form.fields, **said})

    async def must(self, number: str, event: str, **said: str) -> None:
        answer = await self.decide(number, event, **said)
        assert answer.status_code == 303, answer.text


@contextlib.asynccontextmanager
async def seated(app: ApiClient, owner: asyncpg.Connection, name: str, role: str) -> AsyncIterator[Seat]:
    """A new person with a second factor, logged in."""
    secret = new_second_factor(name)[0]
    await create_person(
        app.commands, name=name, role=role, city=None, password=PASSWORD, now=datetime.now(UTC), totp_secret=secret
    )
    transport = app.client._transport
    async with httpx.AsyncClient(transport=transport, base_url="http://suanbu", timeout=60) as client:
        seat = Seat(client, name, secret, owner)
        await seat.log_in()
        yield seat


async def test_from_the_submission_to_the_lock(app: ApiClient, owner: asyncpg.Connection) -> None:
    await populate(app)
    clerk = await app.holder("settlement:run", "report:read", "payout:read", name="周")
    number = (await run(clerk, number="console"))["id"]
    async with (
        seated(app, owner, "财政甲", "finance") as finance,
        seated(app, owner, "复核乙", "reviewer") as reviewer,
        seated(app, owner, "周", "approver") as same_name,
        seated(app, owner, "审批丙", "approver") as approver,
        seated(app, owner, "审计丁", "auditor") as auditor,
    ):
        await finance.must(number, "submit", note="请复核")
        assert (await approver.decide(number, "approve")).status_code == 409
        for city in CITIES:
            await reviewer.must(number, "review", city=city, decision="pass")
        refused = await same_name.decide(number, "approve")
        assert refused.status_code == 409
        assert "须由不同的人办理" in refused.text, "the key that ran it and the person are one hand"
        token = Page((await same_name.client.get("/console/rounds")).text).forms[0].fields["token"]
        path = f"/console/settlements/{number}/decide/approve"
        forced = await same_name.client.post(path, data={"token": token})
        assert forced.status_code == 403, "nor past the page"

        await owner.execute("update login set proven_at = proven_at - interval '6 minutes'")
        asked = await approver.decide(number, "approve")
        assert asked.status_code == 403
        assert "再次验证本人" in asked.text
        assert good(await clerk.get(f"/settlements/{number}"))["status"] == "reviewed"
        assert (await approver.decide(number, "approve", password="wrong", code="000000")).status_code == 403
        await approver.must(number, "approve", password=PASSWORD, code=await approver.code(), note="同意")
        await approver.must(number, "publish", days="0")
        await reviewer.must(number, "objection", note="用量有误", by="某单位")
        assert "有异议" in (await approver.decide(number, "lock")).text
        (objection,) = [event for event in good(await clerk.get(f"/settlements/{number}"))["events"]
                        if event["event"] == "objection"]  # fmt: skip
        await approver.must(number, "ruling", objection=str(objection["id"]), decision="dismissed", note="核对无误")
        await approver.must(number, "lock")
        log = Page((await auditor.client.get(f"/console/audit?object={number}")).text).text
        for text in ("财政甲（人员）", "复核乙（人员）", "审批丙（人员）", "锁定", "拒绝"):
            assert text in log, text
        exported = await auditor.client.get("/console/audit/export")
        assert exported.text.count("\n") == await owner.fetchval("select count(*) from audit")
        assert "待支付" in (await approver.client.get("/console/payouts")).text
        assert "****0001" in (await approver.client.get("/console/payouts")).text
    found = good(await clerk.get(f"/settlements/{number}"))
    assert found["status"] == "locked"
    assert [event["actor"] for event in found["events"] if event["event"] in ("submit", "approve", "lock")] == [
        "person:财政甲", "person:审批丙", "person:审批丙",
    ]  # fmt: skip
