"""Entering a fact by hand and deciding about what somebody else has entered."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.actions.registry_entries import ENTRY_SCOPE
from api.actions.registry_entries import WORDS as DECISIONS
from api.auth.people import PROOF_MINUTES, Person
from api.clock import now
from api.console.answer import page, to
from api.console.language.text import phrase, words
from api.console.pages.decision import NOTE_MAX
from api.console.pages.registry import LONGEST, WORDS, enters
from api.console.pages.settlements import frame
from api.console.queries import Queries, Record, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.registry_form import FORMS, Misfilled, fields_of, filled
from api.console.registry_queries import RegistryQueries, registry_of
from api.console.sections import HOME, REGISTRY
from api.console.sessions import ConsoleRoute, admitted, check_session_form, form_of, missing, refusal
from api.console.wording.refusals import because
from api.console.wording.registry import ENTRY_STATUS, facts_alike, subject_of, what_changes
from api.http.problem import Problem
from settlement.review.states import hand_of

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Facts = Annotated[RegistryQueries, Depends(registry_of)]
Number = Annotated[int, Path(gt=0, lt=2**63)]
A_PAGE: Final = 50
FIELDS_MOST: Final = 16
CODE_LONGEST: Final = 18
WHY: Final = words(
    {
        "SAME_PERSON": "这是您本人填报的：须由另一位登记人员确认。",
        "ALREADY_DECIDED": "这一填报已有处理结论。",
        "holdings_above_one": "照此登记，被持有方有一天被持有的股份将超过 100%：请核对比例与日期。",
        "NOTHING_NEW": "登记中已有完全相同的内容，或者同一编号的凭证已经登记：没有需要填报的。",
        "NO_SUCH_ENTRY": "没有这样的填报。",
    }
)


@ROUTER.get("/registry/enter/{form}")
async def get_form(
    request: Request, queries: Shelf, facts: Facts, form: str, uscc: str = "", attest: str = "", code: str = ""
) -> Response:
    """Show the form of one kind of fact, filled with what is on record about an entity or a facility."""
    person = await _enters(request, queries)
    if form not in FORMS or len(uscc) > CODE_LONGEST or len(code) > LONGEST or "\0" in uscc + code:
        raise missing(phrase("页面"), person)
    if form == "facility":
        known = await facts.facility(code) if code else []
    else:
        known = (await facts.entity(uscc))["facts"] if uscc else []
    given = fields_of(form, known[-1]["item"] if known else {"uscc": uscc, "id": code}, attest=bool(attest))
    return _form(request, person, form, given, known=bool(known))


@ROUTER.post("/registry/enter/{form}")
async def post_form(request: Request, queries: Shelf, facts: Facts, form: str) -> Response:
    """Propose what was filled in. What is refused comes back as the same form with the reason."""
    person = await _enters(request, queries)
    given = await form_of(request, FIELDS_MOST)
    check_session_form(request, given.get("token"))
    if form not in FORMS:
        raise missing(phrase("页面"), person)
    try:
        number = await facts.propose(person, FORMS[form].kind, filled(form, given), given.get("reason", ""))
    except Misfilled as wrong:
        return _form(request, person, form, given, str(wrong), 400)
    except Problem as problem:
        return _form(request, person, form, given, _why(problem), problem.status)
    return to(f"{HOME}/registry/entries/{number}")


@ROUTER.get("/registry/entries")
async def get_entries(
    request: Request, queries: Shelf, facts: Facts, status: str = "", before: Annotated[int, Query(ge=0, lt=2**63)] = 0
) -> Response:
    """Show what was entered by hand, the newest first."""
    person = await admitted(request, queries, REGISTRY)
    if status and status not in ENTRY_STATUS:
        raise refusal(400, phrase("筛选条件有误"), phrase("请从页面上的筛选框选择。"), person)
    found = await facts.entries(status or None, None, before, A_PAGE + 1)
    return page(
        "registry_entries", **frame(request, person, REGISTRY), **WORDS, items=found[:A_PAGE], status=status,
        first=not before, following=f"before={found[A_PAGE - 1]['id']}" if len(found) > A_PAGE else "",
        chosen=f"status={status}" if status else "",
    )  # fmt: skip


@ROUTER.get("/registry/entries/{number}")
async def get_entry(request: Request, queries: Shelf, facts: Facts, number: Number) -> Response:
    """Show one entry, with what it would change."""
    person = await admitted(request, queries, REGISTRY)
    return await _page(request, facts, person, await _entry(facts, number, person))


@ROUTER.post("/registry/entries/{number}/{word}")
async def post_entry(request: Request, queries: Shelf, facts: Facts, number: Number, word: str) -> Response:
    """Confirm or reject. What is refused comes back as the same page with the reason."""
    person = await _enters(request, queries)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    entry = await _entry(facts, number, person)
    if word not in DECISIONS:
        raise missing(phrase("事项"), person)
    shown = await proven(queries, session, person, given)
    if shown is None:
        return await _page(request, facts, await queries.whose(session) or person, entry, phrase(FAILED), 403)
    note = given.get("note", "").strip()
    if len(note) > NOTE_MAX:
        return await _page(request, facts, shown, entry, because("out_of_range"), 400)
    try:
        await facts.decide(shown, number, word, note or None)
    except Problem as problem:
        return await _page(request, facts, shown, entry, _why(problem), problem.status)
    return to(f"{HOME}/registry/entries/{number}")


async def _enters(request: Request, queries: Queries) -> Person:
    person = await admitted(request, queries, REGISTRY)
    if not enters(person):
        raise refusal(403, phrase("没有权限"), phrase("登记由登记人员填报、另一位登记人员确认。"), person)
    return person


async def _entry(facts: RegistryQueries, number: int, person: Person) -> Record:
    found = await facts.entries(None, None, number + 1, 1)
    if not found or found[0]["id"] != number:
        raise missing(phrase("填报"), person)
    return found[0]


def _form(
    request: Request, person: Person, form: str, given: Mapping[str, str], error: str = "", status: int = 200,
    *, known: bool = True,
) -> Response:  # fmt: skip
    return page(
        "registry_form", status, **frame(request, person, REGISTRY), **WORDS, form=form, about=FORMS[form],
        given=given, error=error, known=known,
    )  # fmt: skip


async def _page(
    request: Request, facts: RegistryQueries, person: Person, entry: Record, error: str = "", status: int = 200
) -> Response:
    item: dict[str, Any] = entry["item"]
    kind, subject = entry["kind"], subject_of(entry["kind"], entry["item"])
    if kind == "facilities":
        known = facts_alike(kind, item, await facts.facility(subject[1]))
    else:
        about = await facts.entity(subject[1])
        known = facts_alike(kind, item, about["holdings" if kind == "holdings" else "facts"])
    dated = entry["status"] == "proposed" and kind != "expenditures"
    warning = what_changes(known, item) if dated else ""
    before = known[-1]["item"] if known and entry["status"] == "proposed" else {}
    decides = entry["status"] == "proposed" and ENTRY_SCOPE in person.scopes
    own = hand_of(entry["entered_by"]) == hand_of(person.actor)
    return page(
        "registry_entry", status, **frame(request, person, REGISTRY), **WORDS, entry=entry, item=item, before=before,
        subject=subject, warning=warning, error=error, decides=decides, own=own, prove=not person.may_decide(now()),
        minutes=PROOF_MINUTES, note_max=NOTE_MAX,
    )  # fmt: skip


def _why(problem: Problem) -> str:
    return WHY.get(problem.code) or because(problem.code)
