"""One field finds a company, a settlement, a payment and a record, as far as the reader may see them."""

from __future__ import annotations

from api.console.search_queries import FOUND_MOST
from tests.console.console_session import Page
from tests.support.api_client import ApiClient, KeyClient
from tests.support.people import session_of
from tests.support.province import CITIES, code_of, locked, people_of, populate


async def test_what_is_found_depends_on_who_looks(app: ApiClient) -> None:
    platform: KeyClient = await populate(app)
    receipt = await platform.client.get("/v1/batches/1", headers={"Authorization": f"Bearer {platform.key}"})
    assert receipt.status_code in (200, 403)
    done = await locked(await people_of(app))

    async def found(session: str, text: str) -> Page:
        app.client.cookies.clear()
        app.client.cookies.set("suanbu_session", session, path="/console")
        answer = await app.client.get("/console/search", params={"q": text})
        assert answer.status_code == 200, answer.text
        return Page(answer.text)

    auditor = await session_of(app, "审计", "auditor")
    city = await session_of(app, "芜湖", "reviewer", CITIES[1])
    admin = await session_of(app, "管理", "admin")
    here = f"/console/settlements/{done['id']}"
    own, other = code_of(CITIES[1], 0), code_of(CITIES[0], 0)
    try:
        assert here in (await found(auditor, "anhui-2026")).links
        assert f"{here}/lines/{other}" in (await found(auditor, other[4:])).links
        assert f"{here}/lines/{other}" in (await found(auditor, "340100-0 有限")).links
        assert [link for link in (await found(auditor, other)).links if link.startswith("/console/payouts/")]
        assert "没有找到" in (await found(auditor, "no such thing")).text
        assert "至少 2 个字符" in (await found(auditor, "a")).text
        assert f"{here}/lines/{own}" in (await found(city, own)).links
        assert "没有找到" in (await found(city, other)).text
        assert "没有找到" in (await found(admin, own)).text
        records = [link for link in (await found(auditor, "u1")).links if link.startswith("/console/records/")]
        if records:
            assert (await app.client.get(records[0])).status_code == 200
        assert FOUND_MOST >= 20
    finally:
        app.client.cookies.clear()
