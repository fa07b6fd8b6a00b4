"""Deciding in the console: what each role is offered, from its own form only, with proof where money follows."""

from __future__ import annotations

from typing import Any

import pytest

from api.actions.decisions import DECISION_SCOPE, FIELDS
from api.auth.roles import ROLES
from api.console.open_decisions import TITLE
from api.http.problem import Problem
from api.routes.decisions import DECISIONS as BY_HTTP
from settlement.review.states import POSSIBLE, hand_of
from tests.console import fixtures
from tests.console.console_session import ConsoleSession

HERE = f"/console/settlements/{fixtures.FIRST}"
OBJECTION: dict[str, Any] = {"id": 7, "event": "objection", "actor": "person:reviewer",
                             "at": "2026-11-23T11:00:00+00:00", "detail": {"note": fixtures.HOSTILE}}  # fmt: skip


def stand(desk: ConsoleSession, status: str, *events: dict[str, Any]) -> None:
    """Put the first settlement into a state, with this history."""
    desk.queries.held[0] = desk.queries.held[0] | {"status": status, "events": list(events)}


def by(event: str, actor: str) -> dict[str, Any]:
    """A decision somebody has taken."""
    return {"id": 1, "event": event, "actor": actor, "at": "2026-11-23T11:00:00+00:00", "detail": {}}


async def offered(desk: ConsoleSession) -> list[str]:
    """The decisions that the settlement's page leads to."""
    links = (await desk.page(HERE)).links
    return sorted({link.partition("?")[0].rpartition("/")[2] for link in links if "/decide/" in link})


async def decide(desk: ConsoleSession, event: str, status: int = 303, **said: str) -> str:
    """Fill in the form of a decision as it stands in its page, and send it."""
    form = next(form for form in (await desk.page(f"{HERE}/decide/{event}")).forms if "/decide/" in form.action)
    answer = await desk.client.post(form.action, data={**form.fields, **said})
    assert answer.status_code == status, answer.text
    return answer.text if status != 303 else answer.headers["location"]


DECISIONS = ("approve", "cancel", "lock", "objection", "publish", "return", "review", "ruling", "submit")
OFFERED = {  # role -> state -> the decisions that its page leads to; in all other states none
    "finance": {
        "computed": ["cancel", "submit"], "submitted": ["cancel"], "returned": ["cancel", "submit"],
        "reviewed": ["cancel"], "approved": ["cancel"], "published": ["cancel"],
    },
    "reviewer": {"submitted": ["review"], "reviewed": ["review"], "published": ["objection"]},
    "approver": {
        "reviewed": ["approve", "return"], "approved": ["approve", "lock", "publish", "return"],
        "published": ["approve", "lock", "ruling"],
    },
    "auditor": {}, "registrar": {},
}  # fmt: skip
OF_THE_ROLE = {  # which it may take at all, whatever the state
    "finance": {"submit", "cancel"}, "reviewer": {"review", "objection"},
    "approver": {"approve", "publish", "return", "ruling", "lock"}, "auditor": set(), "registrar": set(),
}  # fmt: skip
STATES = ("computed", "submitted", "returned", "reviewed", "approved", "published", "locked", "paid", "cancelled")
WITHOUT_REPORTS = ("payer", "operator", "admin", "entity")


@pytest.mark.parametrize("role", OFFERED)
@pytest.mark.parametrize("status", STATES)
async def test_each_role_is_offered_what_its_state_and_scopes_allow(
    desk: ConsoleSession, role: str, status: str
) -> None:
    desk.be_logged_in_as(role)
    stand(desk, status, OBJECTION)
    wanted = OFFERED[role].get(status, [])
    assert await offered(desk) == wanted
    for event in DECISIONS:
        known = 200 if event in wanted else 409 if event in OF_THE_ROLE[role] else 403
        assert (await desk.client.get(f"{HERE}/decide/{event}")).status_code == known, event


@pytest.mark.parametrize("role", WITHOUT_REPORTS)
@pytest.mark.parametrize("status", STATES)
async def test_who_may_not_see_reports_is_offered_nothing(desk: ConsoleSession, role: str, status: str) -> None:
    desk.be_logged_in_as(role)
    stand(desk, status, OBJECTION)
    for path in (HERE, *(f"{HERE}/decide/{event}" for event in DECISIONS)):
        assert (await desk.client.get(path)).status_code == 403, path
    assert not desk.queries.decided


def test_every_role_and_decision_has_its_expectation() -> None:
    assert {*OFFERED, *WITHOUT_REPORTS} == set(ROLES)
    assert set(DECISIONS) == set(TITLE)


async def test_who_works_for_a_city_reviews_and_objects_only(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("wuhu")
    for status in STATES:
        stand(desk, status)
        assert await offered(desk) == OFFERED["reviewer"].get(status, []), status
    stand(desk, "submitted")
    await decide(desk, "review", decision="pass")
    assert desk.queries.decided == [("wuhu", fixtures.FIRST, "review", {"city": "340200", "decision": "pass"})]


@pytest.mark.parametrize("actor", ["key:approver", "person:approver", "person: APPROVER"])
@pytest.mark.parametrize("event", ["run", "submit", "review"])
async def test_who_took_part_before_is_told_so(desk: ConsoleSession, event: str, actor: str) -> None:
    desk.be_logged_in_as("approver")
    stand(desk, "reviewed", by(event, actor))
    page = await desk.page(HERE)
    assert "其余环节须由他人办理" in page.text
    assert await offered(desk) == []
    refused = await desk.page(f"{HERE}/decide/approve", 409)
    assert "须由不同的人办理" in refused.text
    assert not [form for form in refused.forms if "/decide/" in form.action]


async def test_an_approval_asks_for_password_and_code_and_carries_the_digest(desk: ConsoleSession) -> None:
    desk.queries.codes["approver"] = "123456"
    desk.be_logged_in_as("approver")
    stand(desk, "reviewed")
    for password, code in (("approverapprover", ""), ("approverapprover", "654321"), ("wrong", "123456"), ("", "")):
        text = await decide(desk, "approve", 403, password=password, code=code, note="同意")
        assert "密码或动态口令不正确" in text
        assert "同意" in text, "what was typed is not lost"
    assert not desk.queries.decided
    assert await decide(desk, "approve", password="approverapprover", code="123456") == f"{HERE}?done=approve"
    digest = desk.queries.held[0]["digest"]
    assert desk.queries.decided == [("approver", fixtures.FIRST, "approve", {"approved_digest": digest})]
    assert "已办理：批准" in (await desk.page(f"{HERE}?done=approve")).text


async def test_proof_stands_for_five_minutes_and_without_a_second_factor_nobody_decides(desk: ConsoleSession) -> None:
    desk.queries.codes["approver"] = "123456"
    desk.be_logged_in_as("approver")
    stand(desk, "approved")
    await decide(desk, "lock", password="approverapprover", code="123456")
    await decide(desk, "lock")  # proven just now: the form does not ask again
    del desk.queries.codes["approver"]
    desk.be_logged_in_as("approver")
    await decide(desk, "lock", 403, password="approverapprover")
    assert len(desk.queries.decided) == 2


@pytest.mark.parametrize("token", [None, "", "guessed"])
@pytest.mark.parametrize("event", TITLE)
async def test_a_decision_from_a_form_that_is_not_ours_is_refused(
    desk: ConsoleSession, event: str, token: str | None
) -> None:
    desk.be_logged_in_as("finance")
    fields = {"decision": "pass"} | ({} if token is None else {"token": token})
    assert (await desk.client.post(f"{HERE}/decide/{event}", data=fields)).status_code == 403
    assert not desk.queries.decided


async def test_a_token_of_another_session_is_refused(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("finance")
    stand(desk, "computed")
    form = next(form for form in (await desk.page(f"{HERE}/decide/submit")).forms if "/decide/" in form.action)
    desk.be_logged_in_as("finance")
    assert (await desk.client.post(form.action, data=form.fields)).status_code == 403
    assert not desk.queries.decided


@pytest.mark.parametrize("event", TITLE)
async def test_who_is_not_logged_in_is_led_to_the_login(desk: ConsoleSession, event: str) -> None:
    for answer in (await desk.client.get(f"{HERE}/decide/{event}"), await desk.client.post(f"{HERE}/decide/{event}")):
        assert answer.headers["location"].startswith("/console/login?next=")


@pytest.mark.parametrize("event", TITLE)
async def test_a_role_without_the_scope_is_refused_whatever_it_sends(desk: ConsoleSession, event: str) -> None:
    desk.be_logged_in_as("auditor")
    token = (await desk.page(HERE)).forms[0].fields["token"]
    assert (await desk.client.post(f"{HERE}/decide/{event}", data={"token": token})).status_code == 403
    assert not desk.queries.decided


@pytest.mark.parametrize(
    ("event", "status", "said", "text"),
    [
        ("review", "submitted", {"decision": "return"}, "请填写意见"),
        ("review", "submitted", {"decision": "maybe"}, "结论"),
        ("publish", "approved", {"days": "-1"}, "超出范围"), ("publish", "approved", {"days": "366"}, "超出范围"),
        ("publish", "approved", {"days": "三"}, "超出范围"), ("objection", "published", {"note": " "}, "请填写意见"),
        ("submit", "computed", {"note": "长" * 501}, "超出范围"), ("submit", "computed", {"note": "a\0b"}, "超出范围"),
    ],
)  # fmt: skip
async def test_what_a_decision_must_carry_is_said(
    desk: ConsoleSession, event: str, status: str, said: dict[str, str], text: str
) -> None:
    desk.be_logged_in_as("approver" if event == "publish" else "finance" if event == "submit" else "reviewer")
    stand(desk, status)
    assert text in await decide(desk, event, 400, **said)
    assert not desk.queries.decided


async def test_an_objection_is_shown_as_text_and_ruled_on(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("approver")
    stand(desk, "published", OBJECTION)
    page = await desk.page(HERE)
    assert fixtures.HOSTILE in page.text
    assert fixtures.HOSTILE not in page.html
    await decide(desk, "ruling", objection="7", decision="dismissed", note="核对无误")
    assert desk.queries.decided[0][3] == {"objection": 7, "decision": "dismissed", "note": "核对无误"}


@pytest.mark.parametrize("role", WITHOUT_REPORTS)
async def test_who_may_not_see_reports_settles_nothing_more(desk: ConsoleSession, role: str) -> None:
    desk.be_logged_in_as(role)
    stand(desk, "locked")
    assert (await desk.client.post(f"{HERE}/adjust", data={"token": "guessed"})).status_code == 403
    assert not desk.queries.decided


@pytest.mark.parametrize("role", OFFERED)
async def test_finance_settles_what_arrived_since_the_lock(desk: ConsoleSession, role: str) -> None:
    desk.be_logged_in_as(role)
    stand(desk, "locked")
    page = await desk.page(HERE)
    forms = [form for form in page.forms if form.action == f"{HERE}/adjust"]
    assert bool(forms) == (role == "finance")
    token = page.forms[0].fields["token"]
    assert (await desk.client.post(f"{HERE}/adjust", data={"token": "guessed"})).status_code == 403
    answer = await desk.client.post(f"{HERE}/adjust", data={"token": token})
    assert answer.status_code == (303 if role == "finance" else 403)
    stand(desk, "approved")
    assert (await desk.client.post(f"{HERE}/adjust", data={"token": token})).status_code == 403
    assert len(desk.queries.decided) == (role == "finance")


@pytest.mark.parametrize(("code", "text"), [("NOTICE_RUNNING", "公示期未满"), ("OF_TOMORROW", "OF_TOMORROW")])
async def test_what_the_database_refuses_is_said_in_chinese(desk: ConsoleSession, code: str, text: str) -> None:
    desk.be_logged_in_as("finance")
    stand(desk, "computed")
    desk.queries.refusing = Problem(409, code, "in English")
    said = await decide(desk, "submit", 409, note="x")
    assert text in said
    assert "in English" not in said


def test_a_key_and_a_person_of_one_name_are_one_hand() -> None:
    assert hand_of("key:Wang") == hand_of("person: wang ") == hand_of("person:ＷＡＮＧ") == "wang"
    assert hand_of("command line:root") != hand_of("person:root")


def test_every_decision_has_its_fields() -> None:
    assert set(FIELDS) == set(DECISION_SCOPE) == set(POSSIBLE) == set(TITLE)


def test_a_decision_carries_the_same_in_the_console_and_over_http() -> None:
    in_the_path = {"ruling": {"objection"}}
    over_http = {event: {*one.body.model_fields} | in_the_path.get(event, set()) for event, one in BY_HTTP.items()}
    assert {event: set(fields) for event, fields in FIELDS.items()} == over_http
