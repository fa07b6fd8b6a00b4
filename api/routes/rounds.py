"""The rounds over HTTP."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

from api.auth.keys import require
from api.http.operation import operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Page, Text, page_of
from api.http.route import ApiRoute
from api.request_context import as_caller
from api.schemas.round import RoundPage
from settlement.rounds import load_rounds
from settlement.rounds.shown import round_dict

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["settlements"])


@ROUTER.get("/rounds")
@operation(RoundPage, scope="report:read", city=True, codes=("bad_cursor",))
async def get_rounds(request: Request, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Any:
    """List the rounds known, each with its window, rules, parameters and their sources."""
    require(await as_caller(request), "report:read", of_a_city=True)
    page = Page.of(limit, cursor)
    last = page.after(Text, "")
    rounds = [one for name, one in sorted(load_rounds().items()) if name > last]
    return page_of(rounds[: page.limit + 1], page, lambda one: one.id, round_dict)
