"""Lists say how much they hold and are left and found again; the quarantine, records and refusals as pages."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from tests.console import fixtures
from tests.console.console_session import ConsoleSession

HERE = f"/console/settlements/{fixtures.FIRST}"


async def test_a_refusal_keeps_name_and_way_out_and_a_mistake_has_a_number(
    finance: ConsoleSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path, status in ((f"{HERE}/lines/none", 404), ("/console/none", 404), ("/console/audit", 403)):
        page = await finance.page(path, status)
        assert "finance" in page.text
        assert "/console/logout" in [form.action for form in page.forms]

    async def broken(number: str) -> None:
        raise KeyError(number)

    monkeypatch.setattr(finance.queries, "settlement", broken)
    with capture_logs() as logs:
        page = await finance.page(HERE, 500)
    assert "系统出错" in page.text
    assert next(one["number"] for one in logs if "number" in one) in page.text
    assert "/console/logout" in [form.action for form in page.forms]


async def test_what_is_filtered_is_exported_and_what_is_left_is_found_again(finance: ConsoleSession) -> None:
    page = await finance.page(f"{HERE}?region=340100&status=held&sort=held")
    file = next(link for link in page.links if "/lines.csv" in link)
    answer = await finance.client.get(file)
    text = answer.content.decode("utf-8-sig")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert text.splitlines()[0].startswith("统一社会信用代码,单位名称,所在市,")
    assert len(text.splitlines()) == 2
    assert "合肥县域算法公司" in text
    line = await finance.page(next(link for link in page.links if "/lines/9" in link))
    assert f"{HERE}?region=340100&status=held&sort=held#lines" in line.links


async def test_an_adjustment_says_first_what_is_paid_now(finance: ConsoleSession) -> None:
    lines = finance.queries.lines_of[fixtures.FIRST]
    lines[0]["adjustment_fen"], lines[1]["adjustment_fen"] = 30_000, -1_000
    for line in lines[2:]:
        line["adjustment_fen"] = 0
    first = finance.queries.held[0]
    first |= {"adjusts": fixtures.MANY, "totals": first["totals"] | {"adjustment_fen": 29_000}}
    page = await finance.page(HERE)
    at = [page.text.index(text) for text in ("本次应付", "300.00", "本次应追回", "10.00", "差额净额", "整个批次应付")]
    assert at == sorted(at)
    assert page.text.index("本次差额（元）") < page.text.index("使用量（P时）")
    assert "290.00" in (await finance.page("/console/settlements")).text


async def test_who_is_still_missing_is_said_and_a_city_that_has_passed_is_asked_no_more(desk: ConsoleSession) -> None:
    desk.queries.held[0] |= {"status": "submitted"}
    desk.be_logged_in_as("wuhu")
    page = await desk.page(HERE)
    assert "尚待：复核：" in page.text
    assert "改为退回" not in page.text
    desk.queries.passed = ["340200"]
    page = await desk.page(HERE)
    assert "改为退回" in page.text
    assert "芜湖市" not in page.text.partition("尚待")[2][:40]


async def test_a_reviewer_of_the_province_says_which_cities_pass(desk: ConsoleSession) -> None:
    desk.queries.held[0] |= {"status": "submitted"}
    desk.be_logged_in_as("reviewer")
    form = next(form for form in (await desk.page(f"{HERE}/decide/review")).forms if "/decide/" in form.action)
    answer = await desk.client.post(form.action, data={**form.fields, "decision": "pass"})
    assert answer.status_code == 400
    assert "请选择市" in answer.text
    answer = await desk.client.post(form.action, data={**form.fields, "decision": "pass", "city": "*"})
    assert answer.status_code == 303
    assert desk.queries.decided[-1][3] == {"decision": "pass"}
