"""Held money as a work list: by reason, with sums and what would release it; of one reason whom it is about."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response

from api.auth.people import Person
from api.console.answer import page, to
from api.console.language.text import phrase
from api.console.line_filter import PAGES_MOST, LineFilter, pages_of, shown_pages
from api.console.overview_queries import OverviewQueries, overview_of
from api.console.pages.settlements import frame, settlement_of
from api.console.queries import Queries, Record, queries_of
from api.console.sessions import HELD, HOME, ConsoleRoute, admitted, missing
from api.console.wording.release import CODES, place_of, release_of
from api.console.wording.vocabulary import word_of

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Figures = Annotated[OverviewQueries, Depends(overview_of)]
LOOKED_AT = 50


@ROUTER.get("/held")
async def get_newest(request: Request, queries: Shelf) -> Response:
    """Lead to the list of the newest settlement that stands, or say that there is none."""
    person = await admitted(request, queries, HELD)
    listed = await queries.settlements(None, LOOKED_AT)
    newest = next((one for one in listed if one["status"] != "cancelled"), None)
    if newest is not None:
        return to(f"{HOME}/settlements/{newest['id']}/held")
    return page("held_none", **frame(request, person, HELD))


@ROUTER.get("/settlements/{number}/held")
async def get_held(
    request: Request,
    queries: Shelf,
    figures: Figures,
    number: str,
    reason: str = "",
    at: Annotated[int, Query(alias="page", ge=1, le=PAGES_MOST)] = 1,
) -> Response:
    """Show what a settlement holds and refuses, the reason with most money first; of one reason its entities."""
    person = await admitted(request, queries, HELD)
    settlement = await settlement_of(queries, number, person)
    if reason:
        return await _of_one_reason(request, queries, person, settlement, reason, at)
    rows = await figures.held(settlement, person.city, list(CODES))
    whole = await queries.line_index(settlement, person.city, LineFilter(region=person.city or "", status="held"))
    return page(
        "held", **frame(request, person, HELD), settlement=settlement, round=queries.rounds()[settlement["round"]],
        rows=[(word_of(row["code"]), row, release_of(row["code"])) for row in rows], whole=whole,
        here=f"{HOME}/settlements/{number}", others=await queries.settlements(None, LOOKED_AT),
    )  # fmt: skip


async def _of_one_reason(
    request: Request, queries: Queries, person: Person, settlement: Record, reason: str, at: int
) -> Response:
    """Show the entities that a reason holds, those with most money first, each with where it is seen to."""
    if reason not in CODES:
        raise missing(phrase("原因"), person)
    asked = LineFilter(region=person.city or "", reason=reason, sort="held", page=at)
    found = await queries.line_index(settlement, person.city, asked)
    asked = asked.within(found["lines"])
    last = pages_of(found["lines"])
    lines = await queries.lines_called(settlement["id"], asked.of(found["codes"]))
    number = settlement["id"]
    return page(
        "held_one", **frame(request, person, HELD), settlement=settlement, word=word_of(reason),
        round=queries.rounds()[settlement["round"]], release=release_of(reason), found=found, at=asked.page, last=last,
        pages=shown_pages(asked.page, last), here=f"{HOME}/settlements/{number}", home=HOME,
        rows=[
            (line, [word_of(code) for code in line["reasons"] if code in CODES and code != reason],
             place_of(reason, number, line["uscc"], person.scopes))
            for line in lines
        ],
    )  # fmt: skip
