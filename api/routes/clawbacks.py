"""Clawbacks over HTTP: what was paid too much, and how it comes back, by two people."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from api.actions.clawbacks import CLAWBACK_SCOPE, decide
from api.auth.keys import require
from api.http.operation import operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.routes.deciding import Decision
from api.schemas.clawback import ClawbackAnswer, ClawbackPage, ClawbackProposal, DecidedClawback
from meter.database.connect import driver
from settlement.store.clawbacks import list_clawbacks

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1/claims", tags=["payouts"])
ClawbackNumber = Annotated[int, Path(description="The number of the clawback.", examples=[1])]
PROPOSAL = Decision(
    DecidedClawback, CLAWBACK_SCOPE["propose"], ClawbackProposal,
    ("NO_SUCH_CLAIM", "NO_SUCH_INSTRUCTION", "ABOVE_CLAIM", "WAIVED_WHOLE", "INSTRUCTION_MISSING"),
)  # fmt: skip
ANSWER = Decision(
    DecidedClawback, CLAWBACK_SCOPE["approve"], ClawbackAnswer,
    ("NO_SUCH_CLAIM", "NO_SUCH_PROPOSAL", "NO_SUCH_INSTRUCTION", "SAME_PERSON", "ABOVE_CLAIM", "WAIVED_WHOLE"),
)  # fmt: skip


@ROUTER.get("")
@operation(ClawbackPage, scope="payout:read", codes=("bad_cursor",))
async def get_clawbacks(
    request: Request,
    status: Annotated[str | None, Query(description="Only those in this state.")] = None,
    settlement: Annotated[str | None, Query(description="Only those of this settlement.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List clawbacks in order of their numbers, each with what was proposed and decided."""
    require(await as_caller(request), "payout:read")
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_clawbacks(await driver(held), status, settlement, page.after(Number, 0), page.limit + 1)
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.post("/{number}/propose")
@PROPOSAL.describe
async def post_clawback_propose(request: Request, number: ClawbackNumber) -> Any:
    """Propose to offset a clawback against an instruction that is not out yet, to book it as repaid, or to waive it."""
    return await _decide(request, number, "propose", PROPOSAL)


@ROUTER.post("/{number}/approve")
@ANSWER.describe
async def post_clawback_approve(request: Request, number: ClawbackNumber) -> Any:
    """Approve a proposal, which carries it out; by somebody else than the one who proposed it."""
    return await _decide(request, number, "approve", ANSWER)


@ROUTER.post("/{number}/reject")
@ANSWER.describe
async def post_clawback_reject(request: Request, number: ClawbackNumber) -> Any:
    """Reject a proposal; by somebody else than the one who proposed it."""
    return await _decide(request, number, "reject", ANSWER)


async def _decide(request: Request, number: int, word: str, decision: Decision) -> Any:
    caller, said = await decision.read(request)
    return await decide(service_of(request).engine, caller, number, word, said)
