"""The quarantine: records that wait for a person, as they came, and what is wrong with each; read only."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from api.console.answer import page
from api.console.pages.settlements import frame
from api.console.queries import LONGEST_RECORD_BYTES, Queries, Record, queries_of
from api.console.sessions import QUARANTINE, ConsoleRoute, admitted, refusal
from api.console.wording.quarantine_codes import is_replayable, meaning_of

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
RECORDS_A_PAGE = 50
STATUS = {"refused": "被拒绝", "conflict": "内容冲突"}


@ROUTER.get("/quarantine")
async def get_quarantine(
    request: Request, queries: Shelf, status: str = "", after: Annotated[int, Query(ge=0, lt=2**63)] = 0
) -> Response:
    """Show what waits, oldest first."""
    person = await admitted(request, queries, QUARANTINE)
    if status and status not in STATUS:
        raise refusal(400, "筛选条件有误", "请从页面上的筛选框选择。", person)
    found = await queries.quarantine(status or None, after, RECORDS_A_PAGE + 1)
    items, more = found[:RECORDS_A_PAGE], len(found) > RECORDS_A_PAGE
    chosen = {"status": status} if status else {}
    return page(
        "quarantine", **frame(request, person, QUARANTINE), status=status, first=not after, STATUSES=STATUS,
        items=[
            {**item, "meaning": meaning_of(item["code"]), "replayable": is_replayable(item["code"]),
             "text": _readable(item)}
            for item in items
        ],
        chosen=urlencode(chosen),
        following=urlencode({**chosen, "after": items[-1]["quarantine"]}) if more else "",
    )  # fmt: skip


def _readable(item: Record) -> str:
    """Return the record exactly as it was received, or its beginning."""
    if item["record_bytes"] <= LONGEST_RECORD_BYTES:
        return str(item["record"])
    return f"{item['record']}\n…（共 {item['record_bytes']} 字节，已截断）"
