"""Changing one's own password in the console."""

from __future__ import annotations

import pytest

from tests.console.console_session import ConsoleSession

NEW = "a better horse"


async def change(desk: ConsoleSession, **fields: str) -> tuple[int, str]:
    """Fill in the form and submit it: the status and the page."""
    form = next(one for one in (await desk.page("/console/password")).forms if one.action == "/console/password")
    said = {"password": "financefinance", "new": NEW, "again": NEW, **fields}
    answer = await desk.client.post(form.action, data={**form.fields, **said})
    return answer.status_code, answer.text


async def test_a_new_password_ends_all_sessions_and_is_the_one_that_opens(finance: ConsoleSession) -> None:
    other = finance.queries.session_of("finance")
    assert (await change(finance))[0] == 303
    assert other not in finance.queries.sessions
    assert (await finance.client.get("/console/settlements")).status_code == 303
    assert (await finance.log_in("finance")).status_code == 403
    assert (await finance.log_in("finance", NEW)).status_code == 303


@pytest.mark.parametrize(
    ("fields", "status", "said"),
    [
        ({"password": "wrong"}, 403, "原密码或动态口令不正确"),
        ({"again": "another horse"}, 400, "不一致"),
        ({"new": "short", "again": "short"}, 400, "个字符"),
        ({"new": "password123", "again": "password123"}, 400, "过于常见"),
        ({"new": "my Finance 2026", "again": "my Finance 2026"}, 400, "不能包含用户名"),
    ],
)
async def test_what_does_not_change_it_says_why(
    finance: ConsoleSession, fields: dict[str, str], status: int, said: str
) -> None:
    assert (await change(finance, **fields))[0] == status
    assert said in (await change(finance, **fields))[1]
    assert finance.queries.people["finance"][0] == "financefinance"


@pytest.mark.parametrize("token", [{}, {"token": "guessed"}])
async def test_only_the_form_of_this_session_changes_it(finance: ConsoleSession, token: dict[str, str]) -> None:
    said = {"password": "financefinance", "new": NEW, "again": NEW, **token}
    assert (await finance.client.post("/console/password", data=said)).status_code == 403
    assert finance.queries.people["finance"][0] == "financefinance"


async def test_nobody_changes_it_without_a_session(desk: ConsoleSession) -> None:
    assert (await desk.client.get("/console/password")).status_code == 303
    assert (await desk.client.post("/console/password", data={"new": NEW})).status_code == 303
