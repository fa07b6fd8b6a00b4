"""Looking at settlements twice, over HTTP: findings, computing one again, what-if, and its report."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.actions.job_answers import accepted, output_of, over
from api.actions.runs import asked_about
from api.auth.keys import require
from api.http.errors import SETTLING
from api.http.json_body import body_of
from api.http.operation import Content, operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of
from api.http.prefer import wait_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.queue.job import Output
from api.request_context import as_caller, service_of
from api.routes.settlements import SettlementNumber, check_region, settlement_called
from api.schemas.change import ChangePage
from api.schemas.comparison import Compare, Comparison, Verification
from api.schemas.finding import FindingPage, Sweep
from api.schemas.job import Job
from meter.database.connect import driver
from meter.vocabulary import FINDING_KINDS
from settlement.report import FORMATS, LAYOUTS, MEDIA_TYPES
from settlement.store.changes import changed_accounts, list_changes
from settlement.store.findings import list_findings

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["settlements"])
FILE = {"type": "string", "format": "binary"}
JSON, ZIP = "application/json", "application/zip"
REPORT = Content(
    {one.partition(";")[0]: FILE for one in MEDIA_TYPES.values()}
    | {JSON: {"type": "object", "description": "the settlement in full, its lines and what the layout adds"}},
    {JSON: {"settlement": {"id": "anhui-2026-0001"}, "lines": []}},
)


@ROUTER.post("/settlements/{number}/findings")
@operation(Sweep, scope="settlement:review", codes=("UNKNOWN_SETTLEMENT",), later=Job)
async def post_settlement_findings(request: Request, number: SettlementNumber) -> Any:
    """Sweep the settlement's records for what a reviewer should look at; how many findings of each kind there are now.

    Kinds: above_capacity (cards in use above the registered ones), metered_twice (a record inside another), ring
    (circular use among affiliates), price_stray (a price far from the facility's median). They change no money.
    """
    caller = await as_caller(request)
    require(caller, "settlement:review")
    job = await asked_about(service_of(request), "findings", number)
    ended = await over(request, job)
    return accepted(job) if ended is None else ended.result


@ROUTER.get("/settlements/{number}/findings")
@operation(FindingPage, scope="report:read", codes=("bad_cursor", "no_such_settlement"))
async def get_settlement_findings(
    request: Request,
    number: SettlementNumber,
    kind: Annotated[
        str | None, Query(description="Only of this kind.", json_schema_extra={"enum": list(FINDING_KINDS)})
    ] = None,
    consumer: Annotated[str | None, Query(description="Only about this entity.")] = None,
    facility: Annotated[str | None, Query(description="Only about this facility.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List findings in order of their numbers, each with the records (batch, ordinal) that prove it."""
    require(await as_caller(request), "report:read")
    if kind not in (None, *FINDING_KINDS):
        raise Problem(400, "bad_request", f"kind is one of {', '.join(FINDING_KINDS)}")
    await settlement_called(request, number)
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_findings(
            await driver(held), number, kind=kind, consumers=None if consumer is None else [consumer],
            facility=facility, after=page.after(Number, 0), limit=page.limit + 1,
        )  # fmt: skip
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.get("/settlements/{number}/changes")
@operation(ChangePage, scope="report:read", codes=("bad_cursor", "no_such_settlement"))
async def get_settlement_changes(
    request: Request, number: SettlementNumber, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None
) -> Any:
    """List what was recorded since the run about its lines, with who recorded it, and lines whose account needs a look.

    Facts about its entities, their holdings and spending, facilities and chips; and corrections of its consumers' use.
    The settlement does not follow from any of it: run it again, or settle the difference after the lock.
    """
    require(await as_caller(request), "report:read")
    await settlement_called(request, number)
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        connection = await driver(held)
        rows = await list_changes(connection, number, page.after(tuple[Number, Number], (0, -1)), page.limit + 1)
        accounts = await changed_accounts(connection, number)
    return {**page_of(rows, page, lambda row: (row["batch"], row["ordinal"])), "accounts": accounts}


@ROUTER.get("/settlements/{number}/verify")
@operation(Verification, scope="report:read", codes=("UNKNOWN_SETTLEMENT", *SETTLING), later=Job)
async def get_settlement_verify(request: Request, number: SettlementNumber) -> Any:
    """Recompute the settlement from the records and say equal or where not."""
    caller = await as_caller(request)
    require(caller, "report:read")
    job = await asked_about(service_of(request), "verify", number)
    ended = await over(request, job)
    return accepted(job) if ended is None else ended.result


@ROUTER.get("/settlements/{number}/evidence")
@operation(
    Content({ZIP: FILE}), scope="audit:read", codes=("UNKNOWN_SETTLEMENT",), answered="The bundle as a file", later=Job
)
async def get_settlement_evidence(request: Request, number: SettlementNumber) -> Response:
    """Download what an auditor checks the settlement with: lines, steps, decisions, records, digests, and the script.

    It covers the records of the whole province, so a key bound to a city gets none. That it was made is in the log.
    """
    require(await as_caller(request), "audit:read")
    job = await asked_about(service_of(request), "evidence", number, Output(ZIP, f"{number}-evidence.zip"))
    return await output_of(request, job, seconds=wait_of(request), abandon=True) or accepted(job)


@ROUTER.get("/settlements/{number}/report.{kind}")
@operation(
    REPORT,
    scope="report:read",
    city=True,
    codes=("no_such_settlement", "no_such_report", "bad_region", "LINE_CONTRADICTS_ITSELF"),
    answered="The report as a file",
    later=Job,
)
async def get_settlement_report(
    request: Request,
    number: SettlementNumber,
    kind: Annotated[str, Path(description="The format.", json_schema_extra={"enum": list(FORMATS)})],
    layout: Annotated[
        str | None, Query(description="Left out: all it can hold.", json_schema_extra={"enum": list(LAYOUTS)})
    ] = None,
    region: Annotated[str | None, Query(description="A city, its districts included, or a district.")] = None,
) -> Response:
    """Download the report as xlsx, csv, json or parquet, in one layout or in all that the format can hold."""
    caller = await as_caller(request)
    require(caller, "report:read", of_a_city=True)
    if kind not in FORMATS:
        raise Problem(404, "no_such_report", f"reports are {', '.join(FORMATS)}")
    if layout not in (None, *LAYOUTS):
        raise Problem(400, "bad_request", f"layout is one of {', '.join(LAYOUTS)}")
    check_region(region)
    await settlement_called(request, number)
    asked = {"settlement": number, "kind": kind, "layout": layout, "region": region}
    name = f"{number}-{layout}.{kind}" if layout else f"{number}.{kind}"
    job = await service_of(request).jobs.ask("report", asked, Output(MEDIA_TYPES[kind], name))
    return await output_of(request, job, seconds=wait_of(request), abandon=True) or accepted(job)


@ROUTER.post("/settlements/compare")
@operation(Comparison, scope="report:read", body=Compare, codes=("UNKNOWN_SETTLEMENT", *SETTLING), later=Job)
async def post_settlements_compare(request: Request) -> Any:
    """Compare what-ifs: two settlements, or one round under several orders and readings; nothing is stored."""
    caller = await as_caller(request)
    require(caller, "report:read")
    given = (await body_of(request, Compare)).stated()
    job = await service_of(request).jobs.ask("compare", given, Output(JSON))
    return await output_of(request, job, seconds=wait_of(request)) or accepted(job)
