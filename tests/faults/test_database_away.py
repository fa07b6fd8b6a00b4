"""The database goes away in the middle of any request: 503 and when to come back, on every route, never a 500."""

from __future__ import annotations

import asyncio
import io
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from uuid import UUID

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI, Request
from sqlalchemy import exc

from api.console.sessions import SESSION_COOKIE
from api.http import problem
from meter.database.connect import connect
from meter.database.errors import JournalUnavailable, reaching_database
from meter.journal.queries import key_of
from tests.security.test_cities import routes_of
from tests.support.api_client import ApiClient, KeyClient, good
from tests.support.people import session_of
from tests.support.proxy import CuttingProxy
from tests.support.records import (
    JSON,
    NDJSON,
    as_lines,
    chip,
    entity,
    expenditure,
    facility,
    holding,
    usage,
    uscc,
)
from tests.support.serving import in_process

SCOPES = (
    "usage:read", "usage:write", "registry:read", "registry:write", "settlement:run", "report:read", "payout:read",
    "payout:run", "audit:read",
)  # fmt: skip
NEED_NO_DATABASE = {"/healthz", "/metrics", "/docs", "/openapi.json"}


def wrapped(kind: type[exc.DBAPIError], cause: Exception | None = None, *, invalidated: bool = False) -> Exception:
    """An error of the driver as SQLAlchemy passes it on."""
    inner = RuntimeError("from the driver")
    inner.__cause__ = cause
    return kind("select 1", {}, inner, connection_invalidated=invalidated)


AWAY: dict[str, Exception] = {
    "journal": JournalUnavailable("not confirmed"),
    "interface": asyncpg.InterfaceError("connection is closed"),
    "protocol": asyncpg.InternalClientError("unexpected message"),
    "gone": asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    "starting up": asyncpg.CannotConnectNowError("the database system is starting up"),
    "told to end": asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    "crashed": asyncpg.CrashShutdownError("terminating connection because of crash of another server process"),
    "too many": asyncpg.TooManyConnectionsError("sorry, too many clients already"),
    "disk": asyncpg.DiskFullError("no space left on device"),
    "refused": ConnectionRefusedError(111, "connection refused"),
    "reset": ConnectionResetError(104, "reset by peer"),
    "slow": TimeoutError(),
    "pool": exc.TimeoutError("QueuePool limit"),
    "broken transaction": exc.PendingRollbackError("can't reconnect until invalid transaction is rolled back"),
    "closed result": exc.ResourceClosedError("this connection is closed"),
    "wrapped interface": wrapped(exc.InterfaceError),
    "wrapped operational": wrapped(exc.OperationalError),
    "wrapped, torn": wrapped(exc.DBAPIError, invalidated=True),
    "wrapped, gone": wrapped(exc.DBAPIError, asyncpg.ConnectionDoesNotExistError("gone")),
    "wrapped, starting up": wrapped(exc.DBAPIError, asyncpg.CannotConnectNowError("starting")),
    "wrapped, reset": wrapped(exc.DBAPIError, ConnectionResetError(104, "reset")),
}
OURS: dict[str, Exception] = {
    "syntax": asyncpg.PostgresSyntaxError("syntax error"),
    "wrapped syntax": wrapped(exc.ProgrammingError, asyncpg.PostgresSyntaxError("syntax error")),
    "key": KeyError("name"),
}


async def answer_to(error: Exception) -> httpx.Response:
    """What a route that ends with this error answers."""
    app = FastAPI()
    problem.install(app)

    @app.get("/ending")
    async def end(_: Request) -> None:
        raise error

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://suanbu") as client:
        return await client.get("/ending")


@pytest.mark.parametrize("name", AWAY)
async def test_every_error_of_an_absent_database_asks_the_client_to_come_back(name: str) -> None:
    answer = await answer_to(AWAY[name])
    assert (answer.status_code, answer.json()["code"]) == (503, "journal_unavailable")
    assert answer.headers["retry-after"]


@pytest.mark.parametrize("name", OURS)
async def test_a_mistake_of_ours_is_called_one(name: str) -> None:
    answer = await answer_to(OURS[name])
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


async def test_a_copy_on_a_connection_that_was_cut_off_before_finds_the_database_away(database: str) -> None:
    connection = await connect(database, application="cut")
    connection.terminate()
    copies: list[Callable[[], Awaitable[str]]] = [
        lambda: connection.copy_from_query("select 1", output=io.BytesIO()),
        lambda: connection.copy_to_table("entry", source=io.BytesIO()),
        lambda: connection.copy_records_to_table("entry", records=[]),
    ]
    for copy in copies:
        with pytest.raises(JournalUnavailable):
            async with reaching_database():
                await copy()


@dataclass(frozen=True)
class Cut:
    """A service behind a proxy that can be cut, with a key for everything and somebody logged in."""

    door: ApiClient
    proxy: CuttingProxy
    headers: dict[str, str]
    paths: list[str]
    writes: list[tuple[str, str]]
    """Method and path of every route that changes something."""
    platform: KeyClient
    database: str
    """Past the proxy."""


def somewhere(path: str) -> str:
    """A path that can be asked for; the console's own routes do not name the place at which they are included."""
    known = path.startswith(("/v1", "/console")) or path in (*NEED_NO_DATABASE, "/readyz")
    return re.sub(r"\{\w+(:\w+)?\}", "1", path if known else f"/console{path}")


@pytest_asyncio.fixture(scope="module")
async def cut(database: str) -> AsyncIterator[Cut]:
    async with CuttingProxy.before(database) as proxy, in_process(proxy.url) as door:
        await door.register_the_usual()
        holder = await door.holder(*SCOPES)
        token = await session_of(door, "somebody", "finance")
        headers = {"Authorization": f"Bearer {holder.key}", "Cookie": f"{SESSION_COOKIE}={token}"}
        routes = routes_of(door)
        paths = [somewhere(path) for method, path in routes if method == "GET"]
        writes = [(method, somewhere(path)) for method, path in routes if method not in ("GET", "HEAD", "OPTIONS")]
        yield Cut(door, proxy, headers, paths, writes, await door.platform(), database)


@pytest.mark.parametrize("answers", [0, 2, 5])
async def test_every_route_says_come_back_when_the_database_is_cut_off(cut: Cut, answers: int) -> None:
    assert len(cut.paths) > 30
    told = 0
    for path in cut.paths:
        cut.proxy.hits, cut.proxy.answers_left = 0, answers
        answer = await cut.door.client.get(path, headers=cut.headers)
        cut.proxy.answers_left = None
        assert answer.status_code not in (500, 502, 504), (path, answer.text[:300])
        if answer.status_code == 503:
            assert answer.headers["retry-after"], path
            told += 1
        if path in NEED_NO_DATABASE:
            assert answer.status_code == 200, path
    print(f"{told} of {len(cut.paths)} routes met an absent database")
    assert told > 20, "the fault hardly ever hit"


ORDER = {"rate": "0.20"}
BODIES: dict[str, object] = {
    "/v1/usage-records": [usage("away", consumer=uscc(901))],
    "/v1/entities": [entity(uscc(902))],
    "/v1/facilities": [facility("away")],
    "/v1/chips": [chip("away")],
    "/v1/holdings": [holding(uscc(903), uscc(904), "0.3")],
    "/v1/expenditures": [expenditure("away")],
    "/v1/control-totals": [{"day": "2025-09-01", "records": 1, "charge_fen": 100}],
    "/v1/settlements": {"round": "anhui-2026", "order": ORDER},
    "/v1/settlements/compare": {"round": "anhui-2026", "orders": [ORDER, {"rate": "0.10"}]},
    "/v1/payouts/claim": {"limit": 1, "worker": "w"},
}


@pytest.mark.parametrize("answers", [0, 3, 8, 12])
async def test_every_route_that_writes_says_come_back_when_the_database_is_cut_off(cut: Cut, answers: int) -> None:
    assert {path for _, path in cut.writes} >= set(BODIES)
    told = 0
    for method, path in cut.writes:
        body = json.dumps(BODIES.get(path, {})).encode()
        cut.proxy.hits, cut.proxy.answers_left = 0, answers
        answer = await cut.door.client.request(method, path, content=body, headers=cut.headers | {"Content-Type": JSON})
        cut.proxy.answers_left = None
        assert answer.status_code not in (500, 502, 504), (method, path, answer.text[:300])
        if answer.status_code == 503:
            assert answer.headers["retry-after"], path
            told += 1
    print(f"{told} of {len(cut.writes)} routes met an absent database")
    assert told > 5, "the fault hardly ever hit"


async def stored(cut: Cut, ids: list[str]) -> int:
    """How many of these records stand in the journal, asked of the database itself."""
    connection = await asyncpg.connect(cut.database)
    try:
        number = await connection.fetchval("select id from source where name = $1", cut.platform.name)
        keys = [UUID(bytes=key_of(number, name)) for name in ids]
        return int(await connection.fetchval("select count(*) from entry where key = any($1::uuid[])", keys))
    finally:
        await connection.close()


DELIVERIES = {"a few records": (3, 30), "more than fit one piece": (2_500, 40)}


@pytest.mark.parametrize(("size", "steps"), DELIVERIES.values(), ids=DELIVERIES.keys())
async def test_a_delivery_cut_off_anywhere_is_in_or_out_and_its_retry_counts_once(
    cut: Cut, size: int, steps: int
) -> None:
    """The database goes away after its first answer to the delivery, after its second, and so on."""
    consumer = uscc(900 if size < 10 else 899)
    away = whole = 0
    for answers in range(steps):
        name = f"cut-{size}-{answers}"
        ids = [f"{name}-{n}" for n in range(size)]
        refused = usage(f"{name}-refused", cards=0)
        body = as_lines([*(usage(one, consumer=consumer, charge_fen=1) for one in ids), refused])
        cut.proxy.hits, cut.proxy.answers_left = 0, answers
        answer = await cut.platform.send(body, NDJSON)
        cut.proxy.answers_left = None
        assert answer.status_code in (200, 503), answer.text[:300]
        away += answer.status_code == 503
        before = await stored(cut, ids)
        assert before in ((0, size) if answer.status_code == 503 else (size,))
        whole += before == size
        while answer.status_code == 503:
            assert answer.headers["retry-after"]
            await asyncio.sleep(0.05)
            answer = await cut.platform.send(body, NDJSON)
        receipt = good(answer)
        assert (receipt["accepted"] + receipt["duplicate"], receipt["refused"]) == (size, 1)
        again = good(await cut.platform.send(body, NDJSON))
        assert (again["accepted"], again["duplicate"], again["refused"]) == (0, size, 1)
    assert away > 3, "the fault hardly ever hit"
    print(f"{away} of {steps} deliveries met an absent database; {whole} stood in the journal all the same")
    totals = await cut.platform.items("/usage-totals", by="consumer")
    assert [one["records"] for one in totals if one["consumer"] == consumer] == [size * steps]
    kept = await cut.platform.items("/quarantine", limit=1000)
    assert len([one for one in kept if one["id"].startswith(f"cut-{size}-")]) == steps


async def test_afterwards_everything_answers_again(cut: Cut) -> None:
    for _ in range(100):
        if (await cut.door.client.get("/readyz")).status_code == 200:
            break
        await asyncio.sleep(0.1)
    answer = await cut.door.client.get("/v1/usage-totals", headers=cut.headers)
    assert answer.status_code == 200
