"""Running, the interval over the readings and what-if in the console: who may, what is asked, what comes back."""

from __future__ import annotations

import pytest

from api.auth.roles import ROLES
from api.console.terms import BadTerm, batch_of, order_of, readings_of
from api.http.problem import Problem
from settlement.jobs.settle import Request
from tests.console import fixtures
from tests.console.console_session import ConsoleSession, Page

HERE = f"/console/settlements/{fixtures.FIRST}"


async def sent(desk: ConsoleSession, path: str, status: int, **said: str) -> Page:
    """Fill in a form of runs and send it."""
    form = next(form for form in (await desk.page(path)).forms if form.action == path)
    answer = await desk.client.post(path, data={"token": form.fields["token"], **said})
    assert answer.status_code == status, answer.text
    return Page(answer.text)


@pytest.mark.parametrize("role", ROLES)
async def test_only_finance_runs_and_who_sees_reports_compares(desk: ConsoleSession, role: str) -> None:
    desk.be_logged_in_as(role)
    money = role in ("finance", "reviewer", "approver", "auditor", "registrar")
    assert (await desk.client.get("/console/run")).status_code == (200 if role == "finance" else 403)
    assert (await desk.client.post("/console/run", data={"token": "x"})).status_code == 403
    assert (await desk.client.get("/console/whatif")).status_code == (200 if money else 403)
    assert (await desk.client.get(f"{HERE}/interval")).status_code == (200 if money else 403)
    assert not desk.queries.decided


async def test_who_works_for_a_city_neither_compares_nor_sees_the_interval(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("wuhu")
    for path in ("/console/run", "/console/whatif", f"{HERE}/interval"):
        assert (await desk.client.get(path)).status_code == 403


async def test_a_run_is_asked_for_as_it_was_filled_in(finance: ConsoleSession) -> None:
    await sent(
        finance, "/console/run", 303, round="anhui-2026", rate="12.5 %", budget="1,000.5", uplift="yes",
        number="皖科〔2026〕8号", notice_days="7", as_of="12", **{"reading.net_effect": "gate"},
    )  # fmt: skip
    order = {
        "rate": "0.125",
        "budget_fen": 1_000_500_000,
        "uplift": True,
        "number": "皖科〔2026〕8号",
        "notice_days": 7,
    }
    wanted = Request("anhui-2026", order, {"net_effect": "gate"}, 12)
    assert finance.queries.decided == [("finance", "anhui-2026", "run", {"wanted": wanted})]


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"rate": "二十"}, "补助比例须为"), ({"rate": "101"}, "补助比例须为"), ({"rate": "-1"}, "补助比例须为"),
        ({"budget": "1.0000001"}, "预算须为"), ({"as_of": "x"}, "截至批号"), ({"notice_days": "366"}, "公示天数"),
        ({"reading.net_effect": "none"}, "口径的取值"), ({"reading.none": "gate"}, "口径的取值"),
    ],
)  # fmt: skip
async def test_what_cannot_be_read_is_said_and_kept_in_the_form(
    finance: ConsoleSession, said: dict[str, str], text: str
) -> None:
    page = await sent(finance, "/console/run", 400, round="anhui-2026", **said)
    assert text in page.text
    assert not finance.queries.decided
    for name, value in said.items():
        assert ("input", "value", value) in page.attributes or name.startswith("reading.")


async def test_other_terms_than_the_locked_ones_are_asked_about_before_they_are_run(finance: ConsoleSession) -> None:
    finance.queries.refusing = Problem(422, "OTHER_TERMS", "the round is locked")
    page = await sent(finance, "/console/run", 422, round="anhui-2026", rate="15")
    assert "与锁定时不同的计算是对已定结果的改动" in page.text
    assert "确属要改动已锁定的结果" in page.text
    assert not finance.queries.decided
    await sent(finance, "/console/run", 303, round="anhui-2026", rate="15", other="yes")
    assert finance.queries.decided[0][3]["wanted"].other_terms


async def test_the_interval_says_what_moves_the_money(finance: ConsoleSession) -> None:
    page = await finance.page(f"{HERE}/interval")
    for text in ("最严", "12,345.00", "净额如何作用", "<b>合肥</b>"):
        assert text in page.text, text
    assert "not moved" not in page.text
    finance.queries.refusing = Problem(422, "x", "x")
    await finance.page(f"{HERE}/interval", 422)


async def test_cases_are_compared_with_the_first_and_nothing_is_kept(finance: ConsoleSession) -> None:
    page = await sent(
        finance, "/console/whatif", 200, round="anhui-2026", rate1="20", rate2="15", reading2="net_effect=gate"
    )
    last = finance.queries.decided[-1][3]
    assert last["orders"] == [{"rate": "0.2"}, {"rate": "0.15"}]
    assert last["readings"] == [{}, {"net_effect": "gate"}]
    for text in ("方案 2", "15%", "700.00", "<b>赢家</b>", "-12.34", "合肥市", "未登记"):
        assert text in page.text, text
    assert page.tags.count("svg") == 2
    assert "请填写至少两个方案" in (await sent(finance, "/console/whatif", 400, round="anhui-2026", rate1="20")).text
    bad = await sent(finance, "/console/whatif", 400, round="anhui-2026", rate1="20", reading2="a=b")
    assert "口径的取值" in bad.text


def test_terms_are_exact() -> None:
    assert order_of({}) == {}
    assert order_of({"rate": "0"}) == {"rate": "0"}
    assert order_of({"rate": "100"}) == {"rate": "1"}
    assert order_of({"rate": "0.001", "budget": "0.000001"}) == {"rate": "0.00001", "budget_fen": 1}
    assert batch_of({"as_of": " "}) is None
    assert readings_of({"reading.net_effect": ""}) == {}
    for said in ({"rate": "1e1"}, {"rate": "٣"}, {"rate": "1" * 30}, {"budget": "1/3"}):
        with pytest.raises(BadTerm):
            order_of(said)
