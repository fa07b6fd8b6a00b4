"""All pages of the console under one router."""

from __future__ import annotations

from fastapi import APIRouter, Request

from api.console.pages import (
    accounts,
    audit_log,
    clawback,
    decision,
    line,
    login,
    password,
    payouts,
    quarantine,
    rounds,
    settlements,
    static,
)
from api.console.sessions import ConsoleRoute, missing

ROUTER = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_PARTS = (
    login, password, settlements, decision, line, payouts, clawback, accounts, audit_log, rounds, quarantine, static,
)  # fmt: skip
for _part in _PARTS:
    ROUTER.include_router(_part.ROUTER, prefix="/console")


@ROUTER.get("/console/{rest:path}")
async def get_anything_else(request: Request, rest: str) -> None:
    """Answer what is no page with a page that says so."""
    assert request.url.path.endswith(rest)
    raise missing("页面")
