"""What no settlement can be made of is answered with the broken rule, never with a fault, and leaves nothing behind."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_asyncio

from tests.service.province import NORTH, send_province
from tests.support.api_client import ApiClient, KeyClient, problem
from tests.support.records import uscc
from tests.support.worlds import post

ROUND = "anhui-2026"
APPLICATION = {
    "id": "a1", "consumer": NORTH, "article": "9", "from": "2024-01-01", "to": "2025-01-01", "model": "m",
    "parameters": "10000000000", "scenes": 5, "landed": True, "cost_fen": 1_000_000,
}  # fmt: skip
MATCH = {
    "id": "m1", "city": "340600", "new_single_site_pflops": "400", "completed": "2024-06-30", "city_paid_fen": 3,
    "document": "proof",
}  # fmt: skip


def apply(**changed: Any) -> dict[str, Any]:
    """A request for the draft with one application, changed."""
    return {"round": "yinchuan-draft", "applications": [{**APPLICATION, **changed}]}


def match(**changed: Any) -> dict[str, Any]:
    """A request for the first round with one match, changed."""
    return {"round": "anhui-2024-1", "matches": [{**MATCH, **changed}]}


@pytest_asyncio.fixture(scope="module")
async def clerk(app: ApiClient) -> KeyClient:
    """Who runs settlements of a small province."""
    await send_province(app)
    return await app.holder("settlement:run", "report:read")


async def test_what_is_changed_below_settles_when_it_is_not(clerk: KeyClient) -> None:
    for body in (apply(), match(), apply(cost_fen=None, cost_ref=None, other_municipal=None)):
        assert (await post(clerk, "/settlements", body)).status_code == 201
    numbered = await post(clerk, "/settlements", {"round": ROUND, "readings": {"related": 0.50}})
    assert numbered.json()["readings"]["related"] == "0.50"
    first = (await post(clerk, "/settlements", match())).json()
    assert first["matches"][0]["award_fen"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"round": ROUND, "order": {"rate": "0.2", "number": "a\0b"}}, 400, "bad_text"),
        ({"round": ROUND, "order": {"rate": "0.2", "number": "\ud800"}}, 400, "bad_text"),
        ({"round": ROUND, "order": {"rate": "0.2", "number": "x" * 201}}, 422, "ORDER_WRONG_TYPE"),
        ({"round": "\0"}, 400, "bad_text"),
        ({"round": ROUND, "readings": {"\ud800": "x"}}, 400, "bad_text"),
        ({"round": ROUND, "readings": {"related": "1e1000000000"}}, 422, "UNKNOWN_READING_VALUE"),
        ({"round": ROUND, "readings": {"uplift": ["off"]}}, 422, "UNKNOWN_READING_VALUE"),
        ({"round": ROUND, "order": {"rate": ["0.2"]}}, 422, "RATE_NOT_EXACT"),
        ({"round": ROUND, "order": {"rate": 0.2}}, 422, "RATE_NOT_EXACT"),
        ({"round": ROUND, "order": {"rate": "0.2", "budget_fen": 1.5}}, 422, "BUDGET_NOT_EXACT"),
        ({"round": ROUND, "readings": {"related": 0.3}}, 422, "UNKNOWN_READING_VALUE"),
        ({"round": ROUND, "as_of": 1.5}, 400, "wrong_type"),
        (apply(cost_fen=1.5), 422, "APPLICATION_INVALID"),
        (apply(article=9.5), 422, "APPLICATION_INVALID"),
        (match(new_single_site_pflops=400.5), 422, "MATCH_INVALID"),
        ({"round": ROUND, "order": {"budget_fen": 10**30}}, 422, "TOTAL_TOO_LARGE"),
        ({"round": ROUND, "applications": [APPLICATION]}, 422, "APPLICATION_NOT_IN_ROUND"),
        ({"round": "yinchuan-draft", "applications": ["x"]}, 422, "APPLICATION_INVALID"),
        ({"round": "yinchuan-draft", "applications": [None]}, 422, "APPLICATION_INVALID"),
        (apply(id=""), 422, "APPLICATION_INVALID"),
        (apply(model="\ud800"), 400, "bad_text"),
        (apply(consumer="nobody"), 422, "APPLICATION_INVALID"),
        (apply(consumer=uscc(99)[:-1] + "?"), 422, "APPLICATION_INVALID"),
        (apply(consumer=5), 422, "APPLICATION_INVALID"),
        (apply(parameters="9" * 5000), 422, "APPLICATION_INVALID"),
        (apply(parameters="1e10"), 422, "APPLICATION_INVALID"),
        (apply(cost_fen=2**62), 422, "APPLICATION_INVALID"),
        (apply(scenes=10**400), 422, "APPLICATION_INVALID"),
        (apply(other_municipal={"amount_fen": 2**62, "paid": True}), 422, "APPLICATION_INVALID"),
        (apply(to="20250101"), 422, "APPLICATION_INVALID"),
        ({"round": ROUND, "matches": ["x"]}, 422, "MATCH_INVALID"),
        (match(document={"page": 1}), 422, "MATCH_INVALID"),
        (match(document="\0"), 400, "bad_text"),
        (match(city="34060³"), 422, "MATCH_INVALID"),
        (match(new_single_site_pflops="1e1000000000"), 422, "MATCH_INVALID"),
        (match(new_single_site_pflops="1/3"), 422, "MATCH_INVALID"),
        (match(completed="20240630"), 422, "MATCH_INVALID"),
        (match(city_paid_fen=2**62), 422, "MATCH_INVALID"),
    ],
    ids=lambda value: str(value)[:60].encode("ascii", "backslashreplace").decode(),
)
async def test_a_request_that_cannot_be_settled_is_refused(
    clerk: KeyClient, body: dict[str, Any], status: int, code: str
) -> None:
    before = len(await clerk.items("/settlements", limit=1000))
    assert problem(await post(clerk, "/settlements", body)) == (status, code)
    assert len(await clerk.items("/settlements", limit=1000)) == before


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"a": "x"}, 422, "BAD_COMPARISON"),
        ({"a": "x", "b": "y"}, 404, "UNKNOWN_SETTLEMENT"),
        ({"a": "x", "b": "y", "round": ROUND}, 422, "BAD_COMPARISON"),
        ({"a": "\0", "b": "y"}, 400, "bad_text"),
        ({"round": ROUND, "orders": ["0.2"]}, 422, "BAD_COMPARISON"),
        ({"round": ROUND, "orders": [{}] * 17}, 422, "BAD_COMPARISON"),
        ({"round": ROUND, "orders": [{"rate": "0.1"}, {"rate": "0.21"}]}, 422, "RATE_ABOVE_CEILING"),
        ({"round": ROUND, "readings": [{}, {"mood": "x"}]}, 422, "UNKNOWN_READING"),
        ({"round": ROUND, "as_of": 2**70}, 422, "UNKNOWN_BATCH"),
        ({"round": ROUND, "as_of": -1}, 422, "UNKNOWN_BATCH"),
    ],
    ids=lambda value: str(value)[:60].encode("ascii", "backslashreplace").decode(),
)
async def test_a_comparison_that_is_none_is_refused(
    clerk: KeyClient, body: dict[str, Any], status: int, code: str
) -> None:
    assert problem(await post(clerk, "/settlements/compare", body)) == (status, code)


async def test_a_number_too_long_to_write_is_no_json(clerk: KeyClient) -> None:
    headers = {"Authorization": f"Bearer {clerk.key}", "Content-Type": "application/json"}
    for number in ("1e99999999999999999999", "NaN", "9" * 5000):
        body = b'{"round": "anhui-2026", "readings": {"related": %s}}' % number.encode()
        answer = await clerk.client.post("/v1/settlements", content=body, headers=headers)
        assert answer.status_code in (400, 422)
