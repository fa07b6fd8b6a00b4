"""Bank accounts over HTTP: what the registry was told of, and another hand's approval of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from api.actions.accounts import ACCOUNT_SCOPE, decide
from api.auth.keys import require
from api.http.operation import operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.routes.deciding import Decision
from api.schemas.account import AccountApproval, AccountProposal, AccountProposalPage, AccountRejection
from meter.database.connect import driver
from meter.vocabulary import ACCOUNT_STATUSES
from settlement.store.accounts import list_account_proposals

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1/account-proposals", tags=["payouts"])
ProposalNumber = Annotated[int, Path(description="The number of the proposal.", examples=[1])]
ANSWERING = ("NO_SUCH_PROPOSAL", "ALREADY_DECIDED", "SAME_PERSON", "NOT_AN_APPROVER")
APPROVAL = Decision(AccountProposal, ACCOUNT_SCOPE, AccountApproval, (*ANSWERING, "HOLDER_UNCONFIRMED"))
REJECTION = Decision(AccountProposal, ACCOUNT_SCOPE, AccountRejection, ANSWERING)


@ROUTER.get("")
@operation(AccountProposalPage, scope="payout:read", codes=("bad_cursor",))
async def get_account_proposals(
    request: Request,
    status: Annotated[str | None, Query(description="Only those that are proposed, approved or rejected.")] = None,
    entity: Annotated[str | None, Query(description="Only those of this entity.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List bank accounts as they were proposed, masked, in order of their numbers, each with what was decided."""
    require(await as_caller(request), "payout:read")
    if status not in (None, *ACCOUNT_STATUSES):
        raise Problem(400, "bad_request", f"status is one of {', '.join(ACCOUNT_STATUSES)}")
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_account_proposals(await driver(held), status, entity, page.after(Number, 0), page.limit + 1)
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.post("/{number}/approve")
@APPROVAL.describe
async def post_account_approve(request: Request, number: ProposalNumber) -> Any:
    """Approve a bank account; by somebody else than the one who recorded it.

    Where the holder is called otherwise than the entity, `confirm_holder` says that this is right.
    """
    return await _decide(request, number, "approve", APPROVAL)


@ROUTER.post("/{number}/reject")
@REJECTION.describe
async def post_account_reject(request: Request, number: ProposalNumber) -> Any:
    """Reject a bank account; by somebody else than the one who recorded it."""
    return await _decide(request, number, "reject", REJECTION)


async def _decide(request: Request, number: int, word: str, decision: Decision) -> Any:
    caller, said = await decision.read(request)
    return await decide(service_of(request).engine, caller, number, word, said)
