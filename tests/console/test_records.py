"""Records in the console: the quarantine by what is wrong and where, and the record behind a finding."""

from __future__ import annotations

import pytest

from tests.console import fixtures
from tests.console.console_session import ConsoleSession

HERE = f"/console/settlements/{fixtures.FIRST}"


async def test_the_quarantine_is_told_by_reason_and_facility(finance: ConsoleSession) -> None:
    """Seventy records of one missing facility are one row with their number, in Chinese."""
    one = finance.queries.kept[0]
    finance.queries.kept += [one | {"quarantine": 10 + n, "id": f"more-{n}"} for n in range(69)]
    page = await finance.page("/console/quarantine")
    row = page.text.partition("hf-99")[2][:200]
    assert "70" in row
    for text in ("72 条记录", "3 类原因", "设施", "补齐登记，然后重放", "核对两版内容", "a_code_of_tomorrow"):
        assert text in page.text, text
    assert "is not registered" not in page.text
    link = next(link for link in page.links if "code=unknown_facility" in link)
    seen: set[str] = set()
    while link:
        page = await finance.page(link)
        seen |= {to for to in page.links if to.startswith("/console/quarantine/")}
        link = next((to for to in page.links if "after=" in to), "")
    assert len(seen) == 70
    assert "/console/quarantine/1" in seen
    assert '"id": "job-1"' in (await finance.page("/console/quarantine/1")).text
    await finance.page("/console/quarantine/999", 404)
    await finance.page("/console/quarantine?code=x&after=-1", 400)


async def test_a_conflict_shows_the_first_version_beside_the_second(
    finance: ConsoleSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def both(number: int) -> tuple[dict[str, object], dict[str, object]]:
        return {**finance.queries.kept[number - 1], "released_in": None}, {
            "batch": 3,
            "text": "the first of the two",
            "corrected_by": None,
        }

    monkeypatch.setattr(finance.queries, "quarantined_one", both)
    page = await finance.page("/console/quarantine/2")
    assert page.text.index("the first of the two") < page.text.index('"id": "job-2"')
    assert "已入库的第一版（批号 3，按此计算）" in page.text


async def test_a_finding_leads_to_its_record(finance: ConsoleSession) -> None:
    times = {"started_at": "2025-10-09T08:53:20+00:00", "ended_at": "2025-10-09T09:53:20+00:00"}
    recorded = {"consumer": fixtures.AWARDED, "facility": "hf-1", "chip": "a", "cards": "8", "charge_fen": 500,
                "purpose": None, "via_platform": True, **times}  # fmt: skip
    finance.queries.records = [
        {"batch": 7, "ordinal": 3, "id": "job-7", "source": "platform", "recorded_at": times["ended_at"],
         "counts": False, "recorded": recorded, "corrects": None, "quarantine": [], "text": fixtures.HOSTILE,
         "corrected_by": {"id": "job-8", "batch": 9, "action": "replace"},
         "settled_in": [{"settlement": fixtures.FIRST, "status": "approved"}]},
    ]  # fmt: skip
    page = await finance.page("/console/records/7/3")
    for text in ("job-7", "不再计入", "被更正", "job-8（批号 9）", "5.00", "未申明", fixtures.HOSTILE):
        assert text in page.text, text
    assert f"{HERE}/lines/{fixtures.AWARDED}" in page.links
    await finance.page("/console/records/7/4", 404)
    finance.be_logged_in_as("wuhu")
    await finance.page("/console/records/7/3", 403)
