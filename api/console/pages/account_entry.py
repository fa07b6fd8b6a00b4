"""Accounts from a file: who is to be paid and has none, and a file with theirs, which an approver then approves."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from api.auth.people import Person
from api.console.answer import page
from api.console.language.text import phrase
from api.console.pages.registry import enters
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.registry_queries import RegistryQueries, registry_of
from api.console.sections import REGISTRY
from api.console.sessions import ConsoleRoute, admitted, check_session_form, refusal
from api.console.upload import upload_of
from api.console.wording.refusals import because
from api.http.problem import Problem
from settlement.payout.account_file import HEADS, ROWS_MAX
from settlement.report.safe import kept, marked

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
_ROW: Final = re.compile(r"row ([0-9]+):")
Facts = Annotated[RegistryQueries, Depends(registry_of)]


@ROUTER.get("/registry/accounts")
async def get_missing(request: Request, queries: Shelf, facts: Facts) -> Response:
    """Show who is to be paid and has no approved account, and the form for a file of accounts."""
    return await _page(request, facts, await admitted(request, queries, REGISTRY))


@ROUTER.get("/registry/accounts/missing.csv")
async def get_form(request: Request, queries: Shelf, facts: Facts) -> Response:
    """A file to fill in: a row for each entity that is to be paid and has no approved account."""
    await admitted(request, queries, REGISTRY)
    rows = [[*HEADS], *([kept(one["uscc"]), marked(one["name"]), "", ""] for one in await facts.missing_accounts())]
    text = "".join(",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in rows)
    headers = {"Content-Disposition": 'attachment; filename="accounts.csv"'}
    return Response(b"\xef\xbb\xbf" + text.encode(), media_type="text/csv; charset=utf-8", headers=headers)


@ROUTER.post("/registry/accounts")
async def post_file(request: Request, queries: Shelf, facts: Facts) -> Response:
    """Propose the accounts of a file, all or none. What is refused comes back with the row and the reason."""
    person = await admitted(request, queries, REGISTRY)
    given, name, raw = await upload_of(request)
    check_session_form(request, given.get("token"))
    if not enters(person):
        raise refusal(403, phrase("没有权限"), phrase("账户由登记人员登记、审批人批准。"), person)
    try:
        fresh, rows = await facts.propose_accounts(person, name, raw)
    except Problem as problem:
        place = _ROW.match(problem.detail)
        where = phrase("（第 {place} 行）", place=place[1]) if place else ""
        return await _page(
            request, facts, person, phrase("{code}{where}。", code=because(problem.code), where=where), problem.status
        )
    said = phrase(
        "文件 {name}：{rows} 个账户，其中 {fresh} 个是新登记的，等待审批人批准。", name=name, rows=rows, fresh=fresh
    )
    return await _page(request, facts, person, said=said)


async def _page(
    request: Request, facts: RegistryQueries, person: Person, error: str = "", status: int = 200, said: str = ""
) -> Response:
    return page(
        "registry_accounts", status, **frame(request, person, REGISTRY), missing=await facts.missing_accounts(),
        error=error, said=said, heads=HEADS, most=ROWS_MAX, enters=enters(person),
    )  # fmt: skip
