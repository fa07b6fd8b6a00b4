"""The audit log over HTTP: pages, and an export of all of it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from api.auth.keys import require
from api.http.operation import Content, operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.schemas.operation import AuditPage
from meter.audit import store as audit_store
from meter.database.connect import driver

NDJSON = "application/x-ndjson"
ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1/audit", tags=["operations"])


@ROUTER.get("")
@operation(AuditPage, scope="audit:read", codes=("bad_cursor",))
async def get_audit(
    request: Request,
    actor: Annotated[str | None, Query(description="Only what this one did.")] = None,
    object: Annotated[str | None, Query(description="Only what was done to this.")] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List who did what to what, oldest first; `detail` is JSON in the very spelling that `digest` covers."""
    require(await as_caller(request), "audit:read")
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await audit_store.page(
            await driver(held), page.after(Number, 0), page.limit + 1, actor=actor, object_=object
        )
    return page_of(rows, page, lambda row: int(row["seq"]))


@ROUTER.get("/export")
@operation(
    Content(
        {NDJSON: {"type": "string", "description": "one row a line, each as in the list"}}, {NDJSON: '{"seq": 1}\n'}
    ),
    scope="audit:read",
)
async def get_audit_export(request: Request) -> Response:
    """Export the whole log as NDJSON, one row a line."""
    require(await as_caller(request), "audit:read")
    headers = {"Content-Disposition": 'attachment; filename="audit.ndjson"', "Cache-Control": "no-store"}
    return StreamingResponse(audit_store.export(service_of(request).engine), media_type=NDJSON, headers=headers)
