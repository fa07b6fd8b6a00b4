"""Payout instructions and claims as lists, and one instruction with what happened to it; read only."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.console.answer import page
from api.console.books import Books, books_of
from api.console.guard import CLAIMS, PAYOUTS, ConsoleRoute, admitted, missing, refusal
from api.console.settlements import frame
from api.console.template import CLAIM, PAYOUT

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Books, Depends(books_of)]
A_PAGE = 50
Mark = Annotated[int, Query(ge=0, lt=2**63)]


@ROUTER.get("/payouts")
async def get_payouts(
    request: Request, books: Shelf, status: str = "", settlement: str = "", after: Mark = 0
) -> Response:
    """Instructions, by state and settlement."""
    person = await admitted(request, books, PAYOUTS)
    if (status and status not in PAYOUT) or "\0" in settlement or len(settlement) > 64:
        raise refusal(400, "筛选条件有误", "请从页面上的筛选框选择。", person)
    found = await books.payouts(status or None, settlement or None, after, A_PAGE + 1)
    items, chosen = found[:A_PAGE], _chosen(status, settlement)
    return page(
        "payouts", **frame(request, person, PAYOUTS), items=items, status=status, settlement=settlement,
        first=not after, chosen=urlencode(chosen),
        following=urlencode({**chosen, "after": items[-1]["id"]}) if len(found) > A_PAGE else "",
    )  # fmt: skip


@ROUTER.get("/payouts/{number}")
async def get_payout(request: Request, books: Shelf, number: Annotated[int, Path(gt=0, lt=2**63)]) -> Response:
    """One instruction with its events."""
    person = await admitted(request, books, PAYOUTS)
    found = await books.payouts(None, None, number - 1, 1)
    if not found or found[0]["id"] != number:
        raise missing("支付指令", person)
    events = await books.payout_events(number)
    return page("payout", **frame(request, person, PAYOUTS), item=found[0], events=events)


@ROUTER.get("/claims")
async def get_claims(
    request: Request, books: Shelf, status: str = "", settlement: str = "", after: Mark = 0
) -> Response:
    """Claims: what was paid too much, and how it comes back."""
    person = await admitted(request, books, CLAIMS)
    if (status and status not in CLAIM) or "\0" in settlement or len(settlement) > 64:
        raise refusal(400, "筛选条件有误", "请从页面上的筛选框选择。", person)
    found = await books.claims(status or None, settlement or None, after, A_PAGE + 1)
    items, chosen = found[:A_PAGE], _chosen(status, settlement)
    return page(
        "claims", **frame(request, person, CLAIMS), items=items, status=status, settlement=settlement,
        first=not after, chosen=urlencode(chosen),
        following=urlencode({**chosen, "after": items[-1]["id"]}) if len(found) > A_PAGE else "",
    )  # fmt: skip


def _chosen(status: str, settlement: str) -> dict[str, str]:
    return {name: value for name, value in (("status", status), ("settlement", settlement)) if value}
