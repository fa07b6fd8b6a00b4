"""Metered totals over HTTP."""

from __future__ import annotations

import bisect
import json
from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response

from api.actions.job_answers import accepted, over
from api.auth.keys import require
from api.http.operation import operation
from api.http.paging import Cursor, Page, Text, page_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.schemas.job import Job
from api.schemas.usage import Recomputed, UsageTotalPage
from meter.database.connect import driver
from meter.rollup.totals import NotATotal, parse_span, usage_totals

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["usage"])
TOTALS_MOST = 100_000  # groups in one portion
EDGE = "an Asia/Shanghai day, or an instant with an offset"


@ROUTER.get("/usage-totals/verify")
@operation(Recomputed, scope="report:read", codes=("archive_broken",), later=Job)
async def get_usage_totals_verify(request: Request) -> Any:
    """Add up every record anew, sealed ones from the archive, and compare with the rollup: equal, or where not."""
    require(await as_caller(request), "report:read")
    job = await service_of(request).jobs.ask("recompute", {})
    ended = await over(request, job)
    return accepted(job) if ended is None else ended.result


@ROUTER.get("/usage-totals")
@operation(
    UsageTotalPage,
    scope="usage:read",
    codes=("bad_cursor", "bad_time", "empty_period", "unknown_column"),
)
async def get_usage_totals(
    request: Request,
    by: Annotated[str, Query(description="Columns with commas between: consumer, facility, chip, day.")] = "",
    limit: Annotated[
        int,
        Query(description="How many groups at most.", json_schema_extra={"minimum": 1, "maximum": TOTALS_MOST}),
    ] = TOTALS_MOST,
    cursor: Cursor = None,
    start: Annotated[str | None, Query(alias="from", description=f"Where to begin: {EDGE}.")] = None,
    end: Annotated[str | None, Query(alias="to", description=f"Where to end, exclusive: {EDGE}.")] = None,
) -> Response:
    """Show metered totals over counted records, split exactly at the edges; in order of the `by` columns."""
    service = service_of(request)
    require(await as_caller(request), "usage:read")
    page = Page.of(limit, cursor, TOTALS_MOST)
    try:
        span = parse_span(start, end)
        columns = [name.strip() for name in by.split(",") if name.strip()]
        # a mark has as many texts as there are columns
        after: tuple[str, ...] = page.after(tuple.__class_getitem__((Text,) * len(columns)), ())
        async with service.engine.connect() as held:
            items = await usage_totals(await driver(held), span, columns)
    except NotATotal as error:
        raise Problem(400, error.code, str(error)) from None

    def mark(item: Mapping[str, Any]) -> tuple[str, ...]:
        return tuple(item[name] for name in columns)

    first = bisect.bisect_right(items, after, key=mark) if page.cursor is not None else 0
    answer = page_of(items[first : first + page.limit + 1], page, mark)
    return Response(json.dumps(answer, ensure_ascii=False), media_type="application/json")
