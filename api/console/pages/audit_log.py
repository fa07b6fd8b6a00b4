"""The audit log for auditors: the newest rows first, by actor and object, and all of it as a file."""

from __future__ import annotations

from datetime import date
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.auth.people import Person
from api.console.answer import page
from api.console.language.text import phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.sessions import AUDIT, ConsoleRoute, admitted, refusal
from api.console.wording.audit import said_of
from meter.days import read_date

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
ROWS_A_PAGE = 100
LONGEST = 200
ALONE = ("service", "nobody", "migration")  # who acts without being a person or a key


@ROUTER.get("/audit")
async def get_audit(
    request: Request,
    queries: Shelf,
    actor: str = "",
    object: str = "",
    since: str = "",
    until: str = "",
    before: Annotated[int, Query(ge=0, lt=2**63)] = 0,
) -> Response:
    """Show who did what to what, with what result."""
    person = await admitted(request, queries, AUDIT)
    if "\0" in actor + object or max(len(actor), len(object)) > LONGEST:
        raise refusal(400, phrase("筛选条件有误"), phrase("请缩短筛选条件。"), person)
    days = _day(since, person), _day(until, person)
    named = f"person:{actor}" if actor and ":" not in actor and actor not in ALONE else actor
    found = await queries.audit(before or None, ROWS_A_PAGE + 1, named or None, object or None, *days)
    items = found[:ROWS_A_PAGE]
    said = {"actor": actor, "object": object, "since": since, "until": until}
    chosen = {name: value for name, value in said.items() if value}
    return page(
        "audit", **frame(request, person, AUDIT), **said, first=not before,
        items=[{**item, "said": said_of(item["detail"])} for item in items], chosen=urlencode(chosen),
        following=urlencode({**chosen, "before": items[-1]["seq"]}) if len(found) > ROWS_A_PAGE else "",
    )  # fmt: skip


@ROUTER.get("/audit/export")
async def get_export(request: Request, queries: Shelf) -> Response:
    """Show the whole log as NDJSON."""
    await admitted(request, queries, AUDIT)
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"'}
    return StreamingResponse(queries.audit_export(), media_type="application/x-ndjson", headers=headers)


def _day(text: str, person: Person) -> date | None:
    """Return a day of a form, or none. Raises PageRefused 400."""
    if not text:
        return None
    found = read_date(text)
    if found is None:
        raise refusal(400, phrase("筛选条件有误"), phrase("日期须写作 2026-11-30。"), person)
    return found
