"""The list of settlements, one settlement with its lines, and its reports as files."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import StreamingResponse

from api.auth.people import Person
from api.console.answer import page, to
from api.console.language.text import phrase
from api.console.line_file import HEADS, csv_row
from api.console.line_filter import LONGEST, ORDER_WORDS, Asked, LineFilter, pages_of, shown_pages
from api.console.open_decisions import (
    TITLE,
    awaited,
    choices_of,
    may_adjust,
    objections_of,
    offered,
    reviews_of,
)
from api.console.queries import Queries, Record, queries_of
from api.console.sessions import (
    HOME,
    MONEY,
    SESSION_COOKIE,
    ConsoleRoute,
    admitted,
    cookie_of,
    missing,
    refusal,
    sections,
)
from api.console.sessions import session_form_token as form_token
from api.console.wording.findings import A_LINE_MAX, counted, grouped
from api.console.wording.refusals import because
from api.console.wording.vocabulary import OUTCOME
from api.http.problem import Problem
from meter.regions import REGION, in_region
from settlement.report import FORMATS, LAYOUTS
from settlement.rounds.reason_codes import REASONS

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
SETTLEMENTS_A_PAGE = 50
LINES_AT_ONCE = 1000
_MONEY_OF_LINES = ("award_fen", "held_fen", "payable_fen", "adjustment_fen")


def frame(request: Request, person: Person, section: str) -> dict[str, Any]:
    """Return what every page behind the login shows around its own content."""
    session = cookie_of(request, SESSION_COOKIE) or ""
    return {"person": person, "sections": sections(person), "section": section, "form_token": form_token(session)}


@ROUTER.get("/settlements")
async def get_settlements(request: Request, queries: Shelf, before: str = "", id: str = "") -> Response:
    """Return all settlements, newest first."""
    person = await admitted(request, queries, MONEY)
    mark = (before, id) if before and id else None
    try:
        found = await queries.settlements(mark, SETTLEMENTS_A_PAGE + 1)
    except ValueError:
        raise refusal(400, phrase("地址有误"), phrase("翻页参数不合规，请从列表第一页进入。"), person) from None
    items, more = found[:SETTLEMENTS_A_PAGE], len(found) > SETTLEMENTS_A_PAGE
    following = urlencode({"before": items[-1]["created_at"], "id": items[-1]["id"]}) if more else ""
    return page(
        "settlements", **frame(request, person, MONEY), items=items, rounds=queries.rounds(), following=following,
        first=mark is None,
    )  # fmt: skip


@ROUTER.get("/settlements/{number}")
async def get_settlement(
    request: Request,
    queries: Shelf,
    number: str,
    asked: Asked,
    done: str = "",
) -> Response:
    """Return one settlement: totals, where it stands, what can be decided, and its lines by city, status and
    keyword."""
    person = await admitted(request, queries, MONEY)
    asked = allowed(person, asked)
    settlement = await settlement_of(queries, number, person)
    found = await queries.line_index(settlement, person.city, asked)
    asked = asked.within(found["lines"])
    lines = await queries.lines_called(number, asked.of(found["codes"]))
    whole = found if not asked.narrows else await queries.line_index(settlement, person.city, LineFilter())
    of_round = queries.rounds()[settlement["round"]]
    free, kept = choices_of(person, settlement)
    waiting = await queries.waiting(number)
    return page(
        "settlement", **frame(request, person, MONEY), settlement=settlement, round=of_round, lines=lines,
        asked=asked, found=found, whole=whole, pages=shown_pages(asked.page, pages_of(found["lines"])),
        last=pages_of(found["lines"]), ORDER_WORDS=ORDER_WORDS, here=f"{HOME}/settlements/{number}",
        choices=offered(person, free, waiting), kept=kept, awaited=awaited(settlement, waiting, of_round),
        adjustable=may_adjust(person, settlement), done={**TITLE, "adjust": phrase("计算差额")}.get(done, ""),
        cities=await queries.cities(settlement, person.city), waiting=waiting,
        reviews=reviews_of(settlement), findings=counted(await findings_of(queries, person, number, lines)),
        crowded=grouped(await crowded_of(queries, person, number)),
        objections=objections_of(settlement), adjustments=await queries.adjustments(number),
        progress=await queries.payment_progress(number),
    )  # fmt: skip


@ROUTER.get("/settlements/{number}/lines.csv")
async def get_lines_file(request: Request, queries: Shelf, number: str, asked: Asked) -> Response:
    """The lines that a filter finds, all of them, as a file for people."""
    person = await admitted(request, queries, MONEY)
    asked = allowed(person, asked)
    settlement = await settlement_of(queries, number, person)
    codes = (await queries.line_index(settlement, person.city, asked))["codes"]
    heads = HEADS if settlement["adjusts"] else HEADS[:-1]
    of_round = queries.rounds()[settlement["round"]]

    async def rows() -> AsyncIterator[bytes]:
        yield b"\xef\xbb\xbf" + csv_row([head for head, _ in heads])
        for first in range(0, len(codes), LINES_AT_ONCE):
            for line in await queries.lines_called(number, codes[first : first + LINES_AT_ONCE]):
                yield csv_row([write(line, of_round) for _, write in heads])

    disposition = {"Content-Disposition": f'attachment; filename="{_safe(number)}-lines.csv"'}
    return StreamingResponse(rows(), media_type="text/csv; charset=utf-8", headers=disposition)


@ROUTER.get("/settlements/{number}/report.{kind}")
async def get_report(
    request: Request, queries: Shelf, number: str, kind: str, layout: str | None = None, region: str = ""
) -> Response:
    """Return the settlement's report as a file, for people who have no API key."""
    person = await admitted(request, queries, MONEY)
    settlement = await settlement_of(queries, number, person)
    if not is_filter(region):
        raise refusal(400, phrase("筛选条件有误"), phrase("请从页面上的筛选框选择。"), person)
    region = scoped(person, region)
    if kind not in FORMATS or layout not in (None, *LAYOUTS):
        raise missing(phrase("报表"), person)
    name = f"{settlement['id']}{'-' + layout if layout else ''}{'-' + region if region else ''}.{kind}"
    asked = {"kind": kind, "layout": layout, "region": region or None}
    try:
        found = await queries.report(request, settlement, asked, _safe(name))
    except Problem as problem:
        raise refusal(problem.status, phrase("没有生成报表"), because(problem.code), person) from None
    return to(f"{HOME}/jobs/{found}") if isinstance(found, int) else found


@ROUTER.get("/settlements/{number}/verify")
async def get_verify(request: Request, queries: Shelf, number: str) -> Response:
    """Have the settlement recomputed from the records, and lead to the job that says what came of it."""
    person = await admitted(request, queries, MONEY)
    settlement = await settlement_of(queries, number, person)
    if person.city is not None:
        raise refusal(403, phrase("没有权限"), phrase("核验对全省的记录进行，不由市级人员办理。"), person)
    return to(f"{HOME}/jobs/{await queries.verify(settlement['id'])}")


async def crowded_of(queries: Queries, person: Person, number: str) -> list[Record]:
    """Return where more cards were in use than are registered: of no line's making, so it stands before the lines."""
    if person.city is not None:
        return []
    return await queries.findings(number, None, "above_capacity", A_LINE_MAX)


async def findings_of(queries: Queries, person: Person, number: str, lines: Sequence[Record]) -> list[Record]:
    """Return what was found in the records of these lines; who works for a city is told no figure of others."""
    codes, most = [line["uscc"] for line in lines], A_LINE_MAX * len(lines)
    if not codes:
        return []
    if person.city is not None:
        return await queries.findings_of_city(number, codes, most)
    return await queries.findings(number, codes, None, most)


async def settlement_of(queries: Queries, number: str, person: Person) -> Record:
    """Return a settlement as this person may see it: who works for a city sees its sums. Raises PageRefused 404."""
    settlement = await queries.settlement(number)
    if settlement is None:
        raise missing(phrase("结算"), person)
    if person.city is None:
        return settlement
    sums = await queries.line_index(settlement, person.city, LineFilter(region=person.city))
    totals = {name: sums[name] for name in _MONEY_OF_LINES if name != "adjustment_fen" or settlement["adjusts"]}
    matches = [match for match in settlement.get("matches") or () if in_region(match["city"], person.city)]
    return {**settlement, "totals": totals, "matches": matches}


def allowed(person: Person, asked: LineFilter) -> LineFilter:
    """Return the filter as this person may use it: who works for a city never leaves it. Raises PageRefused 400."""
    known = (not asked.status or asked.status in OUTCOME) and asked.sort in ORDER_WORDS
    known = known and (not asked.reason or asked.reason in REASONS)
    if not known or not is_filter(asked.region) or len(asked.q) > LONGEST or "\0" in asked.q:
        raise refusal(400, phrase("筛选条件有误"), phrase("请从页面上的筛选框选择。"), person)
    return replace(asked, region=scoped(person, asked.region))


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]", "_", name)


def is_filter(region: str) -> bool:
    """Return whether a query names a region as the page's own filter does, by 6 digits, or none."""
    return not region or REGION.fullmatch(region) is not None


def scoped(person: Person, region: str) -> str:
    """Return the region a person's query is about: who works for a city never leaves it."""
    if person.city is None or (region and in_region(region, person.city)):
        return region
    return person.city
