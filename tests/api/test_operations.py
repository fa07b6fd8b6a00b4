"""Operations: is it alive, is it ready, what does it measure, what does it offer."""

from __future__ import annotations

import asyncio

import pytest

from api.console.answer import POLICY
from api.http import metrics
from meter.database.connect import driver
from meter.intake.body import Format
from meter.intake.codes import BodyCode, Code
from meter.journal.write.decide import CONFLICT_CODE, REFUSALS
from meter.rollup.store import rolled_up_to
from migrations.revisions import newest
from tests.console.console_session import Page
from tests.support.api_client import ApiClient, KeyClient, problem
from tests.support.records import usage


async def test_alive_and_ready_need_no_key(app: ApiClient) -> None:
    assert (await app.client.get("/healthz")).json() == {"status": "ok"}
    assert (await app.client.get("/readyz")).json() == {"status": "ready", "revision": newest()}


async def test_metrics_count_records_by_source_and_status(app: ApiClient, platform: KeyClient) -> None:
    await platform.push(usage("m1"), usage("m1"), usage("m2", cards=0))
    text = (await app.client.get("/metrics")).text
    for status in ("accepted", "duplicate", "refused"):
        assert f'suanbu_records_total{{source="{platform.name}",status="{status}"}} 1.0' in text
    assert "suanbu_commit_seconds_count" in text
    assert "suanbu_batch_seconds_count" in text


async def test_metrics_show_sums_of_money_only_to_a_key_that_may_read_them(app: ApiClient) -> None:
    metrics.PAYOUT_FEN.labels("ready").set(4711)

    async def shown(holder: KeyClient | None) -> str:
        headers = {"Authorization": f"Bearer {holder.key}"} if holder else {}
        answer = await app.client.get("/metrics", headers=headers)
        assert answer.status_code == 200
        assert "suanbu_payouts" in answer.text
        return answer.text

    for scope in ("payout:read", "audit:read"):
        assert "suanbu_payout_fen{" in await shown(await app.holder(scope))
    for without in (None, await app.holder("report:read", "payout:run", "settlement:approve")):
        assert "suanbu_payout_fen" not in await shown(without)
    assert "suanbu_payout_fen" not in await shown(await app.holder("payout:read", city="340100"))
    wrong = await app.client.get("/metrics", headers={"Authorization": "Bearer suanbu_0123456789ab_wrong"})
    assert problem(wrong) == (401, "unknown_key")


async def test_the_rollup_catches_up_with_the_journal(app: ApiClient, platform: KeyClient) -> None:
    receipt = await platform.push(usage("lag"))
    async with app.engine.connect() as held:
        connection = await driver(held)
        while await rolled_up_to(connection) < receipt["batch"]:  # noqa: ASYNC110 - the database tells no events
            await asyncio.sleep(0.02)
    text = (await app.client.get("/metrics")).text
    assert "suanbu_journal_batch" in text
    assert "suanbu_rollup_lag_batches" in text


async def test_the_reference_names_every_route_of_the_contract(app: ApiClient) -> None:
    paths = (await app.client.get("/openapi.json")).json()["paths"]
    for path, method in (
        ("/v1/usage-records", "post"),
        ("/v1/usage-records/{source}/{record_id}", "get"),
        ("/v1/batches/{batch}", "get"),
        ("/v1/usage-totals", "get"),
        ("/v1/quarantine/replay", "post"),
        ("/v1/entities", "put"),
        ("/v1/facilities", "put"),
        ("/v1/chips", "put"),
        ("/v1/holdings", "put"),
        ("/v1/expenditures", "put"),
        ("/v1/control-totals", "put"),
        ("/v1/reconciliation", "get"),
    ):
        assert method in paths[path], path


async def test_the_reference_says_what_may_be_sent_and_every_code_that_may_be_answered(app: ApiClient) -> None:
    paths = (await app.client.get("/openapi.json")).json()["paths"]
    receiving = paths["/v1/usage-records"]["post"]
    assert set(receiving["requestBody"]["content"]) == {form.value for form in Format}
    for code in (*Code, *BodyCode, *REFUSALS, CONFLICT_CODE):
        assert f"`{code}`" in receiving["description"], code
    assert [one["name"] for one in paths["/v1/usage-totals"]["get"]["parameters"]] == [
        "by",
        "limit",
        "cursor",
        "from",
        "to",
    ]
    for path, operations in paths.items():
        for operation in operations.values():
            # 422 is the settlement's word alone: what does not fit a parameter is 400
            assert "HTTPValidationError" not in str(operation["responses"]), path
            assert "bad_request" not in str(operation["responses"].get("422")), path
            assert "application/problem+json" in operation["responses"]["default"]["content"], path


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/nothing", 404, "no_such_path"),
        ("DELETE", "/v1/entities", 405, "method_not_allowed"),
        ("GET", "/v1/batches/seven", 400, "bad_request"),
        ("GET", "/v1/batches/1", 401, "no_key"),
    ],
)
async def test_every_error_is_a_problem_document(
    app: ApiClient, method: str, path: str, status: int, code: str
) -> None:
    assert problem(await app.client.request(method, path)) == (status, code)


async def test_the_page_of_the_reference_runs_no_script_and_asks_nobody_else(app: ApiClient) -> None:
    answer = await app.client.get("/docs")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    page = Page(answer.text)
    assert "script" not in page.tags
    assert all(address.startswith(("/console/static/", "/openapi.json")) for address in (*page.asked_for, *page.links))
    for path, operations in (await app.client.get("/openapi.json")).json()["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in page.text


async def test_no_answer_about_money_is_kept_on_the_way(app: ApiClient) -> None:
    reader = await app.holder("report:read", "payout:read", "usage:read", "audit:read")
    for path in ("/settlements", "/payouts", "/claims", "/usage-totals", "/audit", "/settlements/none"):
        answer = await reader.get(path)
        assert answer.headers["cache-control"] == "no-store", path
        assert answer.headers["x-content-type-options"] == "nosniff", path
