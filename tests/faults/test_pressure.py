"""More than the service can take: who finds no room is told to come back, nothing acknowledged is lost or half-done."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from sqlalchemy.exc import TimeoutError as PoolTimeout

from api.http import admission
from api.service import Service
from meter.journal.write import recorder
from tests.support.api_client import ApiClient, KeyClient, counts, good, problem
from tests.support.records import JSON, NDJSON, as_array, as_lines, usage, uscc


def service_of(door: ApiClient) -> Service:
    """The service behind the door."""
    transport = door.client._transport
    assert isinstance(transport, httpx.ASGITransport)
    app = transport.app
    assert isinstance(app, FastAPI)
    service = app.state.service
    assert isinstance(service, Service)
    return service


def told_to_wait(answer: httpx.Response, code: str) -> bool:
    """Whether the answer asks to come back, as it must."""
    return problem(answer) == (503, code) and bool(answer.headers["retry-after"])


async def test_more_records_than_may_wait_are_told_to_come_back(
    app: ApiClient, platform: KeyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder, "QUEUE_RECORDS", 120)
    consumer, size = uscc(700), 50
    bodies = [
        as_lines([usage(f"p{number}-{n}", consumer=consumer, charge_fen=1) for n in range(size)])
        for number in range(40)
    ]
    sent = await asyncio.gather(*(platform.send(body, NDJSON) for body in bodies))
    waiting = [body for body, answer in zip(bodies, sent, strict=True) if answer.status_code != 200]
    assert all(told_to_wait(answer, "overloaded") for answer in sent if answer.status_code != 200)
    assert 0 < len(waiting) < len(bodies), "some found room, and some did not"
    totals = await platform.items("/usage-totals", by="consumer")
    taken = (len(bodies) - len(waiting)) * size
    assert [one["records"] for one in totals if one["consumer"] == consumer] == [taken], "acknowledged, and no more"
    for body in waiting:
        assert counts(good(await platform.send(body, NDJSON))) == [size, 0, 0, 0]
    assert "suanbu_overloaded_total" in (await app.client.get("/metrics")).text


@pytest_asyncio.fixture
async def no_place(app: ApiClient, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Service]:
    """The service while others have every place for large bodies."""
    monkeypatch.setattr(admission, "WAIT_SECONDS", 0.05)
    service = service_of(app)
    async with AsyncExitStack() as held:
        for _ in range(admission.AT_ONCE):
            await held.enter_async_context(service.large_bodies.place())
        yield service


async def test_without_a_place_large_bodies_wait_and_small_ones_do_not(
    app: ApiClient, platform: KeyClient, registrar: KeyClient, no_place: Service
) -> None:
    assert no_place.large_bodies.full
    assert told_to_wait(await platform.send(as_array([usage("packed")]), JSON, "gzip"), "overloaded")
    assert told_to_wait(await platform.send(as_array([usage("long")]).ljust(5 * 1024 * 1024)), "overloaded")
    headers = {"Authorization": f"Bearer {registrar.key}"}
    packed = headers | {"Content-Type": JSON, "Content-Encoding": "gzip"}
    assert told_to_wait(await app.client.put("/v1/chips", content=gzip.compress(b"[]"), headers=packed), "overloaded")
    replay = await app.client.post("/v1/quarantine/replay", headers={"Authorization": f"Bearer {platform.key}"})
    assert told_to_wait(replay, "overloaded")
    assert counts(await platform.push(usage("small"))) == [1, 0, 0, 0]
    assert counts(good(await registrar.put("/chips", []))) == [0, 0, 0, 0]


async def test_places_are_given_back_whatever_became_of_a_body(app: ApiClient, platform: KeyClient) -> None:
    for _ in range(admission.AT_ONCE + 1):
        headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": JSON, "Content-Encoding": "gzip"}
        broken = await app.client.post("/v1/usage-records", content=b"nonsense", headers=headers)
        assert problem(broken) == (400, "bad_compression")
        broken = await app.client.put("/v1/control-totals", content=b"nonsense", headers=headers)
        assert problem(broken) == (400, "bad_compression")
        assert counts(await platform.replay()) == [0, 0, 0, 0]
    assert counts(good(await platform.send(as_array([usage("then")]), JSON, "zstd"))) == [1, 0, 0, 0]


async def test_without_a_free_connection_readers_wait_and_records_are_taken(
    app: ApiClient, platform: KeyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await platform.push(usage("before"))
    engine = service_of(app).engine
    monkeypatch.setattr(engine.pool, "_timeout", 0.2)
    async with AsyncExitStack() as held:
        with contextlib.suppress(PoolTimeout):
            while True:
                await held.enter_async_context(engine.connect())
        assert told_to_wait(await platform.get("/usage-totals"), "journal_unavailable")
        assert (await app.client.get("/healthz")).status_code == 200
        assert (await app.client.get("/metrics")).status_code == 200
        assert good(await platform.send(as_array([usage("meanwhile")])))["accepted"] == 1
    assert good(await platform.get("/usage-totals"))["items"]
