"""Payout instructions over HTTP, for the automatic entitlement job (免申即享)."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from api.actions.payouts import PAYOUT_SCOPE, record
from api.auth.keys import require
from api.clock import now
from api.http.json_body import body_of
from api.http.operation import operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of, page_of_all
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.routes.deciding import Decision
from api.schemas.payout import (
    ClaimedInstructions,
    ClaimInstructions,
    Instruction,
    InstructionPage,
    PayoutDecision,
    PayoutEventPage,
    PayoutMark,
)
from meter.database.connect import driver
from settlement.payout.instructions import CLAIM_MAX, claim, without_account
from settlement.store.instructions import events_of, list_instructions

OWN_REFERENCE = "SB-"
CLAIM_USUALLY = 10
ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1/payouts", tags=["payouts"])
InstructionNumber = Annotated[int, Path(description="The number of the instruction.", examples=[1])]
MARKING = (
    "NO_SUCH_INSTRUCTION", "NO_SUCH_ISSUE", "STATE_NOT_ALLOWED", "LEASE_LOST", "WRONG_AMOUNT", "OTHER_BANK_REFERENCE",
    "EARLIER_ISSUE", "OUTCOME_CHANGED", "NEVER_SENT", "BANK_REFERENCE_MISSING", "BANK_REFERENCE_INVALID",
    "AMOUNT_INVALID", "AMOUNT_MISSING",
)  # fmt: skip
DECIDING = ("NO_SUCH_INSTRUCTION", "STATE_NOT_ALLOWED", "SAME_PERSON", "MONEY_OPEN", "ISSUE_OPEN", "DECISION_MISSING")
MARK = Decision(Instruction, PAYOUT_SCOPE["paid"], PayoutMark, MARKING)
DECISION = Decision(Instruction, PAYOUT_SCOPE["retry"], PayoutDecision, DECIDING)


@ROUTER.get("")
@operation(InstructionPage, scope="payout:read", city=True, codes=("bad_cursor",))
async def get_payouts(
    request: Request,
    status: Annotated[str | None, Query(description="Only those in this state.")] = None,
    settlement: Annotated[str | None, Query(description="Only those of this settlement.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List instructions in order of their numbers."""
    require(await as_caller(request), "payout:read", of_a_city=True)
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_instructions(await driver(held), status, settlement, page.after(Number, 0), page.limit + 1)
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.post("/claim")
@operation(ClaimedInstructions, scope="payout:run", body=ClaimInstructions)
async def post_claim(request: Request) -> Any:
    """Lease instructions to a worker; `refused` are those that wait and have no account (ACCOUNT_MISSING)."""
    caller = await as_caller(request)
    require(caller, "payout:run")
    said = await body_of(request, ClaimInstructions)
    limit, worker = CLAIM_USUALLY if said.limit is None else said.limit, said.worker or ""
    if not 1 <= limit <= CLAIM_MAX or not 1 <= len(worker) <= 64:
        raise Problem(400, "bad_request", f"limit lies between 1 and {CLAIM_MAX}; worker has 1 to 64 characters")
    engine = service_of(request).engine
    items = await claim(engine, worker, limit, caller.actor, now())
    missing = [{**one, "code": "ACCOUNT_MISSING"} for one in await without_account(engine, limit)]
    return {"items": items, "next": None, "refused": missing}


@ROUTER.get("/{number}")
@operation(Instruction, scope="payout:read", city=True, codes=("NO_SUCH_INSTRUCTION",))
async def get_payout(request: Request, number: InstructionNumber) -> Any:
    """Show one instruction."""
    require(await as_caller(request), "payout:read", of_a_city=True)
    found = []
    if 0 < number < 2**63:
        async with service_of(request).engine.connect() as held:
            found = await list_instructions(await driver(held), None, None, number - 1, 1)
    if not found or found[0]["id"] != number:
        raise Problem(404, "NO_SUCH_INSTRUCTION", f"there is no payout instruction {number}")
    return found[0]


@ROUTER.get("/{number}/events")
@operation(PayoutEventPage, scope="payout:read", city=True, codes=("bad_cursor", "NO_SUCH_INSTRUCTION"))
async def get_payout_events(
    request: Request, number: InstructionNumber, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Any:
    """List what happened to an instruction, oldest first."""
    require(await as_caller(request), "payout:read", of_a_city=True)
    page = Page.of(limit, cursor)
    if not 0 < number < 2**63:
        raise Problem(404, "NO_SUCH_INSTRUCTION", f"there is no payout instruction {number}")
    async with service_of(request).engine.connect() as held:
        return page_of_all(await events_of(await driver(held), number), page)


@ROUTER.post("/{number}/submitted")
@MARK.describe
async def post_payout_submitted(request: Request, number: InstructionNumber) -> Any:
    """Record that an instruction was handed to the bank."""
    return await _mark(request, number, "submitted")


@ROUTER.post("/{number}/unknown")
@MARK.describe
async def post_payout_unknown(request: Request, number: InstructionNumber) -> Any:
    """Record that the bank's answer is not known."""
    return await _mark(request, number, "unknown")


@ROUTER.post("/{number}/paid")
@MARK.describe
async def post_payout_paid(request: Request, number: InstructionNumber) -> Any:
    """Record that the bank paid, with its reference.

    The bank's reference comes as `bank_reference`, or as `reference` for short; ours there names the issue.
    """
    return await _mark(request, number, "paid")


@ROUTER.post("/{number}/failed")
@MARK.describe
async def post_payout_failed(request: Request, number: InstructionNumber) -> Any:
    """Record that the bank did not pay."""
    return await _mark(request, number, "failed")


@ROUTER.post("/{number}/returned")
@MARK.describe
async def post_payout_returned(request: Request, number: InstructionNumber) -> Any:
    """Record that the money came back."""
    return await _mark(request, number, "returned")


@ROUTER.post("/{number}/disputed")
@MARK.describe
async def post_payout_disputed(request: Request, number: InstructionNumber) -> Any:
    """Record that what the bank says contradicts the instruction: a person decides."""
    return await _mark(request, number, "disputed")


@ROUTER.post("/{number}/retry")
@DECISION.describe
async def post_payout_retry(request: Request, number: InstructionNumber) -> Any:
    """Decide to pay again what failed or was returned, by somebody else than the one who recorded the outcome."""
    return await _decide(request, number, "retry")


@ROUTER.post("/{number}/settle")
@DECISION.describe
async def post_payout_settle(request: Request, number: InstructionNumber) -> Any:
    """Decide what became of a disputed instruction: `outcome` is paid, failed or returned."""
    return await _decide(request, number, "settle")


async def _mark(request: Request, number: int, mark: str) -> Any:
    caller, said = await MARK.read(request)
    _shorten(said)
    return await record(service_of(request).engine, caller, number, mark, said)


async def _decide(request: Request, number: int, decision: str) -> Any:
    caller, said = await DECISION.read(request)
    return await record(service_of(request).engine, caller, number, decision, said)


def _shorten(said: dict[str, Any]) -> None:
    """Take `reference` as the bank's, unless it is one of ours: that says which issue of the instruction is meant."""
    reference = said.pop("reference", None)
    if reference is None:
        return
    if reference.startswith(OWN_REFERENCE):
        said["issue"] = reference
        return
    if said.setdefault("bank_reference", reference) != reference:
        raise Problem(400, "bad_request", "reference and bank_reference are the same thing, but differ")
