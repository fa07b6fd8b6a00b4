"""Decisions about settlements over HTTP, each with what it carries."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from api.actions.decisions import DECISION_SCOPE, OF_A_CITY, decide
from api.actions.job_answers import accepted, over
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import service_of
from api.routes.deciding import Decision
from api.routes.settlements import SettlementNumber, settlement_called
from api.schemas.base import Body
from api.schemas.decision import Approval, Objection, Publication, Remark, Return, Review, Ruling
from api.schemas.job import Job
from api.schemas.settlement import SettlementInFull

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["settlements"])
ObjectionNumber = Annotated[int, Path(description="The `id` of the event that recorded it.", examples=[6])]
DECIDING = ("NO_SUCH_SETTLEMENT", "STATE_NOT_ALLOWED", "SAME_PERSON", "DIGEST_CHANGED", "city_limited")
LOCKING = (
    "NOTICE_MISSING", "NOTICE_RUNNING", "OBJECTION_OPEN", "ACCOUNT_CHANGED", "ACCOUNT_MISSING", "ROUND_LOCKED",
    "EARLIER_PAYMENT_OPEN", "CLAIM_ABOVE_PAID", "ADJUSTMENT_WRONG", "NOT_PAYABLE", "NOT_REPRODUCED",
)  # fmt: skip


def _decision(event: str, body: type[Body], *codes: str, later: type[Job] | None = None) -> Decision:
    return Decision(SettlementInFull, DECISION_SCOPE[event], body, (*DECIDING, *codes), event in OF_A_CITY, later)


DECISIONS = {
    "submit": _decision("submit", Remark, later=Job),
    "review": _decision("review", Review, "OTHER_CITY", "NO_SUCH_CITY", "DECISION_MISSING", "NOTE_MISSING"),
    "approve": _decision("approve", Approval, "NOT_PAYABLE", "REVIEW_MISSING", "FACT_BY_APPROVER", "ACCOUNT_CHANGED"),
    "return": _decision("return", Return, "NOTE_MISSING"),
    "publish": _decision("publish", Publication, "DAYS_MISSING", "NOTICE_TOO_SHORT"),
    "objection": _decision("objection", Objection, "OTHER_CITY", "NO_SUCH_LINE", "NOTE_MISSING"),
    "ruling": _decision("ruling", Ruling, "NO_SUCH_OBJECTION", "ALREADY_RULED", "DECISION_MISSING", "NOTE_MISSING"),
    "lock": _decision("lock", Remark, *LOCKING, later=Job),
    "cancel": _decision("cancel", Remark),
}


async def _decide(request: Request, number: str, event: str, **more: int) -> Any:
    caller, said = await DECISIONS[event].read(request)
    job = await decide(service_of(request), caller, number, event, said | more)
    if job is not None:
        try:
            if await over(request, job) is None:
                return accepted(job)
        except Problem:
            if job.kind == "lock":
                raise
            # that the sweeps failed takes the submission not back: they can be done again
    return await settlement_called(request, number)


@ROUTER.post("/settlements/{number}/submit")
@DECISIONS["submit"].describe
async def post_settlement_submit(request: Request, number: SettlementNumber) -> Any:
    """Hand a computed settlement to review, or hand in again one that was returned.

    It is submitted at once; a job then looks for findings, and the answer waits for that job.
    """
    return await _decide(request, number, "submit")


@ROUTER.post("/settlements/{number}/review")
@DECISIONS["review"].describe
async def post_settlement_review(request: Request, number: SettlementNumber) -> Any:
    """Pass a city's lines (or, without a city, all) or return the settlement, with a note."""
    return await _decide(request, number, "review")


@ROUTER.post("/settlements/{number}/approve")
@DECISIONS["approve"].describe
async def post_settlement_approve(request: Request, number: SettlementNumber) -> Any:
    """Approve what has passed review in every city; by somebody who neither ran nor reviewed it.

    `digest`, where given, must be the settlement's. The accounts that are in force then are part of what is approved;
    when they change before the lock, approve again. Whoever recorded a fact behind a payable line cannot approve.
    """
    return await _decide(request, number, "approve")


@ROUTER.post("/settlements/{number}/return")
@DECISIONS["return"].describe
async def post_settlement_return(request: Request, number: SettlementNumber) -> Any:
    """Send back what has passed review, or was approved and not yet published, with a note that says why.

    It is then handed in and reviewed again. By somebody who neither ran nor reviewed it.
    """
    return await _decide(request, number, "return")


@ROUTER.post("/settlements/{number}/publish")
@DECISIONS["publish"].describe
async def post_settlement_publish(request: Request, number: SettlementNumber) -> Any:
    """Begin the public notice (公示) of so many whole days, the first one tomorrow; without `days`, the order's."""
    return await _decide(request, number, "publish")


@ROUTER.post("/settlements/{number}/objections")
@DECISIONS["objection"].describe
async def post_settlement_objection(request: Request, number: SettlementNumber) -> Any:
    """Record an objection (异议) raised while the public notice stands."""
    return await _decide(request, number, "objection")


@ROUTER.post("/settlements/{number}/objections/{objection}")
@DECISIONS["ruling"].describe
async def post_settlement_ruling(request: Request, number: SettlementNumber, objection: ObjectionNumber) -> Any:
    """Rule on an objection: dismissed, or upheld (then only cancel remains).

    By somebody else than the one who recorded it. Its number is the `id` of its event.
    """
    return await _decide(request, number, "ruling", objection=objection)


@ROUTER.post("/settlements/{number}/lock")
@DECISIONS["lock"].describe
async def post_settlement_lock(request: Request, number: SettlementNumber) -> Any:
    """Lock an approved settlement: it never changes again, and its payout instructions exist from here on."""
    return await _decide(request, number, "lock")


@ROUTER.post("/settlements/{number}/cancel")
@DECISIONS["cancel"].describe
async def post_settlement_cancel(request: Request, number: SettlementNumber) -> Any:
    """Cancel a settlement that is not locked."""
    return await _decide(request, number, "cancel")
