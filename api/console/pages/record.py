"""One usage record as it was received and as it was recorded: what findings point at."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request, Response

from api.console.answer import page
from api.console.language.text import phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.sessions import MONEY, QUARANTINE, ConsoleRoute, logged_in, missing, refusal, sections

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Place = Annotated[int, Path(ge=0, lt=2**63)]
Ordinal = Annotated[int, Path(ge=0, lt=2**31)]


@ROUTER.get("/records/{batch}/{ordinal}")
async def get_record(request: Request, queries: Shelf, batch: Place, ordinal: Ordinal) -> Response:
    """Show the record at a place of the journal, for who sees the province's settlements or its quarantine."""
    person = await logged_in(request, queries)
    seen = sections(person)
    if person.city is not None or not {MONEY, QUARANTINE} & set(seen):
        raise refusal(403, phrase("没有权限"), phrase("您的角色不能查看这一页。"), person)
    found = await queries.record_at(batch, ordinal)
    if found is None:
        raise missing(phrase("记录"), person)
    return page("record", **frame(request, person, MONEY if MONEY in seen else QUARANTINE), item=found, ordinal=ordinal)
