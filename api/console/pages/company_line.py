"""A company's line of one settlement: what is expected before the public notice, how it came about from then on."""

from __future__ import annotations

from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from api.auth.people import Person
from api.console.answer import page, to
from api.console.company_queries import CompanyQueries, company_of
from api.console.language.reader import CHINESE
from api.console.language.text import later, phrase
from api.console.pages.company import why
from api.console.pages.decision import NOTE_MAX
from api.console.pages.line import pictures_of
from api.console.pages.settlements import frame
from api.console.pages.statement import statement_file, statement_page, told_statement
from api.console.queries import Queries, Record, queries_of
from api.console.sessions import COMPANY, HOME, ConsoleRoute, admitted, check_session_form, form_of, missing
from api.console.statement_file import Statement
from api.console.wording.release import releases_of
from api.console.wording.steps import shown_steps
from api.console.wording.vocabulary import word_of
from api.http.problem import Problem
from settlement.rounds import Round

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Own = Annotated[CompanyQueries, Depends(company_of)]
OBJECTED: Final = later("异议已提出，由审批人处理；处理结论会显示在这里。")


@ROUTER.get("/company/settlements/{number}")
async def get_line(request: Request, queries: Shelf, own: Own, number: str, done: str = "") -> Response:
    """Show the entity's line."""
    person = await admitted(request, queries, COMPANY)
    found = await _found(own, person, number)
    return _page(request, queries, person, found, done=phrase(OBJECTED) if done == "objection" else "")


@ROUTER.post("/company/settlements/{number}/objection")
async def post_objection(request: Request, queries: Shelf, own: Own, number: str) -> Response:
    """Object to the entity's line while it is in public notice."""
    person = await admitted(request, queries, COMPANY)
    given = await form_of(request)
    check_session_form(request, given.get("token"))
    found = await _found(own, person, number)
    note = given.get("note", "").strip()
    try:
        if len(note) > NOTE_MAX:
            raise Problem(400, "out_of_range", f"a note has at most {NOTE_MAX} characters")
        await own.object_to(person, number, note)
    except Problem as problem:
        return _page(request, queries, person, found, error=why(problem), status=problem.status, note=note)
    return to(f"{HOME}/company/settlements/{number}?done=objection")


@ROUTER.get("/company/settlements/{number}/statement")
async def get_statement(request: Request, queries: Shelf, own: Own, number: str) -> Response:
    """Show the calculation statement, from the public notice on."""
    person = await admitted(request, queries, COMPANY)
    said = await _statement(queries, own, person, number)
    return statement_page(request, person, said, COMPANY, f"{HOME}/company/settlements/{number}")


@ROUTER.get("/company/settlements/{number}/statement.pdf")
async def get_statement_file(request: Request, queries: Shelf, own: Own, number: str) -> Response:
    """Give the calculation statement as a file."""
    person = await admitted(request, queries, COMPANY)
    return await statement_file(await _statement(queries, own, person, number, CHINESE))


async def _statement(
    queries: Queries, own: CompanyQueries, person: Person, number: str, language: str | None = None
) -> Statement:
    found = await _found(own, person, number)
    if not found["open"]:
        raise missing(phrase("计算说明"), person)
    of_round = queries.rounds()[found["round"]]
    return told_statement(found, of_round, found["line"], with_digest=False, language=language)


async def _found(own: CompanyQueries, person: Person, number: str) -> Record:
    found = await own.line(person, number)
    if found is None:
        raise missing(phrase("结算"), person)
    return found


def _steps(found: Record, of_round: Round) -> list[Any]:
    documents = {key: document.title for key, document in of_round.documents.items()}
    return shown_steps(found["line"].get("steps") or [], documents)


def _page(
    request: Request, queries: Queries, person: Person, found: Record, *, done: str = "", error: str = "",
    status: int = 200, note: str = "",
) -> Response:  # fmt: skip
    line, of_round = found["line"], queries.rounds()[found["round"]]
    rulings = {one["detail"]["objection"]: one for one in found["events"] if one["event"] == "ruling"}
    notice = next((one for one in reversed(found["events"]) if one["event"] == "publish"), None)
    return page(
        "company_line", status, **frame(request, person, COMPANY), settlement=found, round=of_round, line=line,
        steps=_steps(found, of_round), pictures=pictures_of(line) if "steps" in line else {},
        releases=releases_of(line), reasons=[word_of(one) for one in line["reasons"]],
        flags=[word_of(one) for one in line["flags"]], notice=notice, done=done, error=error, note=note,
        objections=[(one, rulings.get(one["id"])) for one in found["events"] if one["event"] == "objection"],
        here=f"{HOME}/company/settlements/{found['id']}", note_max=NOTE_MAX,
    )  # fmt: skip
