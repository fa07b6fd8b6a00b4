"""Every operation answers what the document says it answers: asked at least once, and held against its schemas."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from api.auth.roles import SCOPES
from settlement.checkpoint.make import make
from tests.openapi.described import check_answer, operations
from tests.security.tampering import owner_connection
from tests.support.api_client import ApiClient, KeyClient, good
from tests.support.province import CITIES, People, approved, code_of, decide, locked, people_of, populate, run, use
from tests.support.records import chip, entity, facility, usage, uscc
from tests.support.worlds import post

EVERYTHING = {told["operationId"] for _, _, told in operations()}


@pytest_asyncio.fixture(scope="module")
async def answered(app: ApiClient) -> dict[str, set[int]]:
    """Operation and the statuses it answered with, each answer as the document allows; the client checks itself."""
    found: dict[str, set[int]] = {}

    async def check(response: httpx.Response) -> None:
        await response.aread()
        name = check_answer(response)
        if name is not None:
            found.setdefault(name, set()).add(response.status_code)

    app.client.event_hooks["response"].append(check)
    platform = await populate(app)
    people = await people_of(app)
    everyone = await app.holder(*SCOPES, source="everything")
    await _operation(app, everyone)
    await _usage(everyone, platform)
    await _registry(everyone)
    await _settlements(everyone, people, platform)
    await _proofs(app, everyone)
    await _refusals(everyone, await app.holder("usage:read"))
    return found


async def _operation(app: ApiClient, everyone: KeyClient) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"):
        assert (await app.client.get(path)).status_code == 200
    await everyone.get("/audit", limit=50)
    await everyone.get("/audit/export")


async def _usage(everyone: KeyClient, platform: KeyClient) -> None:
    records = [usage("a"), usage("a"), usage("b", cards=0), usage("a", charge_fen=5), usage("c", order="O-1")]
    records += [{"id": "v", "corrects": "c", "action": "void"}, usage("f", facility="hf-99")]
    await everyone.send(json.dumps(records).encode(), verbose=True)
    for name in ("a", "c", "v"):
        assert (await everyone.get(f"/usage-records/{everyone.name}/{name}")).status_code == 200
    await everyone.get(f"/usage-records/{platform.name}/none")
    for batch in range(1, 6):
        await everyone.get(f"/batches/{batch}")
    for by in ("", "consumer,facility,chip,day", "day"):
        await everyone.get("/usage-totals", by=by)
    await everyone.get("/usage-totals", from_="2025-09-01T08:30:00+08:00")
    await everyone.get("/quarantine")
    await everyone.replay()


async def _registry(everyone: KeyClient) -> None:
    items: dict[str, list[dict[str, Any]]] = {
        "/entities": [entity(uscc(50), bank_account={"bank": "b", "account": "1", "holder": "h"}), {"uscc": "x"}],
        "/facilities": [facility("hf-50", capacity=[{"chip": "card-a", "cards": 8, "from": "2025-01-01"}])],
        "/chips": [chip("card-z")],
        "/holdings": [{"holder": uscc(51), "held": uscc(999), "share": "0.5", "from": "2020-01-01", "document": "d"}],
        "/expenditures": [
            {"id": "i1", "consumer": uscc(50), "kind": "invoice", "served_from": "2025-09-01", "document": "d",
             "served_to": "2025-09-30", "amount_fen": 5}
        ],
        "/control-totals": [{"day": "2025-09-01", "records": 1, "charge_fen": 2}],
    }  # fmt: skip
    for path, some in items.items():
        assert (await everyone.put(path, some)).status_code == 200
        await everyone.put(path, some)
        if path != "/control-totals":
            assert await everyone.items(path)
    await everyone.get("/reconciliation", from_="2025-09-01", to="2025-09-03")


async def _settlements(everyone: KeyClient, people: People, platform: KeyClient) -> None:
    stated = {"bank": "b", "account": "2", "holder": "h"}
    assert (await everyone.put("/entities", [entity(uscc(50), bank_account=stated)])).status_code == 200
    account, *_ = await everyone.items("/account-proposals", status="proposed")
    await post(people.second, f"/account-proposals/{account['id']}/reject", {"note": "not theirs"})
    await everyone.put("/entities", [entity(uscc(50), bank_account={**stated, "account": "3"})])
    account, *_ = await everyone.items("/account-proposals", status="proposed", entity=uscc(50))
    good(await post(people.second, f"/account-proposals/{account['id']}/approve", {"confirm_holder": True}))
    (too_much,) = await use(platform, {code_of(CITIES[2], 1): 500_000}, hour=10)
    await everyone.get("/rounds")
    forecast = (await post(everyone, "/settlements", {"round": "anhui-2026"})).json()["id"]
    await decide(everyone, forecast, "cancel", note="a forecast")
    made = (await run(people.clerk, notice_days=1))["id"]
    await decide(people.clerk, made, "submit")
    await decide(people.reviewer, made, "review", decision="return", note="again")
    await decide(people.clerk, made, "submit")
    await decide(people.reviewer, made, "review", decision="pass")
    await decide(people.approver, made, "return", note="and again")
    await approved(people, made)
    await decide(people.second, made, "publish", days=1)
    lines = good(await everyone.get(f"/settlements/{made}/lines"))["items"]
    objected = await decide(people.reviewer, made, "objections", uscc=lines[1]["uscc"], note="why", by="somebody")
    event = objected.json()["events"][-1]["id"]
    said = {"decision": "dismissed", "note": "because"}
    await post(people.second, f"/settlements/{made}/objections/{event}", said)
    await decide(people.second, made, "lock")
    await decide(people.clerk, made, "cancel", note="start again")
    number = (await locked(people, number="another"))["id"]
    for line in lines:
        await everyone.get(f"/settlements/{number}/lines/{line['uscc']}")
    await everyone.get("/settlements", limit=2)
    await everyone.get(f"/settlements/{number}", interval="true")
    await post(everyone, f"/settlements/{number}/findings", {})
    await everyone.get(f"/settlements/{number}/findings")
    await everyone.get(f"/settlements/{number}/verify")
    await everyone.get(f"/settlements/{number}/evidence")
    await everyone.get("/usage-totals/verify")
    await everyone.get(f"/settlements/{number}/changes")
    for kind in ("csv", "json", "xlsx", "parquet"):
        await everyone.get(f"/settlements/{number}/report.{kind}")
    await post(everyone, "/settlements/compare", {"round": "anhui-2026", "orders": [{"rate": "0.1"}, {"rate": "0.2"}]})
    await _jobs(everyone)
    await _runs(everyone, people, number)
    await _payouts(everyone, people)
    await platform.push({"id": "back", "corrects": too_much, "action": "void"})
    adjustment = (await post(everyone, f"/settlements/{number}/adjustments", {})).json()["id"]
    await approved(people, adjustment)
    good(await decide(people.approver, adjustment, "lock"))
    for clawback in await everyone.items("/claims"):
        path = f"/claims/{clawback['id']}"
        for word in ("reject", "approve"):
            proposed: dict[str, object] = {"kind": "repaid", "amount_fen": 1, "note": "back"}
            proposal = (await post(people.clerk, f"{path}/propose", proposed)).json()["event"]
            await post(people.approver, f"{path}/{word}", {"proposal": proposal})
    assert await everyone.items("/claims")


async def _jobs(everyone: KeyClient) -> None:
    """Ask for more than anybody works on at once, so that one is still waiting when it is ended."""
    authorized = {"Authorization": f"Bearer {everyone.key}", "Prefer": "respond-async"}
    for number in range(20):
        asked = {"round": "anhui-2026", "order": {"number": f"job {number}"}}
        answer = await everyone.client.post("/v1/settlements", json=asked, headers=authorized)
        assert answer.status_code == 202
        if (await post(everyone, f"/jobs/{answer.json()['id']}/cancel", {})).status_code == 200:
            break
    for job in await everyone.items("/jobs", limit=1000):
        await everyone.get(f"/jobs/{job['id']}")
        await everyone.get(f"/jobs/{job['id']}/output")


async def _runs(everyone: KeyClient, people: People, number: str) -> None:
    rule = (await post(people.payer, "/payout-rules", {"run_limit_fen": 10**15})).json()
    good(await post(people.second, f"/payout-rules/{rule['id']}/confirm"))
    await everyone.get("/payout-rules")
    made = (await post(people.payer, "/payout-runs", {"settlement": number})).json()
    path = f"/payout-runs/{made['id']}"
    good(await post(people.approver, f"{path}/approve", {"digest": made["digest"]}))
    for asked in (path, f"{path}/items", f"{path}/list.csv", f"{path}/list.xlsx", "/payout-runs"):
        assert (await everyone.get(asked)).status_code == 200
    good(await post(people.payer, f"{path}/stop"))
    good(await post(people.second, f"{path}/reject"))
    text = "交易日期,借方金额,贷方金额,交易流水号,对方户名,对方账号,摘要\n2026-11-01,1.00,,F1,b,1,x\n"
    headers = {"Authorization": f"Bearer {everyone.key}", "Content-Type": "text/csv"}
    taken = await everyone.client.post("/v1/bank-statements?name=a.csv", content=text.encode(), headers=headers)
    assert taken.status_code == 201
    await everyone.get("/bank-statements")
    await everyone.get("/payout-reconciliation")
    good(await post(everyone, f"/bank-statements/{taken.json()['id']}/lines/1/explain", {"kind": "fee", "note": "fee"}))


async def _payouts(everyone: KeyClient, people: People) -> None:
    leased = good(await post(people.payer, "/payouts/claim", {"limit": 10, "worker": "w"}))["items"]
    first, second, third, *others = (one["id"] for one in leased)
    said = {"worker": "w", "fence": 1}
    for mark in ("submitted", "unknown", "failed"):
        await post(people.payer, f"/payouts/{first}/{mark}", said)
    await post(people.approver, f"/payouts/{first}/retry", {"note": "again"})
    await post(people.payer, f"/payouts/{second}/paid", {**said, "bank_reference": "B2"})
    await post(people.payer, f"/payouts/{second}/returned", {**said, "bank_reference": "B3"})
    await post(people.payer, f"/payouts/{third}/disputed", said)
    await post(people.approver, f"/payouts/{third}/settle", {"outcome": "failed", "note": "asked the bank"})
    for number in others:
        await post(people.payer, f"/payouts/{number}/paid", {**said, "bank_reference": f"B-{number}"})
    await everyone.get(f"/payouts/{second}")
    await everyone.get(f"/payouts/{second}/events")
    await everyone.get("/payouts")


async def _proofs(app: ApiClient, everyone: KeyClient) -> None:
    connection = await owner_connection(app.url)
    await make(connection, "log.example", Ed25519PrivateKey.generate())
    await connection.close()
    (settlement, *_) = await everyone.items("/settlements", status="paid") or await everyone.items("/settlements")
    (line, *_) = await everyone.items(f"/settlements/{settlement['id']}/lines")
    for path in ("batches/1", "audit/1", f"settlements/{settlement['id']}/lines/{line['uscc']}"):
        await everyone.get(f"/proofs/{path}")


async def _refusals(everyone: KeyClient, nobody: KeyClient) -> None:
    """Ask for what is refused: what is not there, what is not allowed, what is not in any form."""
    for path in (
        "/settlements/none",
        "/settlements/none/lines",
        "/settlements/none/verify",
        "/settlements/none/evidence",
        "/batches/99999",
        "/rounds",
    ):
        for holder in (everyone, nobody):
            await holder.get(path)
    for path in ("/settlements", "/settlements/none/approve", "/payouts/1/paid", "/claims/1/propose", "/payouts/claim"):
        for said in ({}, {"surprise": 1}, {"note": 5}):
            await post(everyone, path, said)


async def test_every_operation_answers_as_the_document_says(answered: dict[str, set[int]]) -> None:
    assert set(answered) == EVERYTHING
    without = {name for name, statuses in answered.items() if not statuses & {200, 201}}
    assert without == set(), "operations of which no good answer was seen"
