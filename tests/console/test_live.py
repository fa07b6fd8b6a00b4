"""The console over the running service and its database: a person logs in and reads what was settled."""

from __future__ import annotations

from typing import Any

from tests.console.console_session import Page
from tests.support.api_client import ApiClient, KeyClient
from tests.support.people import code_of, person_of
from tests.support.records import USER, entity, usage

NAME = '<b>示例</b> "单位"'


async def settled(app: ApiClient, registrar: KeyClient, platform: KeyClient) -> dict[str, Any]:
    """A settlement of two records, one of them without a purpose."""
    await registrar.put("/entities", [entity(name=NAME, valid_from="2016-01-01")])
    await platform.push(
        usage("c1", charge_fen=100_000_000), usage("c2", charge_fen=999, purpose=None), usage("c3", cards=0)
    )
    finance = await app.holder("settlement:run", "report:read")
    answer = await app.client.post(
        "/v1/settlements",
        json={"round": "anhui-2026", "order": {"rate": "0.20"}},
        headers={"Authorization": f"Bearer {finance.key}"},
    )
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.json())


async def test_from_the_login_to_the_steps_of_an_award(
    app: ApiClient, registrar: KeyClient, platform: KeyClient
) -> None:
    settlement = await settled(app, registrar, platform)
    secret = await person_of(app, "李会计", "finance", password="correct horse")
    client = app.client

    async def page(path: str) -> Page:
        response = await client.get(path)
        assert response.status_code == 200, response.text
        return Page(response.text)

    try:
        form = (await page("/console/login")).forms[0]
        given = {"name": "李会计", "password": "correct horse", "code": code_of(secret)}
        wrong = await client.post(form.action, data={**form.fields, **given, "password": "wrong"})
        assert wrong.status_code == 403
        form = Page(wrong.text).forms[0]
        right = await client.post(form.action, data={**form.fields, **given})
        assert right.status_code == 303, right.text
        here = f"/console/settlements/{settlement['id']}"
        assert here in (await page("/console/settlements")).links
        shown = await page(here)
        assert NAME in shown.text
        assert "200,000.00" in shown.text
        line = await page(f"{here}/lines/{USER}")
        for text in ("金额的由来", "200,000.00", "用途未申明", "9.99", "算力补助量=算力使用量-算力被使用量"):
            assert text in line.text, text
        assert "没有结算" not in (await page("/console/rounds")).text
        assert "c3" in (await page("/console/quarantine?code=out_of_range")).text
        report = await client.get(f"{here}/report.csv")
        assert USER in report.text
        leave = next(form for form in line.forms if form.action == "/console/logout")
        await client.post(leave.action, data=leave.fields)
        assert (await client.get(here)).status_code == 303
    finally:
        client.cookies.clear()
