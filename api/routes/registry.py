"""The registry over HTTP: PUT facts, list them as they were known."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from api.actions.registry_entries import policy_words
from api.auth.keys import Caller, require
from api.clock import now
from api.http import metrics
from api.http.body_budget import SMALL_BYTES, body_budget_of
from api.http.operation import operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Day, Limit, Number, Page, Text, page_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, service_of
from api.routes.receiving import items
from api.schemas.receipt import RegistryReceipt
from api.schemas.registry import (
    ChipRating,
    ChipRatingPage,
    ControlTotal,
    Entity,
    EntityPage,
    Expenditure,
    ExpenditurePage,
    Facility,
    FacilityPage,
    Holding,
    HoldingPage,
    ReconciliationPage,
)
from api.service import Service
from meter.database.connect import driver
from meter.days import DATE_WORDS, read_date, read_instant
from meter.intake.body import Format, decoded, format_of
from meter.intake.codes import BodyError
from meter.registry.body import NotABatch
from meter.registry.outcome import Outcome
from meter.registry.queries import batch_at, list_facts
from meter.registry.reconcile import DAYS_MAX, Reconciled, reconcile
from meter.registry.record import record_items
from meter.uscc import is_uscc

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["registry"])
PUT_CODES = (
    "not_json", "not_utf8", "not_an_array", "too_many_items", "too_many_values", "bad_compression", "trailing_bytes",
    "bad_encoding", "body_too_large", "body_too_slow", "unsupported_media_type", "unsupported_charset",
    "unsupported_encoding", "overloaded",
)  # fmt: skip
PUT_STATUSES = {"too_many_values": 413}
OneEntity = Annotated[str | None, Query(description="Only facts about the entity of this code.")]
AsOf = Annotated[str | None, Query(description="What was known at this instant (RFC 3339 with an offset).")]


async def _put(request: Request, kind: str, scope: str) -> dict[str, Any]:
    service = service_of(request)
    caller = await as_caller(request)
    require(caller, scope)
    if kind == "control_totals" and caller.source is None:
        raise Problem(403, "key_names_no_source", "this key names no source")
    try:
        as_json = format_of(request.headers.get("content-type", "")) is Format.JSON
    except BodyError as error:
        raise Problem(error.status, str(error.code), error.detail) from None
    if not as_json:
        raise Problem(415, "unsupported_media_type", "send application/json")
    async with body_budget_of(request).body(request) as raw:
        outcome = await _record(request, service, caller, kind, raw)
    for status in ("accepted", "duplicate", "conflict", "refused"):
        metrics.REGISTRY_ITEMS.labels(kind, status).inc(getattr(outcome, status))
    if outcome.recorded is not None:
        await service.recorder.know(outcome.recorded.batch)
    recorded = outcome.recorded
    return {
        "batch": recorded.batch if recorded else None,
        **outcome.counts,
        "digest": f"{service.settings.algorithm}:{recorded.digest.hex()}" if recorded else None,
        "results": outcome.results,
        "warnings": outcome.warnings,
    }


async def _record(request: Request, service: Service, caller: Caller, kind: str, raw: bytes) -> Outcome:
    """Record the items of a body; a large one, or one that may become large, waits for one of few places."""
    encoding = request.headers.get("content-encoding")
    large = bool(encoding) or len(raw) > SMALL_BYTES
    try:
        async with service.large_bodies.place() if large else contextlib.nullcontext():
            body = await asyncio.to_thread(decoded, raw, encoding)
            return await record_items(
                service.engine, kind, body, key_name=caller.name, algorithm=service.settings.algorithm, clock=now,
                source=caller.source if kind == "control_totals" else None,
                policy=policy_words(),
            )  # fmt: skip
    except (NotABatch, BodyError) as error:
        raise Problem(error.status, str(error.code), error.detail) from None


@ROUTER.put("/entities")
@operation(RegistryReceipt, scope="registry:write", body=items(Entity), codes=PUT_CODES, statuses=PUT_STATUSES)
async def put_entities(request: Request) -> Any:
    """Record facts about legal entities."""
    return await _put(request, "entities", "registry:write")


@ROUTER.put("/facilities")
@operation(RegistryReceipt, scope="registry:write", body=items(Facility), codes=PUT_CODES, statuses=PUT_STATUSES)
async def put_facilities(request: Request) -> Any:
    """Record facts about facilities and their owners."""
    return await _put(request, "facilities", "registry:write")


@ROUTER.put("/chips")
@operation(RegistryReceipt, scope="registry:write", body=items(ChipRating), codes=PUT_CODES, statuses=PUT_STATUSES)
async def put_chips(request: Request) -> Any:
    """Record ratings of accelerator models."""
    return await _put(request, "chips", "registry:write")


@ROUTER.put("/holdings")
@operation(RegistryReceipt, scope="registry:write", body=items(Holding), codes=PUT_CODES, statuses=PUT_STATUSES)
async def put_holdings(request: Request) -> Any:
    """Record who holds how much of whom."""
    return await _put(request, "holdings", "registry:write")


@ROUTER.put("/expenditures")
@operation(RegistryReceipt, scope="registry:write", body=items(Expenditure), codes=PUT_CODES, statuses=PUT_STATUSES)
async def put_expenditures(request: Request) -> Any:
    """Record evidence of spending."""
    return await _put(request, "expenditures", "registry:write")


@ROUTER.put("/control-totals")
@operation(
    RegistryReceipt,
    scope="usage:write",
    body=items(ControlTotal),
    codes=(*PUT_CODES, "key_names_no_source"),
    statuses=PUT_STATUSES,
)
async def put_control_totals(request: Request) -> Any:
    """Record what the key's source says it sent for a local day."""
    return await _put(request, "control_totals", "usage:write")


@ROUTER.get("/reconciliation")
@operation(ReconciliationPage, scope="usage:read", codes=("bad_cursor", "bad_period"))
async def get_reconciliation(
    request: Request,
    first_day: Annotated[str, Query(alias="from", description="the first Asia/Shanghai day of `started_at`")],
    end_day: Annotated[str, Query(alias="to", description="the day after the last")],
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List what was declared, recorded, and the gap (declared less recorded), per local day and source."""
    service = service_of(request)
    require(await as_caller(request), "usage:read")
    page = Page.of(limit, cursor)
    first, end = read_date(first_day), read_date(end_day)
    if first is None or end is None:
        raise Problem(400, "bad_request", f"`{'from' if first is None else 'to'}` must be {DATE_WORDS}")
    if not 0 <= (end - first).days <= DAYS_MAX:
        raise Problem(400, "bad_period", f"`to` must lie at or after `from`, and at most {DAYS_MAX} days")
    first, source = max((first, ""), page.after(tuple[Day, Text], (first, "")))
    async with service.engine.connect() as held:
        rows = await reconcile(await driver(held), first, end, source, page.limit + 1)
    return page_of(rows, page, lambda row: (row.day.isoformat(), row.source), _reconciled)


def _reconciled(row: Reconciled) -> dict[str, Any]:
    return {
        "source": row.source,
        "day": row.day.isoformat(),
        "declared": asdict(row.declared) if row.declared else None,
        "recorded": asdict(row.recorded),
        "gap": asdict(row.gap) if row.gap else None,
    }


async def _list(
    request: Request, kind: str, limit: int, cursor: str | None, as_of: str | None, *, uscc: str | None = None
) -> Any:
    service = service_of(request)
    require(await as_caller(request), "registry:read")
    page = Page.of(limit, cursor)
    async with service.engine.connect() as held:
        connection = await driver(held)
        known = 2**62
        if as_of:
            moment = read_instant(as_of.replace(" ", "+"))  # a plus sign that a query string turned into a space
            if moment is None:
                raise Problem(400, "bad_time", "as_of must be an RFC 3339 instant with an offset, in a year from 1900")
            known = await batch_at(connection, moment)
        rows = await list_facts(
            connection, kind, known, page.after(tuple[Number, Number], (0, 0)), page.limit + 1, uscc=uscc
        )
    return page_of(rows, page, lambda row: row[:2], lambda row: {**json.loads(row[2]), "batch": row[0]})


@ROUTER.get("/entities")
@operation(EntityPage, scope="registry:read", codes=("bad_cursor", "bad_time"))
async def get_entities(
    request: Request, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None, as_of: AsOf = None, uscc: OneEntity = None
) -> Any:
    """List facts about entities in the order recorded; bank accounts are not shown here."""
    if uscc is not None and not is_uscc(uscc):
        raise Problem(400, "bad_request", "uscc is no unified social credit code of 18 characters")
    return await _list(request, "entities", limit, cursor, as_of, uscc=uscc)


@ROUTER.get("/facilities")
@operation(FacilityPage, scope="registry:read", codes=("bad_cursor", "bad_time"))
async def get_facilities(
    request: Request, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None, as_of: AsOf = None
) -> Any:
    """List facts about facilities in the order recorded."""
    return await _list(request, "facilities", limit, cursor, as_of)


@ROUTER.get("/chips")
@operation(ChipRatingPage, scope="registry:read", codes=("bad_cursor", "bad_time"))
async def get_chips(request: Request, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None, as_of: AsOf = None) -> Any:
    """List chip ratings in the order recorded."""
    return await _list(request, "chips", limit, cursor, as_of)


@ROUTER.get("/holdings")
@operation(HoldingPage, scope="registry:read", codes=("bad_cursor", "bad_time"))
async def get_holdings(
    request: Request, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None, as_of: AsOf = None
) -> Any:
    """List holdings in the order recorded."""
    return await _list(request, "holdings", limit, cursor, as_of)


@ROUTER.get("/expenditures")
@operation(ExpenditurePage, scope="registry:read", codes=("bad_cursor", "bad_time"))
async def get_expenditures(
    request: Request, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None, as_of: AsOf = None
) -> Any:
    """List evidence of spending in the order recorded."""
    return await _list(request, "expenditures", limit, cursor, as_of)
