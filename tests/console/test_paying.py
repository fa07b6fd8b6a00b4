"""Deciding about payments in the console: what failed or came back is paid again, by an approver with proof."""

from __future__ import annotations

import pytest

from api.auth.roles import SCOPES_OF
from api.http.problem import Problem
from tests.console.console_session import ConsoleSession, Form, Page

BACK, WAITING = "/console/payouts/2", "/console/payouts/1"


def acts(page: Page) -> list[Form]:
    """The forms of a page that change something, but for the one that logs out."""
    return [form for form in page.forms if "token" in form.fields][1:]


@pytest.mark.parametrize("role", SCOPES_OF)
async def test_an_approver_is_offered_what_the_state_asks_for(desk: ConsoleSession, role: str) -> None:
    desk.be_logged_in_as(role)
    if "payout:read" not in SCOPES_OF[role]:
        await desk.page(BACK, 403)
        return
    page = await desk.page(BACK)
    assert [form.action for form in acts(page)] == ([f"{BACK}/retry"] if role == "approver" else [])
    assert acts(await desk.page(WAITING)) == []
    token = page.forms[0].fields["token"]
    for word in ("retry", "settle"):
        assert (await desk.client.post(f"{BACK}/{word}", data={"token": "guessed"})).status_code == 403
        answer = await desk.client.post(f"{BACK}/{word}", data={"token": token})
        assert answer.status_code == 403, "without the scope, or without proof"
    assert not desk.queries.decided


async def test_with_proof_it_is_paid_again_or_settled(desk: ConsoleSession) -> None:
    desk.queries.codes["approver"] = "123456"
    desk.be_logged_in_as("approver")
    (form,) = acts(await desk.page(BACK))
    wrong = await desk.client.post(form.action, data={**form.fields, "password": "wrong", "code": "123456"})
    assert "密码或动态口令不正确" in wrong.text
    right = {**form.fields, "password": "approverapprover", "code": "123456", "note": "帐号已更正"}
    assert (await desk.client.post(form.action, data=right)).headers["location"] == BACK
    desk.queries.instructions[1]["status"] = "disputed"
    (form,) = acts(await desk.page(BACK))
    assert form.action == f"{BACK}/settle"
    await desk.client.post(form.action, data={**form.fields, "outcome": "failed"})
    assert desk.queries.decided == [
        ("approver", "2", "retry", {"note": "帐号已更正"}), ("approver", "2", "settle", {"outcome": "failed"}),
    ]  # fmt: skip
    desk.queries.refusing = Problem(409, "MONEY_OPEN", "in English")
    said = await desk.client.post(form.action, data={**form.fields, "outcome": "paid"})
    assert "与这一结论不符" in said.text
    assert (await desk.client.post(f"{BACK}/paid", data=form.fields)).status_code == 404, "a mark is the payer's"


async def test_what_was_not_booked_stands_on_the_page_of_payments_and_at_the_payment(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("payer")
    desk.queries.not_booked = [
        {"id": 1, "instruction": 2, "about": "SB-2.json", "word": "paid", "code": "OTHER_BANK_REFERENCE",
         "detail": "<b>taken</b>", "file": "SB-2.json", "actor": "command line", "at": "2026-11-23T11:00:00+00:00"},
    ]  # fmt: skip
    for path, shown in (("/console/payouts", True), (BACK, True), (WAITING, False)):
        text = (await desk.client.get(path)).text
        assert ("这一银行参考号已用于另一笔款项" in text) == shown, path
        assert "<b>taken" not in text
