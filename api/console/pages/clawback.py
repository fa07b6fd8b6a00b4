"""One clawback: what was proposed and decided, and the forms for those who may propose or decide."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Request, Response

from api.actions.clawbacks import CLAWBACK_SCOPE
from api.auth.people import PROOF_MINUTES, Person
from api.clock import now
from api.console.answer import page, to
from api.console.language.text import phrase
from api.console.pages.decision import NOTE_MAX
from api.console.pages.settlements import frame
from api.console.queries import Queries, Record, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import CLAWBACKS, HOME, ConsoleRoute, admitted, check_session_form, form_of, missing, refusal
from api.console.wording.refusals import because
from api.http.problem import Problem
from settlement.report.money import fen_of
from settlement.review.states import hand_of

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Number = Annotated[int, Path(gt=0, lt=2**63)]


@ROUTER.get("/claims/{number}")
async def get_clawback(request: Request, queries: Shelf, number: Number) -> Response:
    """Show one clawback."""
    person = await admitted(request, queries, CLAWBACKS)
    return await _page(request, queries, person, await _clawback(queries, number, person))


@ROUTER.post("/claims/{number}/{word}")
async def post_clawback(request: Request, queries: Shelf, number: Number, word: str) -> Response:
    """Propose, approve or reject. What is refused comes back as the same page with the reason."""
    person = await admitted(request, queries, CLAWBACKS)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    clawback = await _clawback(queries, number, person)
    if word not in CLAWBACK_SCOPE:
        raise missing(phrase("事项"), person)
    if CLAWBACK_SCOPE[word] not in person.scopes:
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能办理这一事项。"), person)
    if word != "propose":
        shown = await proven(queries, session, person, given)
        if shown is None:
            return await _page(request, queries, await queries.whose(session) or person, clawback, phrase(FAILED), 403)
        person = shown
    try:
        await queries.decide_clawback(person, number, word, _said(word, given))
    except Problem as problem:
        return await _page(request, queries, person, clawback, because(problem.code), problem.status)
    return to(f"{HOME}/claims/{number}")


async def _clawback(queries: Queries, number: int, person: Person) -> Record:
    found = await queries.clawbacks(None, None, number - 1, 1)
    if not found or found[0]["id"] != number:
        raise missing(phrase("追回事项"), person)
    return found[0]


def _said(word: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return what the form says. Raises Problem 400 for what is not an amount or a number."""
    note = given.get("note", "").strip()
    if len(note) > NOTE_MAX:
        raise Problem(400, "out_of_range", "the note is too long")
    said: dict[str, Any] = {"note": note} if note else {}
    if word != "propose":
        return said | {"proposal": _whole(given.get("proposal", ""))}
    amount = fen_of(given.get("amount", ""))
    if amount is None:
        raise Problem(400, "out_of_range", "the amount is none")
    said |= {"kind": given.get("kind", ""), "amount_fen": amount}
    return said | ({"instruction": _whole(given["instruction"])} if given.get("instruction") else {})


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise Problem(400, "out_of_range", "that is not a number")
    return int(text)


async def _page(
    request: Request, queries: Queries, person: Person, clawback: Record, error: str = "", status: int = 200
) -> Response:
    answered = {event["proposal"] for event in clawback["events"]}
    waiting = [event for event in clawback["events"] if event["event"] == "propose" and event["id"] not in answered]
    may_propose = clawback["status"] == "open" and CLAWBACK_SCOPE["propose"] in person.scopes
    decides = CLAWBACK_SCOPE["approve"] in person.scopes
    return page(
        "clawback", status, **frame(request, person, CLAWBACKS), item=clawback, error=error, waiting=waiting,
        open_fen=clawback["amount_fen"] - clawback["recovered_fen"] if clawback["status"] == "open" else 0,
        may_propose=may_propose, instructions=await queries.offsettable(clawback["uscc"]) if may_propose else [],
        answerable=[event["id"] for event in waiting if decides and hand_of(event["actor"]) != hand_of(person.actor)],
        prove=not person.may_decide(now()), minutes=PROOF_MINUTES, note_max=NOTE_MAX,
    )  # fmt: skip
