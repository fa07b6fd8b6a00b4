"""Payout instructions and clawbacks as lists; one instruction with its events, and the forms to decide about it."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.actions.payouts import OUTCOMES, PAYOUT_SCOPE
from api.auth.people import PROOF_MINUTES, Person
from api.clock import now
from api.console.answer import page, to
from api.console.language.text import phrase
from api.console.pages.decision import NOTE_MAX
from api.console.pages.settlements import frame
from api.console.queries import Queries, Record, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import (
    CLAWBACKS,
    HOME,
    PAYOUTS,
    ConsoleRoute,
    admitted,
    check_session_form,
    form_of,
    missing,
    refusal,
)
from api.console.template import CLAWBACK
from api.console.wording.refusals import because
from api.console.wording.roles import PAYOUT
from api.http.problem import Problem
from settlement.payout.instructions import DECISIONS

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
A_PAGE = 50
REFUSALS = 20
Number = Annotated[int, Path(gt=0, lt=2**63)]
Mark = Annotated[int, Query(ge=0, lt=2**63)]


@ROUTER.get("/payouts")
async def get_payouts(
    request: Request, queries: Shelf, status: str = "", settlement: str = "", after: Mark = 0
) -> Response:
    """Show instructions, by state and settlement."""
    person = await admitted(request, queries, PAYOUTS)
    if (status and status not in PAYOUT) or "\0" in settlement or len(settlement) > 64:
        raise refusal(400, phrase("筛选条件有误"), phrase("请从页面上的筛选框选择。"), person)
    found = await queries.payouts(status or None, settlement or None, after, A_PAGE + 1)
    items, chosen = found[:A_PAGE], _chosen(status, settlement)
    return page(
        "payouts", **frame(request, person, PAYOUTS), items=items, status=status, settlement=settlement,
        first=not after, chosen=urlencode(chosen), refusals=await _not_booked(queries, person, None),
        following=urlencode({**chosen, "after": items[-1]["id"]}) if len(found) > A_PAGE else "",
    )  # fmt: skip


@ROUTER.get("/payouts/{number}")
async def get_payout(request: Request, queries: Shelf, number: Number) -> Response:
    """Show one instruction with its events."""
    person = await admitted(request, queries, PAYOUTS)
    return await _page(request, queries, person, await _instruction(queries, number, person))


@ROUTER.post("/payouts/{number}/{word}")
async def post_decision(request: Request, queries: Shelf, number: Number, word: str) -> Response:
    """Pay again what failed or came back, or settle what is in dispute; with proof of who decides."""
    person = await admitted(request, queries, PAYOUTS)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    item = await _instruction(queries, number, person)
    if word not in DECISIONS:
        raise missing(phrase("事项"), person)
    if PAYOUT_SCOPE[word] not in person.scopes or person.city is not None:
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能办理这一事项。"), person)
    shown = await proven(queries, session, person, given)
    if shown is None:
        return await _page(request, queries, await queries.whose(session) or person, item, phrase(FAILED), 403)
    said = {name: text for name in ("outcome", "note") if (text := given.get(name, "").strip())}
    try:
        await queries.decide_payout(shown, number, word, said)
    except Problem as problem:
        return await _page(request, queries, shown, item, because(problem.code), problem.status)
    return to(f"{HOME}/payouts/{number}")


async def _instruction(queries: Queries, number: int, person: Person) -> Record:
    found = await queries.payouts(None, None, number - 1, 1)
    if not found or found[0]["id"] != number:
        raise missing(phrase("支付指令"), person)
    return found[0]


async def _not_booked(queries: Queries, person: Person, number: int | None) -> list[Record]:
    """List what was not booked. It is for the whole province: it may name a reference that belongs to nobody."""
    return await queries.payout_refusals(number, REFUSALS) if person.city is None else []


async def _page(
    request: Request, queries: Queries, person: Person, item: Record, error: str = "", status: int = 200
) -> Response:
    decides = PAYOUT_SCOPE["retry"] in person.scopes and person.city is None
    word = {"failed": "retry", "returned": "retry", "disputed": "settle"}.get(item["status"], "")
    return page(
        "payout", status, **frame(request, person, PAYOUTS), item=item, events=await queries.payout_events(item["id"]),
        refusals=await _not_booked(queries, person, item["id"]), error=error, word=word if decides else "",
        outcomes=OUTCOMES, prove=not person.may_decide(now()), minutes=PROOF_MINUTES, note_max=NOTE_MAX,
    )  # fmt: skip


@ROUTER.get("/claims")
async def get_clawbacks(
    request: Request, queries: Shelf, status: str = "", settlement: str = "", after: Mark = 0
) -> Response:
    """Show clawbacks: what was paid too much, and how it comes back."""
    person = await admitted(request, queries, CLAWBACKS)
    if (status and status not in CLAWBACK) or "\0" in settlement or len(settlement) > 64:
        raise refusal(400, phrase("筛选条件有误"), phrase("请从页面上的筛选框选择。"), person)
    found = await queries.clawbacks(status or None, settlement or None, after, A_PAGE + 1)
    items, chosen = found[:A_PAGE], _chosen(status, settlement)
    return page(
        "clawbacks", **frame(request, person, CLAWBACKS), items=items, status=status, settlement=settlement,
        first=not after, chosen=urlencode(chosen),
        following=urlencode({**chosen, "after": items[-1]["id"]}) if len(found) > A_PAGE else "",
    )  # fmt: skip


def _chosen(status: str, settlement: str) -> dict[str, str]:
    return {name: value for name, value in (("status", status), ("settlement", settlement)) if value}
