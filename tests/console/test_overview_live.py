"""The overview over a real database: awards stand in the month of their lock, an adjustment with its difference."""

from __future__ import annotations

from datetime import datetime

from api.console.sessions import SESSION_COOKIE
from meter.days import SHANGHAI
from tests.console.console_session import Page
from tests.support.api_client import ApiClient, good
from tests.support.people import session_of
from tests.support.province import approved, code_of, decide, locked, people_of, populate, run, use
from tests.support.worlds import post

CITY = "340200"
TITLE = "当月锁定的补助（元）"


async def test_awards_stand_in_the_month_of_their_lock(app: ApiClient) -> None:
    platform = await populate(app)
    people = await people_of(app)
    first = await locked(people)
    await use(platform, {code_of(CITY, 0): 50_000}, hour=12)
    answer = await post(people.clerk, f"/settlements/{first['id']}/adjustments", {})
    assert answer.status_code == 201, answer.text
    second = answer.json()
    await approved(people, second["id"])
    await run(people.clerk, number="waits")  # what is not locked is no award
    province, of_city = await session_of(app, "审批丁", "approver"), await session_of(app, "芜湖丙", "reviewer", CITY)

    async def awarded(session: str) -> str:
        answer = await app.client.get("/console/overview", headers={"Cookie": f"{SESSION_COOKIE}={session}"})
        assert answer.status_code == 200, answer.text
        return Page(answer.text).text.partition(TITLE)[2].partition("用量接收")[0]

    assert "1,200.00" in await awarded(province)
    assert "400.00" in await awarded(of_city)
    good(await decide(people.approver, second["id"], "lock"))
    shown = await awarded(province)
    for text in (datetime.now(SHANGHAI).strftime("%Y-%m"), "合肥市", "400.00", "芜湖市", "500.00", "1,300.00"):
        assert text in shown, text
    shown = await awarded(of_city)
    assert "500.00" in shown
    for text in ("合肥市", "400.00", "1,300.00"):
        assert text not in shown, "another city's"
