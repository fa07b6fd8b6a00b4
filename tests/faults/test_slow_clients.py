"""Clients that trickle, guess or do not read leave the others answered."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from tests.console.console_session import Page
from tests.support.api_client import ApiClient, counts, good
from tests.support.records import usage
from tests.support.serving import Served, over_http

LOGINS, READERS, TRICKLING = 40, 24, 100
SOON = "import api.http.body_budget as b; b.READ_SECONDS = 2"


@pytest.fixture(scope="module")
def served(database: str) -> Iterator[Served]:
    """The service, whose clients have two seconds for a body."""
    with Served.on(database, before=SOON, job_workers=0) as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def door(served: Served, database: str) -> AsyncIterator[ApiClient]:
    """The way in to the service as a process."""
    async with over_http(served.url, database) as opened:
        await opened.register_the_usual()
        yield opened


async def test_forty_logins_at_once_leave_the_others_answered(served: Served, door: ApiClient) -> None:
    platform = await door.platform()
    async with httpx.AsyncClient(base_url=served.url, timeout=60) as client:
        form = Page((await client.get("/console/login")).text).forms[0]

        async def guess(number: int) -> httpx.Response:
            said = {"name": f"guessed-{number}", "password": "guess after guess"}
            return await client.post(form.action, data={**form.fields, **said})

        guesses = [asyncio.create_task(guess(number)) for number in range(LOGINS)]
        pushed = [await platform.push(usage(f"beside-{number}")) for number in range(3)]
        ready = [await door.client.get("/readyz") for _ in range(3)]
        answers = await asyncio.gather(*guesses)
    assert [counts(one) for one in pushed] == [[1, 0, 0, 0]] * 3
    assert [one.status_code for one in ready] == [200] * 3
    assert {one.status_code for one in answers} == {403, 429}
    for one in answers:
        if one.status_code == 429:
            assert one.headers["retry-after"]
            assert "正在核对的密码太多" in one.text


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/console/login", b"application/x-www-form-urlencoded"), ("/v1/settlements", b"application/json")],
    ids=["form", "json"],
)
async def test_bodies_that_trickle_are_ended_in_time(served: Served, door: ApiClient, path: str, kind: bytes) -> None:
    key = (await door.holder("settlement:run")).key.encode()
    head = (
        b"POST %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: 5000\r\n\r\n"
        % (path.encode(), key, kind)
    )

    async def trickle() -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(head)
        answer = asyncio.create_task(reader.read(4096))
        with contextlib.suppress(OSError):
            for _ in range(200):
                writer.write(b" ")
                await writer.drain()
                if (await asyncio.wait({answer}, timeout=0.3))[0]:
                    break
        writer.close()
        assert answer.done(), "it may trickle without end"
        with contextlib.suppress(OSError):  # a reset ends it as well, and may overtake the answer
            return answer.result()
        return b""

    async with asyncio.TaskGroup() as group:
        trickling = [group.create_task(trickle()) for _ in range(TRICKLING)]
        assert good(await door.client.get("/readyz"))
    told = {one.result()[:13] for one in trickling}
    assert b"HTTP/1.1 408 " in told
    assert told <= {b"HTTP/1.1 408 ", b""}


async def test_exports_that_nobody_reads_hold_no_connection_of_the_database(
    served: Served, door: ApiClient, database: str
) -> None:
    import asyncpg

    owner = await asyncpg.connect(database)
    await owner.execute(
        "select audit_append('x', 'y', repeat('z', 100), 'done', null, null, repeat('w', 20000)) "
        "from generate_series(1, 1500)"
    )
    await owner.close()
    auditor = await door.holder("audit:read")
    asked = b"GET /v1/audit/export HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n" % auditor.key.encode()
    writers = []
    for _ in range(READERS):
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port, limit=1024)
        writer.write(asked)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")
        writers.append(writer)
    for _ in range(12):
        assert good(await auditor.get("/audit", limit=1))["items"]
    for writer in writers:
        writer.close()
