"""Held money as a work list: by reason, with sums, what would release it, who can, and the lines behind it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from api.console.answer import page
from api.console.line_filter import LineFilter
from api.console.overview_queries import OverviewQueries, overview_of
from api.console.pages.settlements import frame, settlement_of
from api.console.queries import Queries, queries_of
from api.console.sessions import HOME, MONEY, ConsoleRoute, admitted
from api.console.wording.release import CODES, release_of
from api.console.wording.vocabulary import word_of

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Figures = Annotated[OverviewQueries, Depends(overview_of)]


@ROUTER.get("/settlements/{number}/held")
async def get_held(request: Request, queries: Shelf, figures: Figures, number: str) -> Response:
    """Show what a settlement holds and refuses, the reason with most money first."""
    person = await admitted(request, queries, MONEY)
    settlement = await settlement_of(queries, number, person)
    rows = await figures.held(settlement, person.city, list(CODES))
    whole = await queries.line_index(settlement, person.city, LineFilter(region=person.city or "", status="held"))
    return page(
        "held", **frame(request, person, MONEY), settlement=settlement, round=queries.rounds()[settlement["round"]],
        rows=[(word_of(row["code"]), row, release_of(row["code"])) for row in rows], whole=whole,
        here=f"{HOME}/settlements/{number}",
    )  # fmt: skip
