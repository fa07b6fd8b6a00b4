"""What a request that waits for a job is answered: as ever when it is over in time, else 202 and where to look."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from api.jobs.working import working
from api.settings import Settings
from tests.support.api_client import ApiClient, KeyClient, good, problem
from tests.support.postgres import Cluster
from tests.support.province import CITIES, People, decide, people_of, populate, run
from tests.support.serving import in_process
from tests.support.worlds import post

ASKED = {"round": "anhui-2026", "order": {"rate": "0.20"}}
AT_ONCE = {"Prefer": "respond-async"}


@pytest_asyncio.fixture(scope="module")
async def idle(cluster: Cluster) -> AsyncIterator[ApiClient]:
    """A province behind a door that nobody works for, but when a test says so."""
    async with cluster.database() as url:
        async with in_process(url) as door:
            await populate(door)
        async with in_process(url, jobs=False) as door:
            yield door


@contextlib.asynccontextmanager
async def at_work(door: ApiClient) -> AsyncIterator[None]:
    """Somebody works on jobs while the block lasts."""
    async with working(Settings(door.url), "tests", [("short", "long")]):
        yield


async def send(
    holder: KeyClient, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
) -> httpx.Response:
    """A request under /v1 with headers of its own."""
    sent = {"Authorization": f"Bearer {holder.key}", "Content-Type": "application/json", **(headers or {})}
    content = None if body is None else json.dumps(body).encode()
    return await holder.client.request(method, f"/v1{path}", content=content, headers=sent)


async def over(holder: KeyClient, location: str) -> dict[str, object]:
    """A job by its address, once it is over; the test's client prefers to wait."""
    while True:
        found = good(await holder.client.get(location, headers={"Authorization": f"Bearer {holder.key}"}))
        if found["state"] not in ("queued", "running"):
            return found


async def test_202_names_the_job_and_the_job_its_settlement(idle: ApiClient) -> None:
    clerk = await idle.holder("settlement:run")
    answer = await send(clerk, "POST", "/settlements", ASKED, AT_ONCE)
    assert answer.status_code == 202, answer.text
    job = answer.json()
    assert answer.headers["location"] == f"/v1/jobs/{job['id']}"
    assert answer.headers["preference-applied"] == "respond-async"
    assert (job["kind"], job["state"], job["asked_by"]) == ("settle", "queued", f"key:{clerk.name}")
    assert job["parameters"]["order"] == ASKED["order"]
    again = await send(clerk, "POST", "/settlements", ASKED, AT_ONCE)
    assert again.json()["id"] == job["id"], "who sends again because the answer was lost makes no second job"
    assert good(await send(clerk, "GET", f"/jobs/{job['id']}", None, AT_ONCE))["state"] == "queued"
    async with at_work(idle):
        ended = await over(clerk, answer.headers["location"])
    assert (ended["state"], ended["attempts"], ended["error"]) == ("done", 1, None)
    assert ended["location"] == f"/v1/settlements/{ended['result']['settlement']}"  # type: ignore[index]
    reader = await idle.holder("report:read")
    settled = good(await reader.client.get(str(ended["location"]), headers={"Authorization": f"Bearer {reader.key}"}))
    assert settled["run_by"] == f"key:{clerk.name}"


@pytest.mark.parametrize(
    ("preferred", "applied"),
    [
        ("wait=0", "wait=0"), ("respond-async", "respond-async"), ("wait=0, respond-async", "respond-async, wait=0"),
        ('WAIT="0"', "wait=0"), ("return=minimal, wait=0; x=y", "wait=0"), ("wait=0, wait=30", "wait=0"),
    ],
)  # fmt: skip
async def test_what_is_preferred_is_honoured_and_said(idle: ApiClient, preferred: str, applied: str) -> None:
    clerk = await idle.holder("settlement:run")
    answer = await send(clerk, "POST", "/settlements", ASKED, {"Prefer": preferred})
    assert (answer.status_code, answer.headers["preference-applied"]) == (202, applied)


async def test_a_wait_is_bounded_and_what_is_no_preference_is_left_alone(idle: ApiClient) -> None:
    clerk = await idle.holder("settlement:run", "report:read")
    async with at_work(idle):
        for preferred, applied in (("wait=999999", "wait=50"), ("wait=-1", None), ("wait=soon", None), ("", None)):
            answer = await send(clerk, "POST", "/settlements", ASKED, {"Prefer": preferred})
            assert (answer.status_code, answer.headers.get("preference-applied")) == (201, applied), preferred


async def test_what_is_refused_is_refused_alike_at_once_and_later(idle: ApiClient) -> None:
    clerk = await idle.holder("settlement:run", "report:read")
    bodies: list[dict[str, object]] = [
        {"round": "none"},
        {**ASKED, "order": {"rate": "0.21"}},
        {**ASKED, "readings": {"x": "y"}},
    ]
    for body in bodies:
        at_once = await send(clerk, "POST", "/settlements", body, AT_ONCE)
        assert at_once.status_code == 422, "no job is needed to say so"
    body = {**ASKED, "as_of": 10**9}
    later = await send(clerk, "POST", "/settlements", body, AT_ONCE)
    assert later.status_code == 202
    async with at_work(idle):
        ended = await over(clerk, later.headers["location"])
        assert problem(await post(clerk, "/settlements", body)) == (422, "UNKNOWN_BATCH")
    assert ended["state"] == "failed"
    assert {name: ended["error"][name] for name in ("status", "code")} == {  # type: ignore[index]
        "status": 422, "code": "UNKNOWN_BATCH",
    }  # fmt: skip
    assert problem(await clerk.get("/settlements/none/verify")) == (404, "UNKNOWN_SETTLEMENT")


async def test_everything_that_takes_long_can_be_fetched_later(idle: ApiClient) -> None:
    reader = await idle.holder("settlement:run", "settlement:review", "report:read")
    async with at_work(idle):
        number = (await run(reader, number="later"))["id"]
    orders = {"round": "anhui-2026", "orders": [{"rate": "0.1"}, {"rate": "0.2"}]}
    here = f"/settlements/{number}"
    asked = [
        ("GET", f"{here}/verify", None), ("GET", f"{here}?interval=true", None),
        ("GET", f"{here}/report.csv", None), ("GET", f"{here}/report.xlsx?layout=summary", None),
        ("POST", "/settlements/compare", orders), ("POST", f"{here}/findings", None),
    ]  # fmt: skip
    later = [await send(reader, *one, AT_ONCE) for one in asked]
    assert [answer.status_code for answer in later] == [202] * len(asked)
    async with at_work(idle):
        for (method, path, body), answer in zip(asked, later, strict=True):
            job = await over(reader, answer.headers["location"])
            assert job["state"] == "done", job
            now = await send(reader, method, path, body)
            assert now.status_code == 200
            if job["location"] is None or job["kind"] == "findings":
                assert job["result"] == now.json(), path
                continue
            fetched = await send(reader, "GET", str(job["location"]).removeprefix("/v1"))
            assert fetched.headers["content-type"] == now.headers["content-type"]
            assert fetched.headers.get("content-disposition") == now.headers.get("content-disposition")
            if "xlsx" not in path:
                assert fetched.content == now.content, path
    assert problem(await reader.get(f"/jobs/{later[0].json()['id']}/output")) == (409, "no_output")


async def test_who_sees_and_ends_a_job(idle: ApiClient) -> None:
    clerk, other = await idle.holder("settlement:run"), await idle.holder("settlement:run", "report:read")
    nobody, auditor = await idle.holder("usage:read"), await idle.holder("report:read")
    job = (await send(clerk, "POST", "/settlements", {**ASKED, "readings": {}}, AT_ONCE)).json()["id"]
    assert problem(await nobody.get(f"/jobs/{job}")) == (403, "scope_missing")
    assert problem(await nobody.get("/jobs/999999")) == (403, "scope_missing"), "or else it tells which there are"
    assert problem(await auditor.get("/jobs/999999")) == (404, "no_such_job")
    assert await nobody.items("/jobs") == []
    assert [one["id"] for one in await clerk.items("/jobs")] == [job]
    assert job in [one["id"] for one in await auditor.items("/jobs", kind="settle", state="queued")]
    first = good(await auditor.get("/jobs", limit=1))
    rest = good(await auditor.get("/jobs", limit=1, cursor=first["next"]))
    assert first["items"][0]["id"] > rest["items"][0]["id"]
    for asked in ("kind=x", "state=x", "limit=0", "cursor=x", "surprise=1"):
        assert problem(await send(auditor, "GET", f"/jobs?{asked}"))[0] == 400, asked
    assert problem(await send(auditor, "POST", f"/jobs/{job}/cancel", {})) == (403, "scope_missing")
    ended = good(await send(other, "POST", f"/jobs/{job}/cancel", {}))
    assert (ended["state"], ended["result"]) == ("cancelled", None)
    assert problem(await send(clerk, "POST", f"/jobs/{job}/cancel", {})) == (409, "job_over")


async def test_who_waits_for_a_job_that_is_cancelled_is_told(idle: ApiClient) -> None:
    clerk = await idle.holder("settlement:run")
    waiting = asyncio.create_task(post(clerk, "/settlements", {**ASKED, "matches": []}))
    while not (jobs := await clerk.items("/jobs")):
        pass
    good(await send(clerk, "POST", f"/jobs/{jobs[0]['id']}/cancel", {}))
    assert problem(await waiting) == (409, "job_cancelled")


async def test_a_city_fetches_its_report_and_finds_nobody_else_s(idle: ApiClient) -> None:
    clerk = await idle.holder("settlement:run", "report:read")
    async with at_work(idle):
        number = (await run(clerk, number="by city"))["id"]
    first, second = [await idle.holder("report:read", city=city) for city in CITIES[:2]]
    asked = await send(first, "GET", f"/settlements/{number}/report.csv", None, AT_ONCE)
    job = asked.json()["id"]
    assert asked.json()["city"] == CITIES[0]
    async with at_work(idle):
        await over(first, asked.headers["location"])
    text = (await first.get(f"/jobs/{job}/output")).text
    assert CITIES[0] in text
    assert CITIES[1] not in text
    for path in (f"/jobs/{job}", f"/jobs/{job}/output"):
        assert problem(await second.get(path)) == (404, "no_such_job")
    assert await second.items("/jobs") == []
    assert [one["id"] for one in await first.items("/jobs")] == [job]


async def test_a_submission_stands_at_once_and_a_lock_when_its_job_is_over(idle: ApiClient) -> None:
    people: People = await people_of(idle)
    async with at_work(idle):
        number = (await run(people.clerk, number="to be locked"))["id"]
    submitted = await send(people.clerk, "POST", f"/settlements/{number}/submit", {}, AT_ONCE)
    assert (submitted.status_code, submitted.json()["kind"]) == (202, "findings")
    assert good(await people.clerk.get(f"/settlements/{number}"))["status"] == "submitted"
    good(await decide(people.reviewer, number, "review", decision="pass"))
    good(await decide(people.approver, number, "approve"))
    locking = [
        await send(people.approver, "POST", f"/settlements/{number}/lock", {"note": str(n)}, AT_ONCE) for n in range(6)
    ]
    assert {answer.status_code for answer in locking} == {202}
    assert good(await people.clerk.get(f"/settlements/{number}"))["status"] == "approved", "nothing is decided yet"
    refused = await send(people.clerk, "POST", f"/settlements/{number}/lock", {}, AT_ONCE)
    assert problem(refused) == (403, "scope_missing")
    async with at_work(idle):
        ended = [await over(people.approver, answer.headers["location"]) for answer in locking]
        assert problem(await decide(people.approver, number, "lock")) == (409, "STATE_NOT_ALLOWED")
    assert sorted(str(one["state"]) for one in ended) == ["done"] + ["failed"] * 5
    assert {one["error"]["code"] for one in ended if one["error"]} == {"STATE_NOT_ALLOWED"}  # type: ignore[index]
    events = good(await people.clerk.get(f"/settlements/{number}"))["events"]
    assert [one["event"] for one in events].count("lock") == 1
