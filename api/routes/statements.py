"""The bank's statements over HTTP, return files of a bank, and how statements agree with what was booked."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from api.actions import statements
from api.auth.keys import require
from api.http.body_budget import body_budget_of
from api.http.json_body import body_of
from api.http.operation import Content, operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.schemas.statement import (
    CSV_OR_XLSX,
    BankReconciliation,
    Explained,
    ImportedStatement,
    LineNote,
    StatementPage,
)
from meter.database.connect import driver
from settlement.payout.statement_file import STATEMENT_BYTES
from settlement.payout.statements import report
from settlement.store.statements import list_statements

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["payouts"])
IMPORTING = (
    "STATEMENT_NOT_UNDERSTOOD", "ALREADY_IMPORTED", "NO_SUCH_MAPPING", "out_of_range", "body_too_large",
    "body_too_slow", "unsupported_media_type",
)  # fmt: skip
EXPLAINING = ("NO_SUCH_LINE", "NO_SUCH_CLAIM", "ABOVE_CLAIM")


@ROUTER.get("/bank-statements")
@operation(StatementPage, scope="payout:read", codes=("bad_cursor",))
async def get_bank_statements(request: Request, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Any:
    """List statements of the bank in order of their numbers."""
    require(await as_caller(request), "payout:read")
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_statements(await driver(held), page.after(Number, 0), page.limit + 1)
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.post("/bank-statements", status_code=201)
@operation(ImportedStatement, scope="payout:run", body=Content(CSV_OR_XLSX), codes=IMPORTING)
async def post_bank_statement(
    request: Request,
    name: Annotated[str, Query(description="How people call the file.", examples=["2026-11.xlsx"])],
    mapping: Annotated[str, Query(description="Which column is what: the name of a mapping.")] = "standard",
) -> Any:
    """Import a statement of the bank, CSV or xlsx, as a whole or not at all."""
    caller = await as_caller(request)
    require(caller, "payout:run")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in CSV_OR_XLSX:
        raise Problem(415, "unsupported_media_type", f"a statement is sent as {', '.join(CSV_OR_XLSX)}")
    async with body_budget_of(request).body(request, STATEMENT_BYTES) as body:
        raw = bytes(body)
    return await statements.take_in(service_of(request).engine, caller, name, mapping, raw)


@ROUTER.post("/bank-statements/{number}/lines/{ordinal}/explain")
@operation(Explained, scope="payout:run", body=LineNote, codes=EXPLAINING)
async def post_bank_statement_explain(
    request: Request,
    number: Annotated[int, Path(description="The number of the statement.", examples=[1])],
    ordinal: Annotated[int, Path(description="The number of the line in it.", examples=[1])],
) -> Any:
    """Say what a line is that matches no payment: a fee, interest, a transfer, or a clawback that was repaid."""
    caller = await as_caller(request)
    require(caller, "payout:run")
    said = await body_of(request, LineNote)
    await statements.say(service_of(request).engine, caller, (number, ordinal), said.kind, said.claim, said.note)
    return {"statement": number, "ordinal": ordinal, "kind": said.kind}


@ROUTER.get("/payout-reconciliation")
@operation(BankReconciliation, scope="payout:read")
async def get_payout_reconciliation(
    request: Request,
    settlement: Annotated[str | None, Query(description="Only what is about this settlement, or about none.")] = None,
) -> Any:
    """Hold all statements of the bank against what was booked: what agrees, and each difference, the oldest first."""
    require(await as_caller(request), "payout:read")
    return await report(service_of(request).engine, settlement)
