"""Clawbacks in the console: finance proposes, an approver who is somebody else decides, with proof."""

from __future__ import annotations

import pytest

from api.auth.roles import SCOPES_OF
from api.http.problem import Problem
from settlement.report.money import fen_of, yuan_text
from tests.console import fixtures
from tests.console.console_session import ConsoleSession

HERE = "/console/claims/1"
WAITING = {"id": 3, "event": "propose", "kind": "repaid", "amount_fen": 7_000, "proposal": None, "instruction": None,
           "actor": "key:finance", "at": "2026-11-23T12:00:00+00:00", "note": None}  # fmt: skip


async def send(desk: ConsoleSession, word: str, status: int = 303, **said: str) -> str:
    """Fill in a form of the clawback's page and send it."""
    form = next(form for form in (await desk.page(HERE)).forms if form.action.startswith(HERE))
    answer = await desk.client.post(f"{HERE}/{word}", data={**form.fields, **said})
    assert answer.status_code == status, answer.text
    return answer.text


@pytest.mark.parametrize("role", SCOPES_OF)
async def test_each_role_sees_the_forms_of_its_scopes(desk: ConsoleSession, role: str) -> None:
    desk.queries.owed[0]["events"].append(WAITING)
    desk.be_logged_in_as(role)
    if "payout:read" not in SCOPES_OF[role]:
        await desk.page(HERE, 403)
        return
    page = await desk.page(HERE)
    actions = {form.action for form in page.forms if form.action.startswith(HERE)}
    wanted = {"finance": {f"{HERE}/propose"}, "approver": {f"{HERE}/approve"}}
    assert actions == wanted.get(role, set())
    token = page.forms[0].fields["token"]
    for word, only in (("propose", "finance"), ("approve", "approver"), ("reject", "approver")):
        if role != only:
            assert (await desk.client.post(f"{HERE}/{word}", data={"token": token})).status_code == 403
        assert (await desk.client.post(f"{HERE}/{word}", data={"token": "guessed"})).status_code == 403
    assert not desk.queries.decided


async def test_finance_proposes_in_yuan(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("finance")
    assert 'value="70.00"' in (await desk.page(HERE)).html, "what is open is the amount that is offered"
    await send(desk, "propose", kind="offset", amount="1,050.5", instruction="1", note="从下一笔扣")
    said = {"kind": "offset", "amount_fen": 105_050, "instruction": 1, "note": "从下一笔扣"}
    assert desk.queries.decided == [("finance", "1", "propose", said)]
    for amount in ("", "1.234", "-1", "1e3", "１２", "12,34", "x"):
        assert "超出范围" in await send(desk, "propose", 400, kind="repaid", amount=amount)
    desk.queries.refusing = Problem(409, "ABOVE_CLAIM", "in English")
    assert "超出尚未追回的金额" in await send(desk, "propose", 409, kind="repaid", amount="999")


async def test_an_approver_decides_with_proof_and_never_his_own_proposal(desk: ConsoleSession) -> None:
    desk.queries.owed[0]["events"].append(WAITING)
    desk.queries.codes["approver"] = "123456"
    desk.be_logged_in_as("approver")
    assert "密码或动态口令不正确" in await send(desk, "approve", 403, password="wrong", code="123456")
    await send(desk, "approve", password="approverapprover", code="123456", note="同意")
    await send(desk, "reject")
    assert [(word, said["proposal"]) for _, _, word, said in desk.queries.decided] == [("approve", 3), ("reject", 3)]
    desk.queries.owed[0]["events"][-1] = WAITING | {"actor": "key:Approver"}
    assert not [form for form in (await desk.page(HERE)).forms if form.action.startswith(HERE)]


@pytest.mark.parametrize("path", ["/console/claims/2", "/console/claims/0", "/console/claims/x"])
async def test_a_clawback_that_is_none_is_a_page_that_says_so(desk: ConsoleSession, path: str) -> None:
    desk.be_logged_in_as("finance")
    assert (await desk.client.get(path)).status_code in (400, 404)
    assert fixtures.HOSTILE not in (await desk.client.get(HERE)).text


@pytest.mark.parametrize("fen", [0, 1, 10, 99, 100, 105_050, 123_456_789, 2**53 + 1])
def test_what_is_written_as_yuan_is_read_back_to_the_fen(fen: int) -> None:
    assert fen_of(yuan_text(fen)) == fen_of(yuan_text(fen).replace(",", "")) == fen
