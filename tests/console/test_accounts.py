"""Bank accounts in the console: whoever did not record one decides, with proof, and is shown what changed since."""

from __future__ import annotations

from typing import Any

import pytest

from api.auth.roles import SCOPES_OF
from api.http.problem import Problem
from tests.console import fixtures
from tests.console.console_session import ConsoleSession

HERE = "/console/accounts/1"
PROVEN = {"password": "approverapprover", "code": "123456"}


def proposal(**more: Any) -> dict[str, Any]:
    """An account that waits."""
    return {
        "id": 1, "uscc": fixtures.AWARDED, "name": "示例单位", "status": "proposed",
        "account_masked": "测试银行 ****0002", "holder": fixtures.HOSTILE, "holder_differs": True,
        "replaces_masked": "测试银行 ****0001", "account_sha256": "ab" * 32, "valid_from": "2026-01-01",
        "valid_to": None, "batch": 7, "proposed_by": "key:registrar", "proposed_at": "2026-11-23T11:00:00+00:00",
        "decided_by": None, "decided_at": None, "note": None, **more,
    }  # fmt: skip


async def send(desk: ConsoleSession, word: str, status: int = 303, **said: str) -> str:
    """Fill in the form of the account's page and send it."""
    form = next(form for form in (await desk.page(HERE)).forms if form.action.startswith(HERE))
    fields = {name: value for name, value in form.fields.items() if name != "confirm_holder"}  # a box not ticked
    answer = await desk.client.post(f"{HERE}/{word}", data={**fields, **said})
    assert answer.status_code == status, answer.text
    return answer.text


@pytest.mark.parametrize("role", SCOPES_OF)
async def test_each_role_sees_the_forms_of_its_scopes(desk: ConsoleSession, role: str) -> None:
    desk.queries.accounts_told.append(proposal())
    desk.be_logged_in_as(role)
    if "payout:read" not in SCOPES_OF[role]:
        await desk.page(HERE, 403)
        await desk.page("/console/accounts", 403)
        return
    assert "****0002" in (await desk.page("/console/accounts?status=proposed")).text
    page = await desk.page(HERE)
    assert "****0001" in page.text
    assert fixtures.HOSTILE not in page.html
    actions = {form.action for form in page.forms if form.action.startswith(HERE)}
    assert actions == ({f"{HERE}/approve"} if role == "approver" else set())
    token = page.forms[0].fields["token"]
    for word in ("approve", "reject"):
        said = {"token": token} if role != "approver" else {"token": "guessed", **PROVEN}
        assert (await desk.client.post(f"{HERE}/{word}", data=said)).status_code == 403
    assert not desk.queries.decided


async def test_an_approver_decides_with_proof_and_confirms_the_holder(desk: ConsoleSession) -> None:
    desk.queries.accounts_told.append(proposal())
    desk.queries.codes["approver"] = "123456"
    desk.be_logged_in_as("approver")
    assert "密码或动态口令不正确" in await send(desk, "approve", 403, password="wrong", code="1")
    assert not desk.queries.decided
    await send(desk, "approve", 303, note="已核对", **PROVEN)
    await send(desk, "approve", confirm_holder="yes")
    await send(desk, "reject", confirm_holder="yes", note="查无此户")
    assert desk.queries.decided == [
        ("approver", "1", "approve", {"note": "已核对"}), ("approver", "1", "approve", {"confirm_holder": True}),
        ("approver", "1", "reject", {"note": "查无此户"}),
    ]  # fmt: skip
    desk.queries.refusing = Problem(409, "HOLDER_UNCONFIRMED", "in English")
    assert "户名与单位名称不同：请核实" in await send(desk, "approve", 409)


@pytest.mark.parametrize(
    "more",
    [
        {"proposed_by": "key: APPROVER"},
        {"status": "approved", "decided_by": "key:x", "decided_at": "2026-11-23T12:00:00+00:00"},
    ],
)
async def test_nobody_decides_about_his_own_or_twice(desk: ConsoleSession, more: dict[str, str]) -> None:
    desk.queries.accounts_told.append(proposal(**more))
    desk.be_logged_in_as("approver")
    page = await desk.page(HERE)
    assert not [form for form in page.forms if form.action.startswith(HERE)]
    assert ("须由他人批准" in page.text) == ("proposed_by" in more)


async def test_the_approver_is_shown_what_changed_since_the_run_and_who_recorded_it(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("approver")
    settlement = desk.queries.held[0]
    settlement["status"] = "reviewed"
    here = f"/console/settlements/{settlement['id']}/decide/approve"
    assert "没有登记过有关信息" in (await desk.page(here)).text
    desk.queries.changed += [
        {"kind": "entities", "batch": 9, "ordinal": 0, "subject": fixtures.AWARDED, "recorded_by": "key:登记员",
         "recorded_at": "2026-11-23T11:00:00+00:00", "fact": {}, "records": None},
        {"kind": "corrections", "batch": 10, "ordinal": 0, "subject": None, "recorded_by": "key:platform",
         "recorded_at": "2026-11-23T11:00:00+00:00", "fact": None, "records": 3},
    ]  # fmt: skip
    desk.queries.changed_accounts = {"lines": 1, "first": [
        {"uscc": fixtures.AWARDED, "name": fixtures.HOSTILE, "account_masked": "测试银行 ****0002",
         "approved_masked": "测试银行 ****0001", "changed": True, "waits": True}]}  # fmt: skip
    page = await desk.page(here)
    for text in (
        "登记员（接口）",
        "用量更正",
        "3 条",
        "****0002",
        "****0001",
        "另有账户待批准",
        "1 个应付单位的账户需要留意",
    ):
        assert text in page.text, text
    assert fixtures.HOSTILE not in page.html
