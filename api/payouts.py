"""Payout instructions over HTTP, for the automatic entitlement job (免申即享)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.access import require
from api.asking import as_caller, json_object, service_of
from api.paging import Page, page_of
from api.problem import Problem
from api.service import now
from api.settlements import actor_of
from meter.rollup.store import driver
from settlement.payout.instructions import ALLOWED, CLAIM_MAX, NotPossible, claim, list_instructions, mark

ROUTER = APIRouter(prefix="/v1/payouts", tags=["payouts"])


@ROUTER.get("")
async def get_payouts(
    request: Request,
    status: str | None = None,
    settlement: str | None = None,
    limit: int = 100,
    cursor: str | None = None,
) -> Any:
    """Instructions in order of their numbers."""
    require(await as_caller(request), "payout:read")
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_instructions(await driver(held), status, settlement, page.after(0), page.limit + 1)
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.post("/claim")
async def post_claim(request: Request) -> Any:
    """Lease instructions to a worker."""
    caller = await as_caller(request)
    require(caller, "payout:run")
    given = await json_object(request, {"limit": int, "worker": str})
    limit, worker = given.get("limit", 10), given.get("worker", "")
    if not 1 <= limit <= CLAIM_MAX or not 1 <= len(worker) <= 64:
        raise Problem(400, "bad_request", f"limit lies between 1 and {CLAIM_MAX}; worker has 1 to 64 characters")
    items = await claim(service_of(request).engine, worker, limit, actor_of(caller), now())
    return {"items": items, "next": None}


@ROUTER.post("/{number}/{after}")
async def post_mark(request: Request, number: int, after: str) -> Any:
    """Record what became of an instruction: submitted, paid, failed or returned, with the bank's reference."""
    caller = await as_caller(request)
    require(caller, "payout:run")
    if after not in ALLOWED or not 0 < number < 2**63:
        raise Problem(404, "no_such_path", "there is no such mark")
    said = await json_object(
        request, {"bank_reference": str, "worker": str, "fence": int, "amount_fen": int, "note": str}
    )
    try:
        return await mark(service_of(request).engine, number, after, said=said, actor=actor_of(caller), moment=now())
    except NotPossible as error:
        raise Problem(404 if error.code == "NO_SUCH_INSTRUCTION" else 409, error.code, error.detail) from None
