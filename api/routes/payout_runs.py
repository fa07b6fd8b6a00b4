"""Payout runs (发放批次) and their rule over HTTP."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.actions import payout_runs
from api.auth.keys import Caller, require
from api.http.json_body import body_of
from api.http.operation import Content, operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.schemas.payout_run import (
    PayoutRule,
    PayoutRun,
    RuleConfirmation,
    RulePage,
    RuleProposal,
    RunDecision,
    RunItemPage,
    RunPage,
    RunProposal,
)
from meter.database.connect import driver
from settlement.store.payout_runs import items_of, list_rules, list_runs, run_of
from settlement.vocabulary import RUN_STATUSES

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["payouts"])
RunNumber = Annotated[int, Path(description="The number of the run.", examples=[1])]
RuleNumber = Annotated[int, Path(description="The number of the rule.", examples=[1])]
LISTED = Content(
    {
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": {"type": "string", "format": "binary"},
        "text/csv": {"type": "string", "format": "binary"},
    }
)
PROPOSING = ("NO_SUCH_SETTLEMENT", "NOTHING_READY", "ABOVE_LIMIT")
RELEASING = (
    "NO_SUCH_RUN", "STATE_NOT_ALLOWED", "SAME_PERSON", "NOT_AN_APPROVER", "DIGEST_CHANGED", "RUN_CHANGED",
    "ABOVE_LIMIT",
)  # fmt: skip


@ROUTER.get("/payout-runs")
@operation(RunPage, scope="payout:read", codes=("bad_cursor",))
async def get_payout_runs(
    request: Request,
    status: Annotated[str | None, Query(description="Only those in this state.")] = None,
    settlement: Annotated[str | None, Query(description="Only those of this settlement.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List runs in order of their numbers."""
    require(await as_caller(request), "payout:read")
    if status not in (None, *RUN_STATUSES):
        raise Problem(400, "bad_request", f"status is one of {', '.join(RUN_STATUSES)}")
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_runs(await driver(held), status, settlement, page.after(Number, 0), page.limit + 1)
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.post("/payout-runs", status_code=201)
@operation(PayoutRun, scope="payout:run", body=RunProposal, codes=PROPOSING)
async def post_payout_run(request: Request) -> Any:
    """Propose to pay together what of a settlement is ready and in no run yet, or the instructions that are named."""
    caller = await as_caller(request)
    require(caller, "payout:run")
    said = await body_of(request, RunProposal)
    return await payout_runs.propose(service_of(request).engine, caller, said.settlement, said.instructions, said.note)


@ROUTER.get("/payout-runs/{number}")
@operation(PayoutRun, scope="payout:read", codes=("NO_SUCH_RUN",))
async def get_payout_run(request: Request, number: RunNumber) -> Any:
    """Show one run with what became of it."""
    require(await as_caller(request), "payout:read")
    return await _run(request, number)


@ROUTER.get("/payout-runs/{number}/items")
@operation(RunItemPage, scope="payout:read", codes=("bad_cursor", "NO_SUCH_RUN"))
async def get_payout_run_items(
    request: Request, number: RunNumber, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Any:
    """List what is in a run, accounts masked, each as it was proposed and what it is now."""
    require(await as_caller(request), "payout:read")
    page = Page.of(limit, cursor)
    after = page.after(Number, 0)
    await _run(request, number)
    async with service_of(request).engine.connect() as held:
        rows = await items_of(await driver(held), number, after, page.limit + 1)
    return page_of(rows, page, lambda row: int(row["instruction"]))


@ROUTER.get("/payout-runs/{number}/list.{kind}")
@operation(LISTED, scope="payout:run", codes=("NO_SUCH_RUN", "no_such_report"), answered="The payment list")
async def get_payout_run_list(
    request: Request,
    number: RunNumber,
    kind: Annotated[str, Path(description="xlsx or csv.", examples=["xlsx"])],
) -> Response:
    """Hand out the payment list (支付清单) of a released run, accounts in plain; that it was is in the audit log."""
    caller = await as_caller(request)
    require(caller, "payout:run")
    body, media_type = await payout_runs.payment_list(service_of(request).engine, caller, number, kind)
    headers = {"Content-Disposition": f'attachment; filename="payments-{number}.{kind}"', "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)


@ROUTER.post("/payout-runs/{number}/approve")
@operation(PayoutRun, scope="settlement:approve", body=RunDecision, codes=RELEASING)
async def post_payout_run_approve(request: Request, number: RunNumber) -> Any:
    """Release a run, or release again one that was stopped; by somebody who neither proposed nor stopped it."""
    return await _decide(request, number, "approve")


@ROUTER.post("/payout-runs/{number}/reject")
@operation(
    PayoutRun, scope="settlement:approve", or_scope="payout:run", body=RunDecision,
    codes=("NO_SUCH_RUN", "STATE_NOT_ALLOWED"),
)  # fmt: skip
async def post_payout_run_reject(request: Request, number: RunNumber) -> Any:
    """Reject a run that was not released, or that was stopped: what is ready can go into another.

    Either hand may: whoever proposes can take a run back.
    """
    return await _decide(request, number, "reject")


@ROUTER.post("/payout-runs/{number}/stop")
@operation(
    PayoutRun, scope="payout:run", or_scope="settlement:approve", body=RunDecision,
    codes=("NO_SUCH_RUN", "STATE_NOT_ALLOWED"),
)  # fmt: skip
async def post_payout_run_stop(request: Request, number: RunNumber) -> Any:
    """Stop a released run: nothing more of it goes out, and the bank is still asked about what did.

    Either hand may, at once.
    """
    return await _decide(request, number, "stop")


@ROUTER.get("/payout-rules")
@operation(RulePage, scope="payout:read", codes=("bad_cursor",))
async def get_payout_rules(request: Request, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Any:
    """List rules as they were proposed; where none is in force, our own job needs a release, and nothing is limited."""
    require(await as_caller(request), "payout:read")
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_rules(await driver(held), page.after(Number, 0), page.limit + 1)
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.post("/payout-rules", status_code=201)
@operation(PayoutRule, scope="payout:run", or_scope="settlement:approve", body=RuleProposal)
async def post_payout_rule(request: Request) -> Any:
    """Propose what a run and a payee in it may come to, and whether everybody's leases need a released run."""
    caller = await as_caller(request)
    _require_any(caller, "propose_rule")
    said = (await body_of(request, RuleProposal)).stated()
    return await payout_runs.rule(service_of(request).engine, caller, said)


@ROUTER.post("/payout-rules/{number}/confirm")
@operation(
    PayoutRule, scope="settlement:approve", body=RuleConfirmation,
    codes=("NO_SUCH_RULE", "ALREADY_DECIDED", "SAME_PERSON", "NOT_AN_APPROVER"),
)  # fmt: skip
async def post_payout_rule_confirm(request: Request, number: RuleNumber) -> Any:
    """Put a rule in force that another hand proposed."""
    caller = await as_caller(request)
    require(caller, "settlement:approve")
    said = await body_of(request, RuleConfirmation)
    return await payout_runs.confirm_rule(service_of(request).engine, caller, number, said.note)


async def _run(request: Request, number: int) -> dict[str, Any]:
    found = None
    if 0 < number < 2**63:
        async with service_of(request).engine.connect() as held:
            found = await run_of(await driver(held), number)
    if found is None:
        raise Problem(404, "NO_SUCH_RUN", f"there is no payout run {number}")
    return found


def _require_any(caller: Caller, word: str) -> None:
    """Raise Problem 403 unless the caller's key carries one of the scopes that are enough."""
    scopes = payout_runs.SCOPES_OF[word]
    require(caller, next((one for one in scopes if one in caller.scopes), scopes[0]))


async def _decide(request: Request, number: int, event: str) -> Any:
    caller = await as_caller(request)
    _require_any(caller, event)
    said = await body_of(request, RunDecision)
    return await payout_runs.decide(service_of(request).engine, caller, number, event, said.digest, said.note)
