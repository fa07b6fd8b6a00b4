"""Clawbacks over HTTP: what was paid too much, and how it comes back, by two people."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.actions.clawbacks import SCOPE_OF, decide
from api.auth.keys import require
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, json_object, service_of
from meter.database.connect import driver
from settlement.store.clawbacks import list_clawbacks

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1/claims", tags=["payouts"])


@ROUTER.get("")
async def get_clawbacks(
    request: Request,
    status: str | None = None,
    settlement: str | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """Clawbacks in order of their numbers, each with what was proposed and decided."""
    require(await as_caller(request), "payout:read")
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_clawbacks(await driver(held), status, settlement, page.after(Number, 0), page.limit + 1)
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.post("/{number}/propose")
async def post_propose(request: Request, number: int) -> Any:
    """Propose to offset a clawback against an instruction that is not out yet, to book it as repaid, or to waive it."""
    caller = await as_caller(request)
    require(caller, SCOPE_OF["propose"])
    said = await json_object(request, {"kind": str, "amount_fen": int, "instruction": int, "note": str})
    return await decide(service_of(request).engine, caller, number, "propose", said)


@ROUTER.post("/{number}/{word}")
async def post_answer(request: Request, number: int, word: str) -> Any:
    """Approve or reject a proposal; by somebody else than who proposed it."""
    caller = await as_caller(request)
    require(caller, SCOPE_OF["approve"])
    if word not in ("approve", "reject"):
        raise Problem(404, "no_such_path", "there is no such decision")
    said = await json_object(request, {"proposal": int, "note": str})
    return await decide(service_of(request).engine, caller, number, word, said)
