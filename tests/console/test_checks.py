"""The page of checks: the last checkpoint, recomputing with its result, and the bundle for who audits."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import asyncpg
import httpx
import pytest

from api.console.sessions import SESSION_COOKIE
from settlement.checkpoint.make import make
from settlement.checkpoint.signature import signing_key
from tests.console import fixtures
from tests.console.console_session import ConsoleSession, Page
from tests.console.fake_checks import ROOT
from tests.console.test_jobs import VERDICT, put
from tests.console.test_live import settled
from tests.support.api_client import ApiClient, KeyClient
from tests.support.people import session_of

HERE = "/console/checks"
RECOMPUTED: dict[str, Any] = {
    "equal": False, "as_of": 41, "sealed_rows": 1_000, "tail_rows": 23, "groups": 9, "digest": "sha256:aa",
    "kept_digest": "sha256:bb", "first_difference": {"consumer": 3, "day": 20_000, "card_seconds_kept": None},
}  # fmt: skip


async def test_the_last_checkpoint_says_when_whose_and_how_much_of_the_books(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("auditor")
    page = await desk.page(HERE)
    for text in ("1 天前", "1,250", ROOT, "suanbu/anhui", "0badcafe", "3 个批号、7 条审计记录"):
        assert text in page.text, text
    assert HERE in page.links


async def test_who_does_not_audit_verifies_and_gets_no_bundle(finance: ConsoleSession) -> None:
    page = await finance.page(HERE)
    assert ROOT not in page.html
    assert "下载证据包" not in page.html
    form = next(form for form in page.forms if form.action == f"{HERE}/settlement")
    assert (await finance.client.post(f"{HERE}/evidence", data=form.fields)).status_code == 403
    answer = await finance.client.post(form.action, data={**form.fields, "settlement": fixtures.FIRST})
    assert answer.headers["location"] == "/console/jobs/7"
    form = next(form for form in page.forms if form.action == f"{HERE}/usage")
    assert (await finance.client.post(form.action, data=form.fields)).headers["location"] == "/console/jobs/7"
    assert finance.queries.decided == [("", fixtures.FIRST, "verify", {}), ("", "", "recompute", {})]


@pytest.mark.parametrize("name", ["wuhu", "operator", "payer", "admin"])
async def test_nobody_else_opens_it(desk: ConsoleSession, name: str) -> None:
    desk.be_logged_in_as(name)
    await desk.page(HERE, 403)
    assert (await desk.client.post(f"{HERE}/usage", data={"token": "x"})).status_code == 403


async def test_a_form_that_is_not_ours_asks_for_nothing(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("auditor")
    for path in ("usage", "settlement", "evidence"):
        given = {"token": "x", "settlement": fixtures.FIRST}
        assert (await desk.client.post(f"{HERE}/{path}", data=given)).status_code == 403
    assert not desk.queries.decided
    form = next(form for form in (await desk.page(HERE)).forms if form.action == f"{HERE}/settlement")
    answer = await desk.client.post(form.action, data={**form.fields, "settlement": "nothing"})
    assert answer.status_code == 404
    assert "没有办成" in answer.text


async def test_what_came_of_it_stands_in_the_list_and_on_the_job(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("auditor")
    page = await desk.page(put(desk, "recompute", "done", result=RECOMPUTED, parameters={}))
    for text in ("不一致", "1,000", "sha256:aa", "sha256:bb", "consumer = 3"):
        assert text in page.text, text
    assert HERE in page.links
    assert "不一致" in (await desk.page(HERE)).text
    put(desk, "verify", "done", result={**VERDICT, "equal": True})
    assert "一致" in (await desk.page(HERE)).text
    put(desk, "verify", "running", done=3, total=8)
    assert "3 / 8" in (await desk.page(HERE)).text


async def test_an_auditor_verifies_and_takes_the_bundle_home(
    app: ApiClient, registrar: KeyClient, platform: KeyClient, owner: asyncpg.Connection, tmp_path: Any
) -> None:
    settlement = await settled(app, registrar, platform)
    session = {"Cookie": f"{SESSION_COOKIE}={await session_of(app, '审计', 'auditor')}"}
    patient = session | {"Prefer": "wait=30"}

    async def shown(path: str) -> Page:
        answer = await app.client.get(path, headers=session)
        assert answer.status_code == 200, answer.text
        return Page(answer.text)

    async def press(action: str, **more: str) -> httpx.Response:
        form = (await shown(HERE)).forms
        token = next(one.fields["token"] for one in form if one.action.startswith(HERE))
        asked = await app.client.post(action, data={"token": token, **more}, headers=patient)
        assert asked.status_code == 303, asked.text
        return await app.client.get(asked.headers["location"], headers=patient)

    assert "还没有签署过检查点" in (await shown(HERE)).text
    made = (await make(owner, "suanbu/test", signing_key(tmp_path))).checkpoint
    page = await shown(HERE)
    assert made.text.splitlines()[2] in page.text
    assert f"{made.size:,} 项" in page.text
    assert "没有" in page.text
    verified = await press(f"{HERE}/settlement", settlement=settlement["id"])
    assert "一致" in verified.text
    assert "不一致" not in verified.text
    recomputed = await press(f"{HERE}/usage")
    assert "与保存的合计相比" in recomputed.text
    assert "不一致" not in recomputed.text
    page = Page((await press(f"{HERE}/evidence", settlement=settlement["id"])).text)
    file = next(link for link in page.links if link.endswith("/output"))
    bundle = await app.client.get(file, headers=patient)
    assert bundle.headers["content-type"] == "application/zip"
    assert zipfile.ZipFile(io.BytesIO(bundle.content)).namelist()
    log = await owner.fetchval("select count(*) from audit where action = 'evidence.export'")
    assert log == 1
