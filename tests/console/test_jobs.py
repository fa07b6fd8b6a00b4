"""The page of a job: how far it is, without a script, and then its result, its refusal or that it was ended."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, get_args

import pytest

from api.console.wording.jobs import KIND, STATE
from api.queue.job import Asker, Job, Output
from api.queue.kinds import KINDS
from api.queue.tables import STATES
from api.schemas.job import JobKind, JobState
from tests.console import fixtures
from tests.console.console_session import ConsoleSession

HERE = f"/console/settlements/{fixtures.FIRST}"
MOMENT = datetime(2026, 11, 23, tzinfo=UTC)
VERDICT: dict[str, Any] = {
    "equal": False, "lines": 41, "different_lines": ["91340100MA00000015"], "different_steps": [], "different_sums": [],
    "different_inputs": ["use"], "rollup_equal": False, "journal_digest_equal": True,
}  # fmt: skip


def put(desk: ConsoleSession, kind: str, state: str, **more: Any) -> str:
    """Put a job there that finance asked for; its page."""
    made = Job(
        id=7, kind=kind, lane=KINDS[kind].lane, parameters={"settlement": fixtures.FIRST},
        asked=Asker("person:finance", frozenset(), None), output=None, state=state, stage="", done=0, total=None,
        result=None, error=None, attempts=1, fence=1, worker="w", asked_at=MOMENT, started_at=MOMENT, ended_at=None,
    )  # fmt: skip
    desk.queries.jobs[7] = replace(made, **more)
    return "/console/jobs/7"


async def test_a_job_that_runs_shows_a_bar_and_asks_again_by_itself(finance: ConsoleSession) -> None:
    page = await finance.page(put(finance, "lock", "running", stage="compare", done=3, total=8))
    assert ("progress", "value", "3") in page.attributes
    assert ("progress", "max", "8") in page.attributes
    assert ("meta", "http-equiv", "refresh") in page.attributes
    assert ("meta", "content", "2") in page.attributes
    assert "script" not in page.tags
    for text in ("锁定", "进行中", "逐行比较", "3 / 8"):
        assert text in page.text, text


@pytest.mark.parametrize(
    ("kind", "more", "where"),
    [
        ("settle", {"result": {"settlement": "anhui-2026-0009"}}, "/console/settlements/anhui-2026-0009?done="),
        ("lock", {"result": {"settlement": fixtures.FIRST}}, f"{HERE}?done=lock"),
        ("findings", {"result": {"settlement": fixtures.FIRST, "findings": {}}}, f"{HERE}?done=submit"),
        ("interval", {"result": {"totals": {}}}, f"{HERE}/interval?job=7"),
        ("compare", {"result": {"items": []}}, "/console/whatif?job=7"),
    ],
)
async def test_a_job_that_is_done_leads_to_what_came_of_it(
    finance: ConsoleSession, kind: str, more: dict[str, Any], where: str
) -> None:
    answer = await finance.client.get(put(finance, kind, "done", **more))
    assert answer.status_code == 303
    assert answer.headers["location"].startswith(where)


async def test_a_verification_says_what_differs(finance: ConsoleSession) -> None:
    page = await finance.page(put(finance, "verify", "done", result=VERDICT))
    for text in ("不一致", "41", "91340100MA00000015", "汇总与记录一致"):
        assert text in page.text, text
    assert "流水链摘要一致" not in page.text
    answer = await finance.client.get(f"{HERE}/verify")
    assert (answer.status_code, answer.headers["location"]) == (303, "/console/jobs/1")
    assert f"{HERE}/verify" in (await finance.page(HERE)).links


async def test_a_report_that_takes_long_is_fetched_when_it_is_there(finance: ConsoleSession) -> None:
    finance.queries.still_going = 7
    answer = await finance.client.get(f"{HERE}/report.xlsx")
    assert answer.headers["location"] == "/console/jobs/7"
    output = Output("text/csv", "a.csv")
    page = await finance.page(put(finance, "report", "done", output=output, result={"pieces": 1, "bytes": 8}))
    assert "/console/jobs/7/output" in page.links
    assert ("meta", "content", "0; url=/console/jobs/7/output") in page.attributes
    assert (await finance.client.get("/console/jobs/7/output")).content == b"the file"


async def test_a_job_that_was_refused_says_why(finance: ConsoleSession) -> None:
    error = {"status": 409, "code": "NOT_REPRODUCED", "detail": "in English"}
    page = await finance.page(put(finance, "lock", "failed", error=error))
    assert "已停止锁定" in page.text
    assert "in English" not in page.text
    assert ("meta", "http-equiv", "refresh") not in page.attributes


async def test_one_s_own_job_is_ended_from_its_own_form_and_nobody_else_s(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("auditor")
    place = put(desk, "settle", "running")
    assert not [form for form in (await desk.page(place)).forms if form.action.endswith("/cancel")]
    desk.be_logged_in_as("finance")
    form = next(form for form in (await desk.page(place)).forms if form.action.endswith("/cancel"))
    assert (await desk.client.post(form.action, data={"token": "x"})).status_code == 403
    assert (await desk.client.post(form.action, data=form.fields)).headers["location"] == place
    page = await desk.page(place)
    assert "没有产生任何结果" in page.text


async def test_what_goes_on_after_a_decision_is_shown(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("finance")
    desk.queries.still_going = 7
    desk.queries.held[0] = desk.queries.held[0] | {"status": "computed", "events": []}
    form = next(form for form in (await desk.page(f"{HERE}/decide/submit")).forms if "/decide/" in form.action)
    answer = await desk.client.post(form.action, data=form.fields)
    assert answer.headers["location"] == "/console/jobs/7"


async def test_there_is_no_page_of_a_job_that_is_not_there(finance: ConsoleSession) -> None:
    await finance.page("/console/jobs/8", 404)
    await finance.page("/console/jobs/8/output", 404)
    await finance.page("/console/jobs/x", 400)


def test_every_kind_and_state_has_a_name() -> None:
    assert set(KIND) == set(KINDS) == set(get_args(JobKind))
    assert set(STATE) == set(STATES) == set(get_args(JobState))
