"""Whether the books are what was recorded: the last checkpoint, recomputing, and the evidence of a settlement."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from api.auth.people import Person
from api.clock import now
from api.console.answer import page, to
from api.console.check_queries import CheckQueries, Record, checks_of
from api.console.language.text import phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.sessions import CHECKS, HOME, ConsoleRoute, admitted, check_session_form, form_of, refusal
from api.console.wording.jobs import KIND, STATE, verdict_of
from api.console.wording.refusals import because
from api.http.problem import Problem

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Checks = Annotated[CheckQueries, Depends(checks_of)]
KINDS: Final = ("recompute", "verify", "evidence")
SETTLEMENTS: Final = 50
EVIDENCE_SCOPE: Final = "audit:read"
"""Whose pages and routes show the log: the checkpoint and the bundle, as over HTTP."""


@ROUTER.get("/checks")
async def get_checks(request: Request, queries: Shelf, checks: Checks) -> Response:
    """Show the last checkpoint, what can be verified, and what came of the verifications before."""
    person = await admitted(request, queries, CHECKS)
    audits = EVIDENCE_SCOPE in person.scopes
    made = await checks.checkpoint() if audits else None
    jobs = await checks.jobs(KINDS if audits else KINDS[:2])
    return page(
        "checks", **frame(request, person, CHECKS), audits=audits, made=made, age=_age(made), jobs=jobs, KIND=KIND,
        STATE=STATE, verdict_of=verdict_of, settlements=await queries.settlements(None, SETTLEMENTS),
        rounds=queries.rounds(),
    )  # fmt: skip


@ROUTER.post("/checks/usage")
async def post_usage(request: Request, queries: Shelf, checks: Checks) -> Response:
    """Have every record added up anew, sealed ones from the archive."""
    person = await admitted(request, queries, CHECKS)
    check_session_form(request, (await form_of(request)).get("token"))
    return await _job(person, checks.verify_usage)


@ROUTER.post("/checks/settlement")
async def post_settlement(request: Request, queries: Shelf, checks: Checks) -> Response:
    """Have a settlement recomputed from the records."""
    person = await admitted(request, queries, CHECKS)
    given = await form_of(request)
    check_session_form(request, given.get("token"))
    return await _job(person, lambda: checks.verify(given.get("settlement", "")))


@ROUTER.post("/checks/evidence")
async def post_evidence(request: Request, queries: Shelf, checks: Checks) -> Response:
    """Have the bundle of a settlement made; its job's page then gives the file."""
    person = await admitted(request, queries, CHECKS)
    given = await form_of(request)
    check_session_form(request, given.get("token"))
    if EVIDENCE_SCOPE not in person.scopes:
        raise refusal(403, phrase("没有权限"), phrase("证据包含有全省的用量记录和审计日志，由审计人员下载。"), person)
    return await _job(person, lambda: checks.evidence(given.get("settlement", "")))


async def _job(person: Person, ask: Callable[[], Awaitable[int]]) -> Response:
    try:
        return to(f"{HOME}/jobs/{await ask()}")
    except Problem as problem:
        raise refusal(problem.status, phrase("没有办成"), because(problem.code), person) from None


def _age(made: Record | None) -> str:
    """Return how old the checkpoint is, in the largest unit that is not zero."""
    if made is None:
        return ""
    minutes = max(0, int((now() - datetime.fromisoformat(made["at"])).total_seconds())) // 60
    if minutes >= 24 * 60:
        return phrase("{days} 天前", days=minutes // (24 * 60))
    if minutes >= 60:
        return phrase("{hours} 小时前", hours=minutes // 60)
    return phrase("{minutes} 分钟前", minutes=minutes)
