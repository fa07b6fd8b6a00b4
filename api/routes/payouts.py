"""Payout instructions over HTTP, for the automatic entitlement job (免申即享)."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.actions.payouts import SCOPE_OF, record
from api.auth.keys import require
from api.clock import now
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of, page_of_all
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, json_object, service_of
from api.routes.settlements import actor_of
from meter.database.connect import driver
from settlement.payout.instructions import CLAIM_MAX, DECISIONS, claim
from settlement.store.instructions import events_of, list_instructions

OWN_REFERENCE = "SB-"
ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1/payouts", tags=["payouts"])


@ROUTER.get("")
async def get_payouts(
    request: Request,
    status: str | None = None,
    settlement: str | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """Instructions in order of their numbers."""
    require(await as_caller(request), "payout:read", of_a_city=True)
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_instructions(await driver(held), status, settlement, page.after(Number, 0), page.limit + 1)
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


@ROUTER.get("/{number}/events")
async def get_events(request: Request, number: int, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Any:
    """What happened to an instruction, oldest first."""
    require(await as_caller(request), "payout:read", of_a_city=True)
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        return page_of_all(await events_of(await driver(held), _number(number)), page)


@ROUTER.post("/{number}/{word}")
async def post_word(request: Request, number: int, word: str) -> Any:
    """Record what became of an instruction, with the bank's reference; or (retry, settle) decide about it.

    Marks (scope payout:run): submitted, unknown, paid, failed, returned, disputed; the bank's reference comes as
    `bank_reference`, or as `reference` for short (there ours is no news and left out). Decisions (scope
    settlement:approve, by somebody else than who recorded the outcome): retry what failed or was returned, settle what
    is disputed with `outcome` paid, failed or returned.
    """
    caller = await as_caller(request)
    require(caller, SCOPE_OF.get(word, "payout:run"))
    if word not in SCOPE_OF:
        raise Problem(404, "no_such_path", "there is no such mark")
    fields = {
        "bank_reference": str, "reference": str, "worker": str, "fence": int, "amount_fen": int, "note": str,
    }  # fmt: skip
    said = await json_object(request, {"outcome": str, "note": str} if word in DECISIONS else fields)
    _shorten(said)
    return await record(service_of(request).engine, caller, number, word, said)


def _number(number: int) -> int:
    if not 0 < number < 2**63:
        raise Problem(404, "NO_SUCH_INSTRUCTION", f"there is no payout instruction {number}")
    return number


def _shorten(said: dict[str, Any]) -> None:
    """Take `reference` for the bank's, unless it is the instruction's own."""
    reference = said.pop("reference", None)
    if reference is None or reference.startswith(OWN_REFERENCE):
        return
    if said.setdefault("bank_reference", reference) != reference:
        raise Problem(400, "bad_request", "reference and bank_reference are the same thing, but differ")
