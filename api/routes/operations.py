"""For operators: is it alive, is it ready, what does it measure."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request, Response

from api.http import metrics
from api.http.operation import KEYED, Content, operation
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.schemas.operation import Health, Readiness
from meter.database.errors import JournalUnavailable, reaching_database
from migrations.fitting import missing_from, told
from migrations.revisions import applied, newest

MONEY_SCOPES = {"payout:read", "audit:read"}
ANSWER_SECONDS = 2.0
"""Whoever asks how we are does not wait for a database that may never answer."""
ROUTER = APIRouter(route_class=ApiRoute, tags=["operations"])


@ROUTER.get("/healthz")
@operation(Health, scope=None)
async def healthz() -> Any:
    """Say that the process answers."""
    return {"status": "ok"}


@ROUTER.get("/readyz")
@operation(Readiness, scope=None, codes=("database_unavailable", "migrations_missing"))
async def readyz(request: Request) -> Any:
    """Say whether the database is reachable and has the shape this code needs."""
    looking = asyncio.ensure_future(_shape(request))
    done, _ = await asyncio.wait((looking,), timeout=ANSWER_SECONDS)
    if not done:  # left to itself: it ends when the database answers, or is given up
        looking.add_done_callback(lambda ended: ended.cancelled() or ended.exception())
        raise Problem(503, "database_unavailable", f"the database has not answered for {ANSWER_SECONDS:.0f} s")
    try:
        revision, missing = looking.result()
    except JournalUnavailable as error:
        raise Problem(503, "database_unavailable", str(error)[:300]) from None
    if revision != newest():
        raise Problem(503, "migrations_missing", f"the database is at {revision}, this code needs {newest()}")
    if missing:
        raise Problem(503, "migrations_missing", told(missing, revision))
    return {"status": "ready", "revision": revision}


async def _shape(request: Request) -> tuple[str | None, list[str]]:
    """Look at the revision, and at what is missing where it is the right one."""
    async with reaching_database(), service_of(request).engine.connect() as connection:
        revision = await applied(connection)
        return revision, await missing_from(connection) if revision == newest() else []


@ROUTER.get("/metrics")
@operation(
    Content({"text/plain": {"type": "string"}}, {"text/plain": "suanbu_journal_batch 4711.0\n"}),
    scope=None,
    codes=KEYED,
    answered="Prometheus' text format",
)
async def get_metrics(request: Request) -> Response:
    """Show the Prometheus metrics of all workers.

    Sums of money (`suanbu_payout_fen`) are shown only to a key of the whole province with scope `payout:read` or
    `audit:read`.
    """
    body, content_type = metrics.exposition(money=await _may_read_money(request))
    return Response(body, media_type=content_type)


async def _may_read_money(request: Request) -> bool:
    """Return whether the request carries a key that may; one that is wrong is refused, as everywhere."""
    if request.headers.get("authorization") is None:
        return False
    try:
        async with reaching_database(), asyncio.timeout(ANSWER_SECONDS):
            caller = await as_caller(request)
    except JournalUnavailable:
        return False  # a scrape must say how the service is, above all when the database is away
    return caller.city is None and not caller.scopes.isdisjoint(MONEY_SCOPES)
