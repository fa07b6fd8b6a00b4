"""An approver's no: with a reason, back to who made it, and the review begins anew."""

from __future__ import annotations

import pytest

from tests.support.api_client import ApiClient, good, problem
from tests.support.province import CITIES, People, approved, decide, locked, run


async def reviewed(people: People, number: str) -> str:
    """A settlement that every city has passed; its id."""
    made = (await run(people.clerk, number=number))["id"]
    good(await decide(people.clerk, made, "submit"))
    good(await decide(people.reviewer, made, "review", decision="pass"))
    return str(made)


@pytest.mark.parametrize("first", ["reviewed", "approved"])
async def test_an_approver_sends_back_what_is_not_yet_published(people: People, first: str) -> None:
    number = await reviewed(people, f"sent back when {first}")
    if first == "approved":
        good(await decide(people.approver, number, "approve"))
    assert problem(await decide(people.approver, number, "return")) == (400, "missing_field")
    back = good(await decide(people.approver, number, "return", note="请核对设施容量"))
    assert back["status"] == "returned"
    assert back["events"][-1]["detail"]["note"] == "请核对设施容量"
    assert problem(await decide(people.approver, number, "approve")) == (409, "STATE_NOT_ALLOWED")
    good(await decide(people.clerk, number, "submit"))
    for city in CITIES[:2]:
        good(await decide(people.reviewer, number, "review", city=city, decision="pass"))
    assert problem(await decide(people.approver, number, "approve")) == (409, "STATE_NOT_ALLOWED")
    good(await decide(people.reviewer, number, "review", city=CITIES[2], decision="pass"))
    assert good(await decide(people.approver, number, "approve"))["status"] == "approved"
    good(await decide(people.clerk, number, "cancel"))


async def test_only_a_third_hand_sends_back(people: People, app: ApiClient) -> None:
    number = await reviewed(people, "whose no")
    assert (await decide(people.clerk, number, "return", note="x")).status_code == 403
    everything = await app.holder("settlement:review", "settlement:approve", "report:read", name=people.reviewer.name)
    assert problem(await decide(everything, number, "return", note="x")) == (403, "SAME_PERSON")
    good(await decide(people.clerk, number, "cancel"))


async def test_what_is_published_or_locked_is_not_sent_back(people: People) -> None:
    number = (await run(people.clerk, number="too late"))["id"]
    await approved(people, number)
    good(await decide(people.approver, number, "publish", days=5))
    assert problem(await decide(people.second, number, "return", note="x")) == (409, "STATE_NOT_ALLOWED")
    good(await decide(people.clerk, number, "cancel"))
    done = await locked(people)
    assert problem(await decide(people.second, done["id"], "return", note="x")) == (409, "STATE_NOT_ALLOWED")
