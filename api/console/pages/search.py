"""One field that finds a settlement, an entity, a payment or a record."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from api.console.answer import page
from api.console.language.text import phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.search_queries import SearchQueries, search_of
from api.console.sessions import MONEY, PAYOUTS, QUARANTINE, ConsoleRoute, logged_in, refusal, sections

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Search = Annotated[SearchQueries, Depends(search_of)]
LONGEST: Final = 64
SHORTEST: Final = 2


@ROUTER.get("/search")
async def get_search(request: Request, queries: Shelf, search: Search, q: str = "") -> Response:
    """Show what has this text, as far as this person may see it."""
    person = await logged_in(request, queries)
    text, seen = q.strip(), sections(person)
    if len(text) > LONGEST or "\0" in text:
        raise refusal(400, phrase("查找内容有误"), phrase("请输入不超过 {LONGEST} 个字符。", LONGEST=LONGEST), person)
    province = person.city is None
    found = {}
    if len(text) >= SHORTEST:
        found = await search.find(
            text, money=MONEY in seen, payouts=PAYOUTS in seen and province,
            records=province and bool({MONEY, QUARANTINE} & set(seen)),
        )  # fmt: skip
    return page(
        "search", **frame(request, person, "search"), q=text, found=found, shortest=SHORTEST,
        any=any(found.values()),
    )  # fmt: skip
