"""Deciding about a settlement: one page a decision, with what it is about, its form, and proof of who decides."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from api.actions.decisions import CHOICES, DECISION_SCOPE, FIELDS, OF_A_CITY
from api.auth.people import PROOF_MINUTES, Person
from api.clock import now
from api.console.answer import page, to
from api.console.language.text import phrase
from api.console.open_decisions import MEANS, TITLE, choices_of, may_adjust, open_objections
from api.console.pages.settlements import frame, settlement_of
from api.console.queries import Queries, Record, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import HOME, MONEY, ConsoleRoute, admitted, check_session_form, form_of, missing, refusal
from api.console.wording.refusals import because
from api.http.problem import Problem
from settlement.review.states import POSSIBLE

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
SHOWN_CHANGES: Final = 50
PROVEN: Final = ("approve", "lock")  # money follows: password and code within five minutes
NOTE_MAX = 500
ALL_CITIES: Final = "*"  # said, not preset: nobody passes every city by an oversight
TYPED: Final = ("city", "objection", "decision", "days", "uscc", "by", "note")  # what a page gives back as it was typed


@ROUTER.get("/settlements/{number}/decide/{event}")
async def get_decision(
    request: Request, queries: Shelf, number: str, event: str, city: str = "", objection: str = ""
) -> Response:
    """Return the page of one decision, when it is open to this person."""
    person = await admitted(request, queries, MONEY)
    settlement = await _asked(queries, number, event, person)
    return await _page(request, queries, person, settlement, event, {"city": city, "objection": objection})


@ROUTER.post("/settlements/{number}/decide/{event}")
async def post_decision(request: Request, queries: Shelf, number: str, event: str) -> Response:
    """Decide. What is refused comes back as the same page with the reason."""
    person = await admitted(request, queries, MONEY)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    settlement = await _asked(queries, number, event, person)
    if event in PROVEN:
        shown = await proven(queries, session, person, given)
        if shown is None:
            person = await queries.whose(session) or person
            return await _page(request, queries, person, settlement, event, given, phrase(FAILED), 403)
        person = shown
    try:
        if given.get("decision") == "pass" and person.city is None and not given.get("city"):
            raise Problem(400, "missing_city", "a review says of which city it is, or that it is of all")
        job = await queries.decide(person, number, event, _said(event, given))
    except Problem as problem:
        return await _page(request, queries, person, settlement, event, given, because(problem.code), problem.status)
    return to(f"{HOME}/settlements/{number}?done={event}" if job is None else f"{HOME}/jobs/{job}")


@ROUTER.post("/settlements/{number}/adjust")
async def post_adjust(request: Request, queries: Shelf, number: str) -> Response:
    """Settle what arrived since the lock, and lead to the new settlement."""
    person = await admitted(request, queries, MONEY)
    check_session_form(request, (await form_of(request)).get("token"))
    settlement = await settlement_of(queries, number, person)
    if not may_adjust(person, settlement):
        raise refusal(403, phrase("不能计算差额"), phrase("差额由财政人员在结算锁定之后计算。"), person)
    try:
        made = await queries.adjust(person, number)
    except Problem as problem:
        raise refusal(problem.status, phrase("没有算成"), because(problem.code), person) from None
    return to(f"{HOME}/jobs/{made}" if isinstance(made, int) else f"{HOME}/settlements/{made}?done=adjust")


async def _asked(queries: Queries, number: str, event: str, person: Person) -> Record:
    """Return the settlement, for a decision that there is and that the person's role takes. Raises PageRefused."""
    settlement = await settlement_of(queries, number, person)
    if event not in TITLE:
        raise missing(phrase("事项"), person)
    if DECISION_SCOPE[event] not in person.scopes or (person.city is not None and event not in OF_A_CITY):
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能办理这一事项。"), person)
    return settlement


def _said(event: str, given: Mapping[str, str]) -> dict[str, Any]:
    """Return the fields of the form that belong to the decision. Raises Problem 400 for what is not a number."""
    said: dict[str, Any] = {}
    for name, kind in FIELDS[event].items():
        text = given.get(name, "").strip()
        if not text or (name == "city" and text == ALL_CITIES):
            continue
        if kind is not int:
            said[name] = text
        elif text.isascii() and text.isdigit() and len(text) < 19:
            said[name] = int(text)
        else:
            raise Problem(400, "out_of_range", f"{name} is no whole number")
    if len(said.get("note", "")) > NOTE_MAX:
        raise Problem(400, "out_of_range", f"a note has at most {NOTE_MAX} characters")
    return said


async def _page(
    request: Request,
    queries: Queries,
    person: Person,
    settlement: Record,
    event: str,
    given: Mapping[str, str],
    error: str = "",
    status: int = 200,
) -> Response:
    free, kept = choices_of(person, settlement)
    number = settlement["id"]
    if event not in free and not error:
        error = because("SAME_PERSON" if kept and settlement["status"] in POSSIBLE[event] else "STATE_NOT_ALLOWED")
        status = 409
    cities = await queries.cities(settlement, person.city) if event == "review" else []
    waiting = await queries.waiting(number) if event == "review" else []
    changes, accounts = await queries.changes(number, SHOWN_CHANGES + 1) if event in PROVEN else ([], {})
    return page(
        "decide", status, **frame(request, person, MONEY), settlement=settlement, event=event, title=TITLE[event],
        means=MEANS[event], error=error, given={name: given.get(name, "") for name in TYPED},
        possible=event in free, choices=CHOICES.get(event, ()),
        round=queries.rounds()[settlement["round"]], cities=[one for one in cities if one["city"]], waiting=waiting,
        objections=open_objections(settlement), here=f"{HOME}/settlements/{number}", note_max=NOTE_MAX,
        prove=event in PROVEN and not person.may_decide(now()), minutes=PROOF_MINUTES,
        changes=changes[:SHOWN_CHANGES], more_changes=len(changes) > SHOWN_CHANGES, accounts=accounts,
        needs_note=event in ("return", "objection", "ruling"),
    )  # fmt: skip
