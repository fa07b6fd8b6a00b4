"""Settlements over HTTP: rounds, running, reading, explaining, deciding, reports."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response

from api.actions.decisions import FIELDS, OF_A_CITY, SCOPE_OF, decide
from api.actions.printed_checkpoint import checkpoint_of
from api.actions.runs import adjust, refused, run
from api.auth.keys import Caller, require
from api.clock import now
from api.http.paging import LIMIT_DEFAULT, Cursor, Instant, Limit, Number, Page, Text, page_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.request_context import as_caller, json_object, service_of
from meter.database.connect import driver
from meter.regions import region_prefix
from meter.vocabulary import FINDING_KINDS
from settlement.errors import SettlementRefused
from settlement.jobs.compare import compared, interval_of
from settlement.jobs.findings import find
from settlement.jobs.lines import excluded_of_all, explained_line
from settlement.jobs.settle import Request as RunRequest
from settlement.jobs.verify import verify
from settlement.report import FORMATS, LAYOUTS, MEDIA_TYPES, render
from settlement.rounds import load_rounds
from settlement.rounds.shown import round_dict
from settlement.store import lines as line_store
from settlement.store import settlements as settlement_store
from settlement.store.findings import list_findings
from settlement.vocabulary import OUTCOMES

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["settlements"])


def actor_of(caller: Caller) -> str:
    """Who decides: the holder of the key, by name; a key and the one that replaces it are one hand."""
    return caller.actor


@ROUTER.get("/rounds")
async def get_rounds(request: Request, limit: Limit = LIMIT_DEFAULT, cursor: Cursor = None) -> Any:
    """The rounds known, each with its window, rules, parameters and their sources."""
    require(await as_caller(request), "report:read", of_a_city=True)
    page = Page.of(limit, cursor)
    last = page.after(Text, "")
    rounds = [one for name, one in sorted(load_rounds().items()) if name > last]
    return page_of(rounds[: page.limit + 1], page, lambda one: one.id, round_dict)


_RUN_FIELDS = {
    "round": str, "order": dict, "readings": dict, "as_of": int, "matches": list, "applications": list,
}  # fmt: skip


@ROUTER.post("/settlements", status_code=201)
async def post_settlement(request: Request) -> Any:
    """Run a settlement. The same request over the same facts is the same settlement, and the same answer."""
    caller = await as_caller(request)
    require(caller, "settlement:run")
    given = await json_object(request, _RUN_FIELDS)
    if "round" not in given:
        raise Problem(400, "missing_field", "round is missing")
    if not 0 <= given.get("as_of", 0) < 2**63:
        raise Problem(400, "out_of_range", "as_of must be a batch number")
    return await _settlement(request, await run(service_of(request), caller, RunRequest(**given)))


async def _settlement(request: Request, number: str) -> dict[str, Any]:
    async with service_of(request).engine.connect() as held:
        found = await settlement_store.get_settlement(await driver(held), number)
    if found is None:
        raise Problem(404, "no_such_settlement", f"there is no settlement {number!r}")
    return found


@ROUTER.get("/settlements")
async def get_settlements(
    request: Request,
    round: str | None = None,
    status: str | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """Settlements, newest first."""
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
async def get_settlement(request: Request, number: str, interval: bool = False) -> Any:
    """One settlement; with `interval` also its strictest and most generous outcome over the readings."""
    service = service_of(request)
    require(await as_caller(request), "report:read", of_a_city=not interval)
    found = await _settlement(request, number)
    if interval:
        try:
            async with service.settling:
                found["interval"] = await interval_of(service.engine, number)
        except SettlementRefused as error:
            raise refused(error) from None
    return found


def _check_region(region: str | None) -> None:
    """Raise Problem 400 for a filter that names no region; an empty one filters nothing."""
    try:
        region_prefix(region or "34")
    except ValueError as error:
        raise Problem(400, "bad_region", str(error)) from None


@ROUTER.get("/settlements/{number}/lines")
async def get_lines(
    request: Request,
    number: str,
    region: str | None = None,
    status: str | None = None,
    q: str | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """Lines in order of code."""
    require(await as_caller(request), "report:read", of_a_city=True)
    if status not in (None, *OUTCOMES):
        raise Problem(400, "bad_request", f"status is one of {', '.join(OUTCOMES)}")
    _check_region(region)
    await _settlement(request, number)
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
async def get_line(request: Request, number: str, uscc: str) -> Any:
    """One line with its steps and the excluded use by reason."""
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


async def _decide(request: Request, number: str, event: str, **more: int) -> Any:
    caller = await as_caller(request)
    require(caller, SCOPE_OF[event], of_a_city=event in OF_A_CITY)
    fields = {name: kind for name, kind in FIELDS[event].items() if name not in more}
    said = await json_object(request, fields)
    await decide(service_of(request).engine, caller, number, event, said | more)
    return await _settlement(request, number)


@ROUTER.post("/settlements/{number}/submit")
async def post_submit(request: Request, number: str) -> Any:
    """Hand a computed settlement to review, or hand in again one that was returned."""
    return await _decide(request, number, "submit")


@ROUTER.post("/settlements/{number}/review")
async def post_review(request: Request, number: str) -> Any:
    """Pass a city's lines (or, without a city, all) or return the settlement, with a note."""
    return await _decide(request, number, "review")


@ROUTER.post("/settlements/{number}/approve")
async def post_approve(request: Request, number: str) -> Any:
    """Approve what has passed review in every city; by somebody who neither ran nor reviewed it.

    `digest`, where given, must be the settlement's.
    """
    return await _decide(request, number, "approve")


@ROUTER.post("/settlements/{number}/publish")
async def post_publish(request: Request, number: str) -> Any:
    """Begin the public notice (公示) of so many whole days, the first one tomorrow; without `days`, the order's."""
    return await _decide(request, number, "publish")


@ROUTER.post("/settlements/{number}/objections")
async def post_objection(request: Request, number: str) -> Any:
    """Record an objection (异议) raised while the public notice stands."""
    return await _decide(request, number, "objection")


@ROUTER.post("/settlements/{number}/objections/{objection}")
async def post_ruling(request: Request, number: str, objection: int) -> Any:
    """Rule on an objection, by somebody else than who recorded it: dismissed, or upheld (then only cancel remains).

    Its number is the `id` of its event.
    """
    return await _decide(request, number, "ruling", objection=objection)


@ROUTER.post("/settlements/{number}/lock")
async def post_lock(request: Request, number: str) -> Any:
    """Lock an approved settlement: it never changes again, and its payout instructions exist from here on."""
    return await _decide(request, number, "lock")


@ROUTER.post("/settlements/{number}/cancel")
async def post_cancel(request: Request, number: str) -> Any:
    """Cancel a settlement that is not locked."""
    return await _decide(request, number, "cancel")


@ROUTER.post("/settlements/{number}/adjustments", status_code=201)
async def post_adjustments(request: Request, number: str) -> Any:
    """Settle what arrived since a lock, as differences from what was locked."""
    caller = await as_caller(request)
    require(caller, "settlement:run")
    return await _settlement(request, await adjust(service_of(request), caller, number))


@ROUTER.post("/settlements/{number}/findings")
async def post_findings(request: Request, number: str) -> Any:
    """Sweep the settlement's records for what a reviewer should look at; how many findings of each kind there are now.

    Kinds: above_capacity (cards in use above the registered ones), metered_twice (a record inside another), ring
    (circular use among affiliates), price_stray (a price far from the facility's median). They change no money.
    """
    service = service_of(request)
    caller = await as_caller(request)
    require(caller, "settlement:review")
    try:
        async with service.settling:
            return {"settlement": number, "findings": await find(service.engine, number, now())}
    except SettlementRefused as error:
        raise refused(error) from None


@ROUTER.get("/settlements/{number}/findings")
async def get_findings(
    request: Request,
    number: str,
    kind: str | None = None,
    consumer: str | None = None,
    facility: str | None = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """Findings in order of their numbers, each with the records (batch, ordinal) that prove it."""
    require(await as_caller(request), "report:read")
    if kind not in (None, *FINDING_KINDS):
        raise Problem(400, "bad_request", f"kind is one of {', '.join(FINDING_KINDS)}")
    await _settlement(request, number)
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await list_findings(
            await driver(held), number, kind=kind, consumers=None if consumer is None else [consumer],
            facility=facility, after=page.after(Number, 0), limit=page.limit + 1,
        )  # fmt: skip
    return page_of(rows, page, lambda row: int(row["id"]))


@ROUTER.get("/settlements/{number}/verify")
async def get_verify(request: Request, number: str) -> Any:
    """Recompute the settlement from the records and say equal or where not."""
    service = service_of(request)
    require(await as_caller(request), "report:read")
    try:
        async with service.settling:
            return await verify(service.engine, number)
    except SettlementRefused as error:
        raise refused(error) from None


@ROUTER.get("/settlements/{number}/report.{kind}")
async def get_report(
    request: Request, number: str, kind: str, layout: str | None = None, region: str | None = None
) -> Response:
    """The report as xlsx, csv, json or parquet, in the layout summary, lines or city; without one, all it can hold."""
    caller = await as_caller(request)
    require(caller, "report:read", of_a_city=True)
    if kind not in FORMATS:
        raise Problem(404, "no_such_report", f"reports are {', '.join(FORMATS)}")
    if layout not in (None, *LAYOUTS):
        raise Problem(400, "bad_request", f"layout is one of {', '.join(LAYOUTS)}")
    _check_region(region)
    found = await _settlement(request, number)
    async with service_of(request).engine.connect() as held:
        connection = await driver(held)
        lines = await line_store.list_lines(connection, number, region=region, limit=2**31 - 1)
        excluded = await excluded_of_all(connection, number)
        if caller.city is None:  # it covers all lines, which who is bound to a city does not see
            found["checkpoint"] = await checkpoint_of(service_of(request), connection, found)
    body = await asyncio.to_thread(
        render, kind, layout, found, lines, excluded, load_rounds()[found["round"]], region=region
    )
    name = f"{number}-{layout}.{kind}" if layout else f"{number}.{kind}"
    headers = {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}
    return Response(body, media_type=MEDIA_TYPES[kind], headers=headers)


@ROUTER.post("/settlements/compare")
async def post_compare(request: Request) -> Any:
    """What-if: two settlements, or one round under several orders and readings; nothing is stored."""
    service = service_of(request)
    require(await as_caller(request), "report:read")
    given = await json_object(
        request, {"a": str, "b": str, "round": str, "orders": list, "readings": list, "as_of": int}
    )
    try:
        async with service.settling:
            return await compared(service.engine, given)
    except SettlementRefused as error:
        raise refused(error) from None


# long: every route of a settlement; to be cut into reading and deciding
