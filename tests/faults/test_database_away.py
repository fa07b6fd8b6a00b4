"""The database goes away in the middle of any request: 503 and when to come back, on every route, never a 500."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI, Request
from sqlalchemy import exc

from api import problem
from api.console.guard import SESSION_COOKIE
from api.people import create_person, log_in
from meter.journal.transaction import JournalUnavailable
from tests.security.test_cities import routes_of
from tests.support.door import Door
from tests.support.proxy import CuttingProxy
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


@dataclass(frozen=True)
class Cut:
    """A service behind a proxy that can be cut, with a key for everything and somebody logged in."""

    door: Door
    proxy: CuttingProxy
    headers: dict[str, str]
    paths: list[str]


def somewhere(path: str) -> str:
    """A path that can be asked for; the console's own routes do not name the place at which they are included."""
    known = path.startswith(("/v1", "/console")) or path in (*NEED_NO_DATABASE, "/readyz")
    return re.sub(r"\{\w+(:\w+)?\}", "1", path if known else f"/console{path}")


@pytest_asyncio.fixture(scope="module")
async def cut(database: str) -> AsyncIterator[Cut]:
    async with CuttingProxy.before(database) as proxy, in_process(proxy.url) as door:
        await door.register_the_usual()
        holder = await door.holder(*SCOPES)
        now = datetime.now(UTC)
        await create_person(
            door.engine, name="somebody", role="finance", city=None, password="a long password", now=now
        )
        token = await log_in(door.engine, "somebody", "a long password", now)
        headers = {"Authorization": f"Bearer {holder.key}", "Cookie": f"{SESSION_COOKIE}={token}"}
        paths = [path for method, path in routes_of(door) if method == "GET"]
        yield Cut(door, proxy, headers, [somewhere(path) for path in paths])


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


async def test_afterwards_everything_answers_again(cut: Cut) -> None:
    for _ in range(100):
        if (await cut.door.client.get("/readyz")).status_code == 200:
            break
        await asyncio.sleep(0.1)
    answer = await cut.door.client.get("/v1/usage-totals", headers=cut.headers)
    assert answer.status_code == 200
