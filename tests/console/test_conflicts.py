"""What became of two versions of one record: said by who keeps the registry, on record, and moving nothing."""

from __future__ import annotations

import asyncpg
import pytest

from tests.console.console_session import ConsoleSession, Page
from tests.console.test_registry_live import Desk, sitting
from tests.support.api_client import ApiClient, KeyClient
from tests.support.people import session_of
from tests.support.records import entity, usage

HERE = "/console/quarantine"


async def test_who_enters_nothing_decides_nothing(desk: ConsoleSession) -> None:
    desk.be_logged_in_as("registrar")
    form = next(one for one in (await desk.page(f"{HERE}/2")).forms if one.action.endswith("/decide"))
    for name in ("finance", "auditor", "operator"):
        desk.be_logged_in_as(name)
        assert not [one for one in (await desk.page(f"{HERE}/2")).forms if one.action.endswith("/decide")]
        assert (await desk.client.post(form.action, data={"token": "x"})).status_code == 403
    desk.be_logged_in_as("registrar")
    form = next(one for one in (await desk.page(f"{HERE}/2")).forms if one.action.endswith("/decide"))
    answer = await desk.client.post(form.action, data={**form.fields, "decision": "source_asked", "reason": "电话"})
    assert answer.headers["location"] == f"{HERE}/2"
    page = await desk.page(f"{HERE}/2")
    assert "已请来源方核对" in page.text
    assert "再次处理" in page.text, "it is still open"
    refused = await desk.page(f"{HERE}/1")
    assert not [one for one in refused.forms if one.action.endswith("/decide")], "only a conflict is decided"


async def _sent(app: ApiClient, registrar: KeyClient, platform: KeyClient, name: str) -> int:
    """Send two versions of one record; the number of the second in quarantine."""
    await registrar.put("/entities", [entity(name="示例单位", valid_from="2016-01-01")])
    await platform.push(usage(name, charge_fen=100))
    await platform.push(usage(name, charge_fen=999))
    reader = await app.holder("usage:read")
    return int(next(one["quarantine"] for one in await reader.items("/quarantine") if one["id"] == name))


async def decide(desk: Desk, number: int, decision: str, reason: str = "来函〔2026〕7号") -> tuple[int, str]:
    """Fill in the form of a conflict and send it; the status, and what the page then says."""
    page = await desk.page(f"{HERE}/{number}")
    form = next(one for one in page.forms if one.action.endswith("/decide"))
    answer = await desk.client.post(form.action, data={**form.fields, "decision": decision, "reason": reason})
    shown = await desk.page(f"{HERE}/{number}") if answer.status_code == 303 else Page(answer.text)
    return answer.status_code, shown.text


async def test_a_decision_is_on_record_and_ends_it(
    app: ApiClient, registrar: KeyClient, platform: KeyClient, owner: asyncpg.Connection
) -> None:
    number = await _sent(app, registrar, platform, "twice")
    reader = await app.holder("usage:read", "audit:read")
    before = await reader.items("/usage-totals", by="consumer")
    async with sitting(app, await session_of(app, "登记戊", "registrar")) as desk:
        assert "twice" in (await desk.page(f"{HERE}?code=id_already_recorded_with_other_content")).text
        assert (await decide(desk, number, "source_corrected"))[0] == 409, "the journal has no correction"
        assert (await decide(desk, number, "first_stands", " "))[0] == 400
        assert (await decide(desk, number, "other"))[0] == 400
        assert (await decide(desk, number, "source_asked"))[0] == 303
        status, said = await decide(desk, number, "first_stands", "来源方确认第一版")
        assert (status, "以已入库的第一版为准" in said) == (303, True)
        page = await desk.page(f"{HERE}/{number}")
        assert not [one for one in page.forms if one.action.endswith("/decide")]
        token = page.forms[0].fields["token"]
        again = {"token": token, "decision": "first_stands", "reason": "x"}
        assert (await desk.client.post(f"{HERE}/{number}/decide", data=again)).status_code == 409
        assert "twice" not in (await desk.page(f"{HERE}?code=id_already_recorded_with_other_content")).text
    assert await reader.items("/usage-totals", by="consumer") == before
    rows = [row for row in await reader.items("/audit", limit=1000) if row["action"] == "record.conflict_decision"]
    assert [row["actor"] for row in rows] == ["person:登记戊", "person:登记戊"]
    assert "来源方确认第一版" in str(rows[-1]["detail"])
    for change in ("update conflict_decision set decision = 'source_asked'", "delete from conflict_decision"):
        with pytest.raises(asyncpg.PostgresError):
            await owner.execute(change)


async def test_a_correction_of_the_source_ends_it_too(
    app: ApiClient, registrar: KeyClient, platform: KeyClient
) -> None:
    number = await _sent(app, registrar, platform, "mended")
    await platform.push(usage("mended-2", charge_fen=999, corrects="mended", action="replace"))
    async with sitting(app, await session_of(app, "登记己", "registrar")) as desk:
        assert "来源方已更正第一版：mended-2" in (await desk.page(f"{HERE}/{number}")).text
        assert (await decide(desk, number, "source_corrected"))[0] == 303


async def test_the_database_asks_for_the_right_and_for_a_conflict(
    app: ApiClient, registrar: KeyClient, platform: KeyClient, owner: asyncpg.Connection
) -> None:
    number = await _sent(app, registrar, platform, "guarded")
    async with sitting(app, await session_of(app, "财务庚", "finance")) as desk:
        page = await desk.page(f"{HERE}/{number}")
        said = {"token": page.forms[0].fields["token"], "decision": "first_stands", "reason": "x"}
        assert (await desk.client.post(f"{HERE}/{number}/decide", data=said)).status_code == 403
    with pytest.raises(asyncpg.CheckViolationError, match="no conflict"):
        await owner.execute(
            "insert into conflict_decision (quarantine, decision, reason, actor, at) "
            "values (999999, 'first_stands', 'x', 'key:x', now())"
        )
