"""Two people of the registry and its database: one enters, the other confirms, and nobody records anything alone."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import asyncpg
import httpx
import pytest

from api.actions.registry_entries import policy_words
from api.auth.sessions import whose
from api.clock import now
from api.console.sessions import SESSION_COOKIE
from meter.registry.record import record_items
from tests.console.console_session import Page
from tests.support.api_client import ApiClient, KeyClient, good
from tests.support.people import session_of
from tests.support.records import USER, entity, facility, usage, uscc

FORM = {
    "uscc": USER, "name": "示例单位", "kind": "enterprise", "region": "340100", "independent_legal_person": "yes",
    "ai_enterprise": "yes", "state_body": "no", "valid_from": "2025-09-01", "valid_to": "",
    "reason": "认定文件〔2025〕1号",
}  # fmt: skip


class Desk:
    """Somebody at the console of the service."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client

    async def page(self, path: str, status: int = 200) -> Page:
        """A page that must have this status."""
        answer = await self.client.get(path)
        assert answer.status_code == status, answer.text
        return Page(answer.text)

    async def submit(self, path: str, to: str = "", **fields: str) -> httpx.Response:
        """Fill in the form of a page and send it, or to another address."""
        form = next(one for one in (await self.page(path)).forms if "/registry/" in one.action and one.method == "post")
        return await self.client.post(to or form.action, data={**form.fields, **fields})


@contextlib.asynccontextmanager
async def sitting(app: ApiClient, session: str) -> AsyncIterator[Desk]:
    """Be logged in with a session."""
    app.client.cookies.set(SESSION_COOKIE, session)
    try:
        yield Desk(app.client)
    finally:
        app.client.cookies.clear()


async def facts(reader: KeyClient) -> list[dict[str, Any]]:
    """What the registry says of the entity, in order."""
    return await reader.items("/entities", uscc=USER)


async def test_one_enters_and_another_confirms(app: ApiClient, registrar: KeyClient) -> None:
    await registrar.put("/entities", [entity(name="示例单位", valid_from="2016-01-01", ai_enterprise=None)])
    reader = await app.holder("registry:read", "audit:read")
    before = len(await facts(reader))
    first, second = await session_of(app, "登记甲", "registrar"), await session_of(app, "登记乙", "registrar")
    async with sitting(app, first) as desk:
        assert "认定人工智能企业" in (await desk.page(f"/console/registry/entities/{USER}")).text
        sent = await desk.submit(f"/console/registry/enter/entity?uscc={USER}&attest=1", **FORM)
        assert sent.status_code == 303, sent.text
        entry = sent.headers["location"]
        shown = await desk.page(entry)
        assert "须由另一位登记人员确认" in shown.text
        alone = await desk.submit(entry, f"{entry}/confirm")
        assert (alone.status_code, "须由另一位登记人员确认" in alone.text) == (403, True)
    assert len(await facts(reader)) == before, "nothing is recorded before the confirmation"
    async with sitting(app, second) as desk:
        assert entry in (await desk.page("/console/registry")).links
        done = await desk.submit(entry, note="已核对")
        assert done.status_code == 303, done.text
        assert "已登记" in (await desk.page(entry)).text
        again = await desk.submit(f"/console/registry/enter/entity?uscc={USER}", **FORM)
        assert (again.status_code, "没有需要填报的" in again.text) == (409, True)
        history = await desk.page(f"/console/registry/entities/{USER}")
        assert "登记乙（人员）" in history.text
        assert "2025-09-01 起" in history.text
    recorded = (await facts(reader))[-1]
    assert (recorded["ai_enterprise"], recorded["valid_from"]) == (True, "2025-09-01")
    rows = await reader.items("/audit", limit=1000)
    assert {"person:登记乙"} == {row["actor"] for row in rows if row["object"] == str(recorded["batch"])}
    assert "person:登记甲" in {row["actor"] for row in rows if "registry_entry" in str(row["detail"])}


async def test_what_changes_nothing_says_so_and_what_is_rejected_is_not_recorded(
    app: ApiClient, registrar: KeyClient
) -> None:
    await registrar.put("/entities", [entity(name="示例单位", valid_from="2025-10-01")])
    reader = await app.holder("registry:read")
    before = len(await facts(reader))
    first, second = await session_of(app, "登记丙", "registrar"), await session_of(app, "登记丁", "registrar")
    async with sitting(app, first) as desk:
        sent = await desk.submit("/console/registry/enter/entity", **{**FORM, "valid_from": "2025-09-15"})
        entry = sent.headers["location"]
        assert "只在 2025-09-15 至 2025-09-30 生效" in (await desk.page(entry)).text
        misfilled = await desk.submit("/console/registry/enter/entity", **{**FORM, "uscc": "91340100MA00000000"})
        assert (misfilled.status_code, "末位为校验位" in misfilled.text) == (400, True)
    async with sitting(app, second) as desk:
        assert (await desk.submit(entry, f"{entry}/reject", note="日期有误")).status_code == 303
        assert "未采用" in (await desk.page(entry)).text
        late = await app.client.post(f"{entry}/confirm", data={"token": "forged"})
        assert late.status_code == 403
    assert len(await facts(reader)) == before


async def test_evidence_is_entered_too(app: ApiClient) -> None:
    first, second = await session_of(app, "登记戊", "registrar"), await session_of(app, "登记己", "registrar")
    bill = {
        "consumer": USER, "id": "INV-1", "kind": "invoice", "served_from": "2025-09-01", "served_to": "2025-09-30",
        "amount": "-1234.5", "document": "红字发票 1 号", "reason": "单位提交",
    }  # fmt: skip
    async with sitting(app, first) as desk:
        entry = (await desk.submit("/console/registry/enter/expenditure", **bill)).headers["location"]
    async with sitting(app, second) as desk:
        assert (await desk.submit(entry)).status_code == 303
        assert "-1,234.50" in (await desk.page(f"/console/registry/entities/{USER}")).text


async def test_a_person_records_nothing_that_nobody_else_has_entered(app: ApiClient) -> None:
    token = await session_of(app, "登记庚", "registrar")
    assert await whose(app.engine, token, datetime.now(UTC))
    with pytest.raises(asyncpg.CheckViolationError, match="a person records only what another hand has entered"):
        await record_items(
            app.engine, "expenditures",
            b'[{"id":"alone","consumer":"%s","kind":"invoice","served_from":"2025-09-01","served_to":"2025-09-02",'
            b'"amount_fen":1,"document":"d"}]' % USER.encode(),
            key_name="person:登记庚", source=None, algorithm="sm3", clock=now, policy=policy_words(),
        )  # fmt: skip


@pytest.mark.parametrize("role", ["finance", "auditor", "operator"])
async def test_who_only_reads_enters_nothing(app: ApiClient, role: str) -> None:
    async with sitting(app, await session_of(app, f"只读{role}", role)) as desk:
        assert "填报变更" not in (await desk.page(f"/console/registry/entities/{USER}")).text
        await desk.page("/console/registry/enter/entity", 403)


async def test_what_the_registry_makes_acceptable_is_replayed_as_it_came(
    app: ApiClient, registrar: KeyClient, platform: KeyClient
) -> None:
    await platform.push(usage("waits-1", facility="centre-to-come"), usage("waits-2", cards=0))
    token = await session_of(app, "登记辛", "registrar")
    async with sitting(app, token) as desk:
        page = await desk.page("/console/quarantine")
        form = next(form for form in page.forms if form.action == "/console/quarantine/replay")
        await registrar.put("/facilities", [facility("centre-to-come")])
        done = await app.client.post(form.action, data=form.fields)
        assert done.status_code == 303, done.text
        assert "入库 1 条" in (await desk.page(done.headers["location"])).text
    record = good(await platform.get(f"/usage-records/{platform.name}/waits-1"))
    assert good(await platform.get(f"/batches/{record['batch']}"))["kind"] == "replay"
    async with sitting(app, await session_of(app, "运行壬", "operator")) as desk:
        assert not [form for form in (await desk.page("/console/quarantine")).forms if "replay" in form.action]


OTHER, THIRD = uscc(7), uscc(8)
FACILITY = {
    "id": "hf-new", "name": "合肥新智算中心", "region": "340100", "intelligent": "yes",
    "owners": f"{USER} 60\n{OTHER} 40", "operator": "", "capacity": "card-a 512 2025-01-01", "valid_from": "",
    "valid_to": "", "reason": "立项批复〔2025〕3号",
}  # fmt: skip
HOLDING = {
    "holder": OTHER, "held": USER, "share": "51", "from": "2025-09-01", "to": "", "document": "股东名册",
    "reason": "工商登记",
}  # fmt: skip


async def entered(app: ApiClient, names: tuple[str, str], form: str, fields: dict[str, str]) -> tuple[str, str]:
    """Have one enter and the other confirm: the entry's address, and what its page said before."""
    first, second = [await session_of(app, name, "registrar") for name in names]
    async with sitting(app, first) as desk:
        sent = await desk.submit(f"/console/registry/enter/{form}", **fields)
        assert sent.status_code == 303, sent.text
        entry = sent.headers["location"]
        said = (await desk.page(entry)).text
    async with sitting(app, second) as desk:
        done = await desk.submit(entry, note="已核对")
        assert done.status_code in (303, 409), done.text
        return entry, said + (await desk.page(entry)).text + done.text


async def test_a_facility_is_entered_by_two_hands_and_its_use_is_then_taken(
    app: ApiClient, registrar: KeyClient, platform: KeyClient
) -> None:
    await registrar.put("/entities", [entity(name="示例单位", valid_from="2016-01-01"), entity(OTHER, name="投资方")])
    await platform.push(usage("before-it", facility="hf-new"))
    _, said = await entered(app, ("登记未", "登记申"), "facility", FACILITY)
    for text in ("合肥新智算中心", f"{USER} 60%；{OTHER} 40%", "card-a 512 卡（2025-01-01 起）", "已登记"):
        assert text in said, text
    reader = await app.holder("registry:read", "usage:read")
    known = [one for one in await reader.items("/facilities") if one["id"] == "hf-new"]
    assert [one["share"] for one in known[0]["owners"]] == ["0.6", "0.4"]
    async with sitting(app, await session_of(app, "登记壬", "registrar")) as desk:
        history = await desk.page("/console/registry/facilities/hf-new")
        assert "登记申（人员）" in history.text
        assert "/console/registry/enter/facility?code=hf-new" in history.links
        filled_in = await desk.page("/console/registry/enter/facility?code=hf-new")
        assert f"{USER} 60\n{OTHER} 40" in filled_in.text
        for wrong in ({"owners": f"{USER} 60"}, {"owners": f"{USER} 60\n{USER} 40"}, {"capacity": "card-a viele 2025"}):
            misfilled = await desk.submit("/console/registry/enter/facility", **{**FACILITY, **wrong})
            assert misfilled.status_code == 400, wrong
        token = (await desk.page("/console/quarantine")).forms[0].fields["token"]
        await desk.client.post("/console/quarantine/replay", data={"token": token})
    assert "before-it" not in [one["id"] for one in await reader.items("/quarantine")]


async def test_a_holding_is_entered_by_two_hands_and_never_above_the_whole(
    app: ApiClient, registrar: KeyClient
) -> None:
    await registrar.put("/entities", [entity(name="示例单位", valid_from="2016-01-01"), entity(OTHER, name="投资方")])
    _, said = await entered(app, ("登记子", "登记丑"), "holding", HOLDING)
    for text in (f"{OTHER} 持有 {USER}", "51%", "2025-09-01", "已登记"):
        assert text in said, text
    reader = await app.holder("registry:read")
    assert [one["share"] for one in await reader.items("/holdings") if one["held"] == USER] == ["0.51"]
    _, said = await entered(app, ("登记寅", "登记卯"), "holding", {**HOLDING, "from": "2025-08-01", "share": "30"})
    assert "只在 2025-08-01 至 2025-08-31 生效" in said, "what a later start leaves without effect says so"
    third = {**HOLDING, "holder": THIRD, "share": "50"}
    _, said = await entered(app, ("登记辰", "登记巳"), "holding", third)
    assert "将超过 100%" in said
    assert THIRD not in [one["holder"] for one in await reader.items("/holdings")]
    async with sitting(app, await session_of(app, "登记午", "registrar")) as desk:
        for wrong in ({"held": OTHER}, {"share": "101"}, {"share": "x"}, {"from": "2025"}):
            misfilled = await desk.submit("/console/registry/enter/holding", **{**HOLDING, **wrong})
            assert misfilled.status_code == 400, wrong
