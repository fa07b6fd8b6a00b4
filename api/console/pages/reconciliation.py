"""Statements of the bank in the console: importing one, what agrees with the books, each difference with its age."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api.auth.people import Person
from api.console.answer import page, to
from api.console.desk import Desk, desk_of
from api.console.language.text import phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.sessions import DESK, HOME, ConsoleRoute, admitted, check_session_form, form_of
from api.console.upload import upload_of
from api.console.wording.refusals import because
from api.http.problem import Problem
from settlement.payout.statement_file import MAPPINGS

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
OnDesk = Annotated[Desk, Depends(desk_of)]
HERE = f"{HOME}/reconciliation"


@ROUTER.get("/reconciliation")
async def get_reconciliation(request: Request, queries: Shelf, desk: OnDesk) -> Response:
    """What agrees, what does not, and each settlement's sums."""
    person = await admitted(request, queries, DESK)
    return await _page(request, desk, person)


@ROUTER.post("/reconciliation")
async def post_statement(request: Request, queries: Shelf, desk: OnDesk) -> Response:
    """Import a statement of the bank."""
    person = await admitted(request, queries, DESK)
    given, name, raw = await upload_of(request)
    check_session_form(request, given.get("token"))
    try:
        await desk.take_statement(person, name, given.get("mapping", ""), raw, given.get("own", "").strip())
    except Problem as problem:
        return await _refused(request, desk, person, problem)
    return to(HERE)


@ROUTER.post("/reconciliation/{statement}/{ordinal}")
async def post_note(
    request: Request,
    queries: Shelf,
    desk: OnDesk,
    statement: Annotated[int, Path(gt=0, lt=2**63)],
    ordinal: Annotated[int, Path(gt=0, lt=2**31)],
) -> Response:
    """Say what a line is that matches no payment."""
    person = await admitted(request, queries, DESK)
    given = await form_of(request)
    check_session_form(request, given.get("token"))
    claim = given.get("claim", "").strip()
    number = int(claim) if claim.isascii() and claim.isdigit() and len(claim) < 19 else None
    try:
        await desk.explain(person, (statement, ordinal), given.get("kind", ""), number, given.get("note", "").strip())
    except Problem as problem:
        return await _refused(request, desk, person, problem)
    return to(HERE)


async def _refused(request: Request, desk: Desk, person: Person, problem: Problem) -> Response:
    said = phrase("{code}（{detail}）", code=because(problem.code), detail=problem.detail)
    return await _page(request, desk, person, said, problem.status)


async def _page(request: Request, desk: Desk, person: Person, error: str = "", status: int = 200) -> Response:
    return page(
        "reconciliation", status, **frame(request, person, DESK), report=await desk.reconciliation(),
        statements=await desk.statements(), error=error, pays="payout:run" in person.scopes,
        mappings=sorted(path.stem for path in MAPPINGS.glob("*.toml")),
    )  # fmt: skip
