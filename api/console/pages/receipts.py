"""Receipts that the payer holds in hand: the form that books what a bank says of one payment."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api.auth.people import PROOF_MINUTES, Person
from api.clock import now
from api.console.answer import page, to
from api.console.desk import Desk, desk_of
from api.console.language.text import phrase
from api.console.pages.decision import NOTE_MAX
from api.console.pages.settlements import frame
from api.console.queries import Queries, Record, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import DESK, HOME, ConsoleRoute, admitted, check_session_form, form_of, missing, refusal
from api.console.wording.refusals import because
from api.http.problem import Problem
from settlement.report.money import fen_of

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
OnDesk = Annotated[Desk, Depends(desk_of)]
Number = Annotated[int, Path(gt=0, lt=2**63)]
RECEIPTS = ("paid", "failed", "returned")
MARKABLE = ("submitted", "unknown", "handed_over", "leased", "paid", "failed", "returned", "disputed")


@ROUTER.get("/payouts/{number}/mark")
async def get_mark(request: Request, queries: Shelf, number: Number) -> Response:
    """The form for a receipt of the bank that somebody holds in hand."""
    person = await admitted(request, queries, DESK)
    return await _mark_page(request, queries, person, await _instruction(queries, number, person))


@ROUTER.post("/payouts/{number}/mark")
async def post_mark(request: Request, queries: Shelf, desk: OnDesk, number: Number) -> Response:
    """Book a receipt, with proof of who does."""
    person = await admitted(request, queries, DESK)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    item = await _instruction(queries, number, person)
    if "payout:run" not in person.scopes or person.city is not None:
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能办理这一事项。"), person)
    word, amount = given.get("outcome", ""), fen_of(given.get("amount", ""))
    if word not in RECEIPTS or (word != "failed" and not amount):
        return await _mark_page(request, queries, person, item, phrase("请选择结果，并填写银行划转的金额。"), 400)
    shown = await proven(queries, session, person, given)
    if shown is None:
        return await _mark_page(request, queries, await queries.whose(session) or person, item, phrase(FAILED), 403)
    named = ("bank_reference", "note", "issue")
    said: Record = {name: text for name in named if (text := given.get(name, "").strip())}
    try:
        await desk.mark(shown, number, word, said if word == "failed" else {**said, "amount_fen": amount})
    except Problem as problem:
        return await _mark_page(request, queries, shown, item, because(problem.code), problem.status)
    return to(f"{HOME}/payouts/{number}")


async def _instruction(queries: Queries, number: int, person: Person) -> Record:
    found = await queries.payouts(None, None, number - 1, 1)
    if not found or found[0]["id"] != number:
        raise missing(phrase("支付指令"), person)
    return found[0]


async def _mark_page(
    request: Request, queries: Queries, person: Person, item: Record, error: str = "", status: int = 200
) -> Response:
    now_sent = [item["reference"]] if item["status"] in MARKABLE else []  # what never went out has no receipt
    earlier = {one["reference"] for one in await queries.payout_events(item["id"])} - {item["reference"]}
    issues = [*now_sent, *sorted(earlier)]
    return page(
        "payout_mark", status, **frame(request, person, DESK), item=item, error=error, receipts=RECEIPTS,
        issues=issues,
        open=bool(issues) and "payout:run" in person.scopes, prove=not person.may_decide(now()),
        minutes=PROOF_MINUTES, note_max=NOTE_MAX,
    )  # fmt: skip
