"""Slow clients, clients that go away, and bodies made to exhaust memory: others are answered, memory stays bounded."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
import zstandard

from tests.support.api_client import ApiClient, KeyClient, counts, good, problem
from tests.support.records import JSON, NDJSON, as_lines, usage
from tests.support.serving import Served, over_http

SLOW_CLIENTS = int(os.environ.get("SUANBU_SLOW_CLIENTS", "60"))
GROWTH_BYTES = 64 * 1024 * 1024
MEBIBYTE = 1024 * 1024


@pytest_asyncio.fixture(scope="module")
async def door(server: Served, database: str) -> AsyncIterator[ApiClient]:
    """The way in to the service as a process."""
    async with over_http(server.url, database) as opened:
        await opened.register_the_usual()
        yield opened


@pytest_asyncio.fixture(scope="module")
async def platform(door: ApiClient) -> KeyClient:
    """A platform whose connections are warm and whose first batch is in."""
    sender = await door.platform()
    assert counts(good(await sender.send(as_lines([usage(f"warm-{i}") for i in range(10_000)]), NDJSON)))[0] == 10_000
    return sender


@contextlib.asynccontextmanager
async def slow_clients(server: Served, key: str, count: int, declared: int, sent: int) -> AsyncIterator[list[str]]:
    """Clients that declare a body, send a part of it and then a byte now and then; yields what they were told."""
    told: list[str] = []

    async def one() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        head = (
            f"POST /v1/usage-records HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: {NDJSON}\r\nContent-Length: {declared}\r\n\r\n"
        )
        writer.write(head.encode() + b" " * sent)
        with contextlib.suppress(OSError):
            while True:
                writer.write(b" ")
                await writer.drain()
                try:
                    told.append((await asyncio.wait_for(reader.readline(), 0.2)).decode().strip())
                    return
                except TimeoutError:
                    continue
                finally:
                    if told:
                        writer.close()

    tasks = [asyncio.create_task(one()) for _ in range(count)]
    await asyncio.sleep(0.5)
    try:
        yield told
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@pytest.mark.parametrize(
    ("declared", "sent"),
    [(1000, 0), (20 * MEBIBYTE, 0), (20 * MEBIBYTE, 300_000)],
    ids=["small", "large", "large, begun"],
)
async def test_slow_clients_do_not_keep_others_waiting(
    server: Served, platform: KeyClient, declared: int, sent: int
) -> None:
    """While they dribble, small and large deliveries of others are answered."""
    async with slow_clients(server, platform.key, SLOW_CLIENTS, declared, sent) as told:
        for i in range(10):
            assert counts(await platform.push(usage(f"small-{declared}-{sent}-{i}"))) == [1, 0, 0, 0]
        large = as_lines([usage(f"large-{declared}-{sent}-{i}", order="x" * 60) for i in range(3000)])
        assert len(large) > 512 * 1024
        assert counts(good(await platform.send(large, NDJSON))) == [3000, 0, 0, 0]
        assert told == [], "they were slow the whole time"


async def test_a_client_that_goes_away_in_the_middle_leaves_nothing(server: Served, platform: KeyClient) -> None:
    async with slow_clients(server, platform.key, 20, 5000, 2000):
        pass
    assert counts(await platform.push(usage("after-the-gone"))) == [1, 0, 0, 0]


async def test_a_client_that_does_not_read_its_answer_is_recorded_all_the_same(
    server: Served, platform: KeyClient
) -> None:
    body = as_lines([usage("unread")])
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    head = (
        f"POST /v1/usage-records HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {platform.key}\r\n"
        f"Content-Type: {NDJSON}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
    for _ in range(200):
        if (await platform.get(f"/usage-records/{platform.name}/unread")).status_code == 200:
            break
        await asyncio.sleep(0.05)
    writer.close()
    assert counts(await platform.push(usage("unread"))) == [0, 1, 0, 0]


def bombs() -> dict[str, tuple[bytes, str | None, int]]:
    """Small to send and large to unpack, or large to begin with: body, encoding, status."""
    zeros = bytes(200 * MEBIBYTE)
    nested = gzip.compress(gzip.compress(zeros))
    return {
        "gzip": (gzip.compress(zeros), "gzip", 413),
        "zstd": (zstandard.compress(zeros), "zstd", 413),
        "gzip in gzip": (nested, "gzip", 400),
        "brackets": (b"[" * (4 * MEBIBYTE), None, 400),
        "one record of many keys": (b'[{"a":[' + b"1," * MEBIBYTE + b"1]}]", None, 400),
        "one long string": (b'[{"id":"' + b"x" * (4 * MEBIBYTE) + b'"}]', None, 200),
        "ten thousand broken records": (b"\n".join([b"{"] * 10_000), None, 200),
    }


async def test_bombs_are_refused_in_bounded_memory(door: ApiClient, server: Served, platform: KeyClient) -> None:
    sent = bombs()
    headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": JSON}
    # what one legitimate delivery of the largest size takes is not the bombs' doing
    largest = as_lines([usage(f"largest-{i}", order="单" * 64, evidence="0" * 128) for i in range(10_000)])
    assert counts(good(await platform.send(largest, NDJSON)))[0] == 10_000
    before = server.peak_bytes()
    for name, (body, encoding, status) in sent.items():
        more = {"Content-Encoding": encoding} if encoding else {}
        kind = {"Content-Type": NDJSON} if name.startswith("ten") else {}
        answer = await door.client.post("/v1/usage-records", content=body, headers=headers | more | kind)
        assert answer.status_code == status, name
        if status != 200:
            problem(answer)
    grown = server.peak_bytes() - before
    print(f"peak memory {before >> 20} MiB, grown by {grown >> 20} MiB")
    assert grown < GROWTH_BYTES


@pytest.mark.parametrize("query", ["", "?verbose=true"], ids=["past the framework", "through it"])
async def test_what_was_refused_does_not_stay_in_memory(
    door: ApiClient, server: Served, platform: KeyClient, query: str
) -> None:
    """One after another: a body that an error kept alive would be there until the next collection of garbage."""
    headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": JSON}
    body = b"[]".ljust(25 * MEBIBYTE) + b"x"
    before = 0
    for number in range(24):
        answer = await door.client.post(f"/v1/usage-records{query}", content=body, headers=headers)
        assert problem(answer) == (400, "trailing_bytes")
        if number == 1:
            before = server.peak_bytes()
    assert server.peak_bytes() - before < GROWTH_BYTES


async def test_many_large_puts_at_once_take_no_more_than_a_few(
    door: ApiClient, server: Served, platform: KeyClient
) -> None:
    """Small to send, large to unpack, and nearly a batch: each waits for its place."""
    item = b'{"day":"2025-01-01","records":1,"charge_fen":1,"x":"' + b"y" * 3000 + b'"}'
    body = gzip.compress(b"[" + b",".join([item] * 9_999) + b"]")
    headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": JSON, "Content-Encoding": "gzip"}

    async def put(count: int) -> int:
        sent = (door.client.put("/v1/control-totals", content=body, headers=headers) for _ in range(count))
        for answer in await asyncio.gather(*sent):
            assert good(answer)["refused"] == 9_999
        return server.peak_bytes()

    await put(8)  # by chance they are not all unpacked at the same moment, least of all on a busy machine
    few = await put(8)
    assert await put(24) - few < GROWTH_BYTES


async def test_many_bombs_at_once_take_no_more_than_a_few(door: ApiClient, server: Served, platform: KeyClient) -> None:
    headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": JSON, "Content-Encoding": "gzip"}
    bomb = gzip.compress(bytes(200 * MEBIBYTE))

    async def explode(count: int) -> int:
        sent = (door.client.post("/v1/usage-records", content=bomb, headers=headers) for _ in range(count))
        assert {answer.status_code for answer in await asyncio.gather(*sent)} == {413}
        return server.peak_bytes()

    few = await explode(4)
    assert await explode(40) - few < GROWTH_BYTES


async def test_large_bodies_half_read_do_not_wait_for_each_other(door: ApiClient, platform: KeyClient) -> None:
    """Together they are more than may be held at once, and all of them arrive at the same time."""

    async def one(number: int) -> int:
        body = (as_lines([usage(f"half-{number}")]) + b"\n").ljust(20 * MEBIBYTE)
        headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": NDJSON}
        async with httpx.AsyncClient(base_url=door.client.base_url, timeout=120) as client:
            answer = await client.post("/v1/usage-records", content=body, headers=headers)
        return answer.json()["accepted"] if answer.status_code == 200 else -answer.status_code

    assert await asyncio.gather(*(one(number) for number in range(16))) == [1] * 16


async def test_a_body_without_a_declared_length_is_read_no_further_than_the_limit(
    door: ApiClient, platform: KeyClient
) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 200 * MEBIBYTE:
            sent += MEBIBYTE
            yield b" " * MEBIBYTE

    headers = {"Authorization": f"Bearer {platform.key}", "Content-Type": JSON}
    try:
        answer = await door.client.post("/v1/usage-records", content=endless(), headers=headers)
        assert problem(answer) == (413, "body_too_large")
    except httpx.TransportError:
        pass  # the connection was closed while we were still sending: as good an answer
    assert sent < 200 * MEBIBYTE
    assert counts(await platform.push(usage("after-the-endless"))) == [1, 0, 0, 0]
