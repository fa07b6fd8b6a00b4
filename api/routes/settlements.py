"""Settlements over HTTP: running, reading, explaining."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from api.actions.job_answers import JSON, accepted, output_of, over
from api.actions.runs import adjust, refused, run
from api.auth.keys import require
from api.http.errors import SETTLING
from api.http.json_body import body_of
from api.http.operation import operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Instant, Limit, Page, Text, page_of
from api.http.prefer import wait_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.queue.job import Job as JobRow
from api.queue.job import Output
from api.request_context import as_caller, service_of
from api.schemas.job import Job
from api.schemas.settlement import LineInFull, LinePage, RunSettlement, SettlementInFull, SettlementPage
from meter.database.connect import driver
from meter.regions import region_prefix
from settlement.errors import SettlementRefused
from settlement.jobs.lines import explained_line
from settlement.jobs.settle import Request as RunRequest
from settlement.store import lines as line_store
from settlement.store import settlements as settlement_store
from settlement.vocabulary import OUTCOMES

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["settlements"])
SettlementNumber = Annotated[str, Path(description="The settlement's id.", examples=["anhui-2026-0001"])]
EntityCode = Annotated[str, Path(description="The code of the entity.", examples=["91340100MA0000001K"])]
Interval = Annotated[bool, Query(description="Compute the interval over the readings too.")]


@ROUTER.post("/settlements", status_code=201)
@operation(
    SettlementInFull,
    scope="settlement:run",
    body=RunSettlement,
    codes=SETTLING,
    answered="The settlement",
    later=Job,
)
async def post_settlement(request: Request) -> Any:
    """Run a settlement. The same request over the same facts is the same settlement, and the same answer."""
    caller = await as_caller(request)
    require(caller, "settlement:run")
    said = await body_of(request, RunSettlement)
    if said.as_of is not None and not 0 <= said.as_of < 2**63:
        raise Problem(400, "out_of_range", "as_of must be a batch number")
    asked = RunRequest(**said.stated())
    return await _settled(request, await run(service_of(request), caller, asked))


async def _settled(request: Request, job: JobRow) -> Any:
    """The settlement that a job makes; the job, where it is not over in time."""
    ended = await over(request, job)
    if ended is None:
        return accepted(job)
    assert ended.result is not None
    return await settlement_called(request, ended.result["settlement"])


async def settlement_called(request: Request, number: str) -> dict[str, Any]:
    """Return a settlement in full. Raises Problem 404."""
    async with service_of(request).engine.connect() as held:
        found = await settlement_store.get_settlement(await driver(held), number)
    if found is None:
        raise Problem(404, "no_such_settlement", f"there is no settlement {number!r}")
    return found


@ROUTER.get("/settlements")
@operation(SettlementPage, scope="report:read", city=True, codes=("bad_cursor",))
async def get_settlements(
    request: Request,
    round: Annotated[str | None, Query(description="Only those of this round.")] = None,
    status: Annotated[str | None, Query(description="Only those in this state.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List settlements, newest first."""
    require(await as_caller(request), "report:read", of_a_city=True)
    page = Page.of(limit, cursor)
    last: tuple[datetime, str] | None = page.after(tuple[Instant, Text], None)
    async with service_of(request).engine.connect() as held:
        rows = await settlement_store.list_settlements(
            await driver(held), round=round, status=status, limit=page.limit + 1,
            before=(last[0].isoformat(), last[1]) if last else None,
        )  # fmt: skip
    return page_of(rows, page, lambda row: (row["created_at"], row["id"]))


@ROUTER.get("/settlements/{number}")
@operation(SettlementInFull, scope="report:read", city=True, codes=("no_such_settlement", "city_limited"), later=Job)
async def get_settlement(request: Request, number: SettlementNumber, interval: Interval = False) -> Any:
    """Show one settlement; with `interval` also its strictest and most generous outcome over the readings."""
    caller = await as_caller(request)
    require(caller, "report:read", of_a_city=not interval)
    found = await settlement_called(request, number)
    if not interval:
        return found
    job = await service_of(request).jobs.ask("interval", {"settlement": number}, Output(JSON))
    return await output_of(request, job, seconds=wait_of(request)) or accepted(job)


def check_region(region: str | None) -> None:
    """Raise Problem 400 for a filter that names no region; an empty one filters nothing."""
    try:
        region_prefix(region or "34")
    except ValueError as error:
        raise Problem(400, "bad_region", str(error)) from None


@ROUTER.get("/settlements/{number}/lines")
@operation(LinePage, scope="report:read", city=True, codes=("bad_cursor", "bad_region", "no_such_settlement"))
async def get_settlement_lines(
    request: Request,
    number: SettlementNumber,
    region: Annotated[str | None, Query(description="A city, its districts included, or a district.")] = None,
    status: Annotated[
        str | None,
        Query(description="What comes of a line.", json_schema_extra={"enum": list(OUTCOMES)}),
    ] = None,
    q: Annotated[str | None, Query(description="A part of the name or the code.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List lines in order of code."""
    require(await as_caller(request), "report:read", of_a_city=True)
    if status not in (None, *OUTCOMES):
        raise Problem(400, "bad_request", f"status is one of {', '.join(OUTCOMES)}")
    check_region(region)
    await settlement_called(request, number)
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await line_store.list_lines(
            await driver(held),
            number,
            region=region,
            status=status,
            q=q,
            after=page.after(Text, ""),
            limit=page.limit + 1,
        )
    return page_of(rows, page, lambda row: row["uscc"])


@ROUTER.get("/settlements/{number}/lines/{uscc}")
@operation(LineInFull, scope="report:read", city=True, codes=("no_such_line", "LINE_CONTRADICTS_ITSELF"))
async def get_settlement_line(request: Request, number: SettlementNumber, uscc: EntityCode) -> Any:
    """Show one line with its steps and the excluded use by reason."""
    caller = await as_caller(request)
    require(caller, "report:read", of_a_city=True)
    try:
        async with service_of(request).engine.connect() as held:
            found = await explained_line(await driver(held), number, uscc, of_a_city=caller.city is not None)
    except SettlementRefused as error:
        raise refused(error) from None
    if found is None:
        raise Problem(404, "no_such_line", f"settlement {number!r} has no line for {uscc!r}")
    return found


@ROUTER.post("/settlements/{number}/adjustments", status_code=201)
@operation(
    SettlementInFull,
    scope="settlement:run",
    codes=("no_such_settlement", "STATE_NOT_ALLOWED", *SETTLING),
    answered="The adjustment, a settlement of its own",
    later=Job,
)
async def post_adjustments(request: Request, number: SettlementNumber) -> Any:
    """Settle what arrived since a lock, as differences from what was locked."""
    caller = await as_caller(request)
    require(caller, "settlement:run")
    return await _settled(request, await adjust(service_of(request), caller, number))
