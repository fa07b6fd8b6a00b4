"""All pages of the console under one router."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request

from api.console.language.text import phrase
from api.console.pages import (
    account_entry,
    accounts,
    audit_log,
    checks,
    clawback,
    company,
    company_line,
    decision,
    held,
    help,
    job,
    keys,
    language,
    line,
    login,
    overview,
    password,
    payout_rules,
    payout_runs,
    payouts,
    people,
    quarantine,
    receipts,
    reconciliation,
    record,
    registry,
    registry_entry,
    reports,
    rounds,
    run,
    search,
    second_factor,
    settlements,
    statement,
    static,
    what_if,
)
from api.console.queries import Queries, queries_of
from api.console.sessions import SESSION_COOKIE, ConsoleRoute, cookie_of, missing

ROUTER = APIRouter(route_class=ConsoleRoute, include_in_schema=False)
_PARTS = (
    login, overview, password, run, what_if, settlements, reports, held, decision, job, line, payout_rules, receipts,
    payout_runs, reconciliation, payouts, clawback, accounts, audit_log, rounds, account_entry, registry,
    registry_entry, quarantine, record, statement, search, help, static, company, company_line, people, keys,
    second_factor, checks, language,
)  # fmt: skip
for _part in _PARTS:
    ROUTER.include_router(_part.ROUTER, prefix="/console")


@ROUTER.get("/console/{rest:path}")
async def get_anything_else(request: Request, queries: Annotated[Queries, Depends(queries_of)], rest: str) -> None:
    """Answer what is no page with a page that says so."""
    assert request.url.path.endswith(rest)
    request.state.person = await queries.whose(cookie_of(request, SESSION_COOKIE))
    raise missing(phrase("页面"))
