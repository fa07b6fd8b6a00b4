"""After a lock only what came later is settled: other terms are refused unless they are meant."""

from __future__ import annotations

from typing import Any

from tests.support.api_client import KeyClient, problem
from tests.support.province import CITIES, People, code_of, locked, use
from tests.support.records import usage
from tests.support.worlds import post

LOCKED = {"rate": "0.20"}


def asked(**more: Any) -> dict[str, Any]:
    """A run of the round as it was locked, but for what is said."""
    return {"round": "anhui-2026", "order": LOCKED, **more}


async def settled(people: People, **more: Any) -> dict[str, Any]:
    """What a run that is taken comes to."""
    answer = await post(people.clerk, "/settlements", asked(**more))
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def test_another_term_than_the_locked_one_is_refused_by_its_name(people: People, platform: KeyClient) -> None:
    before = await locked(people)
    for more, named in (
        ({"order": {"rate": "0.15"}}, "order.rate"),
        ({"order": {}}, "order.rate"),
        ({"order": {**LOCKED, "budget_fen": 5}}, "order.budget_fen"),
        ({"order": {**LOCKED, "uplift": True}}, "order.uplift"),
        ({"readings": {"net_effect": "gate"}}, "readings.net_effect"),
    ):
        answer = await post(people.clerk, "/settlements", asked(**more))
        assert problem(answer) == (422, "OTHER_TERMS"), more
        assert named in answer.json()["detail"]
    meant = await settled(people, order={"rate": "0.15"}, other_terms=True)
    assert meant["adjusts"] == before["id"]
    assert meant["totals"]["adjustment_fen"] < 0
    same = await settled(people, order={**LOCKED, "number": "皖科〔2026〕9号"})
    assert same["totals"]["adjustment_fen"] == 0
    await use(platform, {code_of(CITIES[0], 0): 50_000}, hour=20)
    later = await post(people.clerk, f"/settlements/{before['id']}/adjustments")
    assert later.json()["totals"]["adjustment_fen"] == 10_000


async def test_a_line_that_pays_and_holds_is_found_under_both(people: People, platform: KeyClient) -> None:
    both = code_of(CITIES[1], 0)
    await platform.push(usage("unstated", consumer=both, charge_fen=70_000, purpose=None))
    made = (await settled(people, other_terms=True))["id"]
    lines = await people.clerk.items(f"/settlements/{made}/lines")
    held = await people.clerk.items(f"/settlements/{made}/lines", status="held")
    assert held == [one for one in lines if one["held_fen"]]
    assert [one["uscc"] for one in held] == [both]
    assert both in [one["uscc"] for one in await people.clerk.items(f"/settlements/{made}/lines", status="payable")]
