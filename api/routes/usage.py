"""Usage records over HTTP: receiving them, showing one, a batch, the quarantine and its replay."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Path, Query, Request, Response

from api.actions.usage import prepared, record, replay
from api.auth.keys import Caller, require
from api.http import metrics
from api.http.body_budget import body_budget_of
from api.http.operation import operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.routes.receiving import BODY_CODES, RECORDS, receiving
from api.schemas import receipt as receipts
from api.schemas.usage import QuarantinedRecordPage, ShownRecord
from api.service import Service
from meter.database.connect import driver
from meter.intake.binary_event import is_binary_event, structured_event
from meter.intake.body import Format, decoded
from meter.intake.codes import BodyError
from meter.intake.limits import BODY_BYTES
from meter.journal.queries import batch_receipt, find_record, fitting, quarantined
from meter.journal.write.receipt import Receipt
from settlement.store.settlements import settled_in

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["usage"])
LARGE_BYTES = 4 * 1024 * 1024  # 10,000 ordinary records are less


@ROUTER.post("/usage-records", description=receiving())
@operation(
    receipts.Receipt,
    scope="usage:write",
    body=RECORDS,
    codes=(*BODY_CODES, "key_names_no_source", "body_too_slow", "overloaded"),
)
async def post_usage_records(
    request: Request, verbose: Annotated[bool, Query(description="List what was accepted too.")] = False
) -> Response:
    """Receive a batch of usage records; answered only after everything it reports is durably committed."""
    started = asyncio.get_running_loop().time()
    service = service_of(request)
    caller = await as_caller(request)
    require(caller, "usage:write")
    if caller.source is None:
        raise Problem(403, "key_names_no_source", "this key names no source, so it cannot send usage records")
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > BODY_BYTES:
        raise Problem(413, "body_too_large", f"at most {BODY_BYTES} bytes")
    async with body_budget_of(request).body(request) as raw:
        receipt = await _receive(service, caller, request, raw)
    metrics.BATCH_SECONDS.observe(asyncio.get_running_loop().time() - started)
    return _answer(receipt, verbose)


async def _receive(service: Service, caller: Caller, request: Request, raw: bytes) -> Receipt:
    """Check and record a body; a large one, or one that may become large, waits for one of few places."""
    content_type = request.headers.get("content-type", "")
    encoding = request.headers.get("content-encoding")
    large = len(raw) > LARGE_BYTES or bool(encoding)
    async with service.large_bodies.place() if large else contextlib.nullcontext():
        headers = request.headers.raw
        try:
            if is_binary_event(headers, content_type):
                body = await asyncio.to_thread(decoded, raw, encoding) if encoding else raw
                raw, encoding = structured_event(headers, content_type, body), None
                content_type = Format.EVENT.value
        except BodyError as error:
            raise Problem(error.status, str(error.code), error.detail) from None
        return await record(service, await prepared(service, caller, raw, content_type, encoding))


def _answer(receipt: Receipt, verbose: bool) -> Response:
    results = receipt.results
    if verbose:
        results = sorted(results + receipt.accepted_results, key=lambda result: int(result["index"]))
    answer = {"batch": receipt.batch, **receipt.counts, "digest": receipt.digest, "results": results}
    return Response(msgspec.json.encode(answer), media_type="application/json")


@ROUTER.post("/quarantine/replay")
@operation(receipts.Receipt, scope="usage:write", codes=("key_names_no_source", "overloaded"))
async def post_quarantine_replay(request: Request) -> Response:
    """Try the source's refused records again: what has become acceptable is recorded as a batch of its own.

    Counts are of everything that was tried; `results` lists the first 10,000 that are still not accepted.
    """
    service = service_of(request)
    caller = await as_caller(request)
    require(caller, "usage:write")
    if caller.source is None:
        raise Problem(403, "key_names_no_source", "this key names no source, so there is nothing to replay")
    return _answer(await replay(service, caller), verbose=False)


@ROUTER.get("/quarantine")
@operation(QuarantinedRecordPage, scope="usage:read", codes=("bad_cursor",))
async def get_quarantine(
    request: Request,
    status: Annotated[
        str | None, Query(description="conflict or refused", json_schema_extra={"enum": ["conflict", "refused"]})
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List records kept for a person: refused ones and second versions, oldest first, those since accepted left out.

    Where records are long, a portion has fewer of them than `limit`.
    """
    service = service_of(request)
    require(await as_caller(request), "usage:read")
    if status not in (None, "conflict", "refused"):
        raise Problem(400, "bad_request", "status is conflict or refused")
    page = Page.of(limit, cursor)
    after = page.after(Number, 0)
    async with service.engine.connect() as held:
        connection = await driver(held)
        page = replace(page, limit=await fitting(connection, status, after, page.limit))
        rows = await quarantined(connection, status, after, page.limit + 1)
    return page_of(rows, page, lambda row: int(row["quarantine"]))


@ROUTER.get("/usage-records/{source}/{record_id}")
@operation(ShownRecord, scope="usage:read", codes=("no_such_record",))
async def get_usage_record(
    request: Request,
    source: Annotated[str, Path(description="The source that sent it.", examples=["dispatch"])],
    record_id: Annotated[str, Path(description="Its id within the source.", examples=["e1"])],
) -> Any:
    """Show a record's whole life: as received and as recorded, its batch, its corrections, what else came under its id
    and is kept in quarantine, and the settlements of its consumer that cover it."""
    service = service_of(request)
    require(await as_caller(request), "usage:read")
    found = None
    if "\0" not in source:  # a character that the database has no text for
        async with service.engine.connect() as held:
            connection = await driver(held)
            found = await find_record(connection, service.recorder.keys, source, record_id)
            if found is not None:
                found["settled_in"] = await _settled_in(connection, found)
    if found is None:
        raise Problem(404, "no_such_record", f"source {source[:64]!r} never sent an accepted record with this id")
    return found


async def _settled_in(connection: Any, found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return where a shown record was settled; a void settles nothing."""
    recorded = found.get("recorded")
    if recorded is None:
        return []
    times = (datetime.fromisoformat(recorded[name]) for name in ("started_at", "ended_at"))
    return await settled_in(connection, recorded["consumer"], found["batch"], *times)


@ROUTER.get("/batches/{batch}")
@operation(receipts.BatchReceipt, scope="usage:read", codes=("no_such_batch",))
async def get_batch(
    request: Request, batch: Annotated[int, Path(description="The number of the batch.", examples=[4711])]
) -> Any:
    """Show the receipt of a batch."""
    service = service_of(request)
    require(await as_caller(request), "usage:read")
    async with service.engine.connect() as held:
        found = await batch_receipt(await driver(held), batch) if 0 < batch < 2**63 else None
    if found is None:
        raise Problem(404, "no_such_batch", f"there is no batch {batch}")
    return found
