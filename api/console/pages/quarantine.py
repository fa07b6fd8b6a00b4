"""The quarantine: what waits for a person by reason and facility, its records as they came, two versions of one id."""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from api.auth.people import Person
from api.console.answer import page, to
from api.console.language.text import phrase, words
from api.console.pages.registry import enters
from api.console.pages.settlements import frame
from api.console.queries import LONGEST_RECORD_BYTES, Queries, Record, queries_of
from api.console.registry_queries import RegistryQueries, registry_of
from api.console.sessions import (
    HOME,
    QUARANTINE,
    ConsoleRoute,
    admitted,
    check_session_form,
    form_of,
    missing,
    refusal,
)
from api.console.wording.quarantine_codes import is_replayable, meaning_of
from api.console.wording.refusals import because
from api.http.problem import Problem
from meter.vocabulary import CONFLICT_DECISIONS

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Facts = Annotated[RegistryQueries, Depends(registry_of)]
Count = Annotated[int | None, Query(ge=0, lt=2**63)]
RECORDS_A_PAGE = 50
LONGEST = 64
REASON_LONGEST = 1000
STATUS = words({"refused": "被拒绝", "conflict": "内容冲突"})
DECISION = words(
    {
        "first_stands": "以已入库的第一版为准",
        "source_corrected": "来源方已报送更正",
        "source_asked": "已请来源方核对",
    }
)
WHY = words(
    {
        "ALREADY_DECIDED": "这一冲突已有处理结论。",
        "NO_SUCH_CONFLICT": "没有这样的内容冲突。",
        "NOT_CORRECTED": "流水中没有对这一记录的更正：请来源方报送更正后再作此处理。",
        "missing_field": "请填写依据。",
        "bad_request": "请选择一项处理。",
    }
)
assert set(DECISION) == set(CONFLICT_DECISIONS)


@ROUTER.get("/quarantine")
async def get_quarantine(
    request: Request,
    queries: Shelf,
    code: str = "",
    facility: str = "",
    after: Annotated[int, Query(ge=0, lt=2**63)] = 0,
    tried: Count = None,
    taken: Count = None,
) -> Response:
    """Show what waits, by reason and facility; of one reason its records, oldest first."""
    person = await admitted(request, queries, QUARANTINE)
    if "\0" in code + facility or max(len(code), len(facility)) > LONGEST:
        raise refusal(400, phrase("筛选条件有误"), phrase("请从页面上的链接进入。"), person)
    if not code:
        groups = [_told(group) for group in await queries.quarantine_groups()]
        return page(
            "quarantine", **frame(request, person, QUARANTINE), groups=groups, STATUSES=STATUS,
            waiting=sum(group["records"] for group in groups), tried=tried, taken=taken, replays=enters(person),
        )  # fmt: skip
    found = await queries.quarantined_alike(code, facility or None, after, RECORDS_A_PAGE + 1)
    items, more = found[:RECORDS_A_PAGE], len(found) > RECORDS_A_PAGE
    chosen = {name: value for name, value in (("code", code), ("facility", facility)) if value}
    return page(
        "quarantined", **frame(request, person, QUARANTINE), STATUSES=STATUS, first=not after, facility=facility,
        items=[{**_told(item), "text": _readable(item)} for item in items], code=code, meaning=meaning_of(code),
        chosen=urlencode(chosen),
        following=urlencode({**chosen, "after": items[-1]["quarantine"]}) if more else "",
    )  # fmt: skip


@ROUTER.post("/quarantine/replay")
async def post_replay(request: Request, queries: Shelf, facts: Facts) -> Response:
    """Try what waits again, now that the registry knows more."""
    person = await admitted(request, queries, QUARANTINE)
    check_session_form(request, (await form_of(request)).get("token"))
    if not enters(person):
        raise refusal(403, phrase("没有权限"), phrase("重放由登记人员办理，或由来源方用接口办理。"), person)
    try:
        counts = await facts.replay(person)
    except Problem as problem:
        raise refusal(problem.status, phrase("没有重放"), because(problem.code), person) from None
    return to(
        f"{HOME}/quarantine?{urlencode({'tried': counts.get('received', 0), 'taken': counts.get('accepted', 0)})}"
    )


@ROUTER.get("/quarantine/{number}")
async def get_quarantined(request: Request, queries: Shelf, number: Annotated[int, Path(gt=0, lt=2**63)]) -> Response:
    """Show one record that was not accepted; beside it what stands under its id."""
    person = await admitted(request, queries, QUARANTINE)
    found = await queries.quarantined_one(number)
    if found is None:
        raise missing(phrase("记录"), person)
    return await _one(request, queries, person, found)


@ROUTER.post("/quarantine/{number}/decide")
async def post_decision(request: Request, queries: Shelf, number: Annotated[int, Path(gt=0, lt=2**63)]) -> Response:
    """Say what became of two versions of one record. What is refused comes back as the same page with the reason."""
    person = await admitted(request, queries, QUARANTINE)
    given = await form_of(request)
    check_session_form(request, given.get("token"))
    if not enters(person):
        raise refusal(403, phrase("没有权限"), phrase("内容冲突由登记人员处理。"), person)
    found = await queries.quarantined_one(number)
    if found is None:
        raise missing(phrase("记录"), person)
    reason = given.get("reason", "")
    if len(reason) > REASON_LONGEST:
        return await _one(request, queries, person, found, because("out_of_range"), 400)
    try:
        await queries.decide_conflict(person, number, given.get("decision", ""), reason)
    except Problem as problem:
        why = WHY.get(problem.code) or because(problem.code)
        return await _one(request, queries, person, found, why, problem.status)
    return to(f"{HOME}/quarantine/{number}")


async def _one(
    request: Request, queries: Queries, person: Person, found: tuple[Record, Record | None], error: str = "",
    status: int = 200,
) -> Response:  # fmt: skip
    """Show one record, beside it the first version, and what was decided or can be."""
    item, first = found
    decided = await queries.conflict_decisions(item["quarantine"]) if item["status"] == "conflict" else []
    is_open = item["status"] == "conflict" and all(one["decision"] == "source_asked" for one in decided)
    return page(
        "quarantined_one", status, **frame(request, person, QUARANTINE), STATUSES=STATUS, DECISION=DECISION,
        first=first, item={**_told(item), "text": _readable(item)}, decided=decided, error=error,
        decides=is_open and enters(person), reason_longest=REASON_LONGEST,
    )  # fmt: skip


def _told(item: Record) -> Record:
    return {**item, "meaning": meaning_of(item["code"]), "replayable": is_replayable(item["code"])}


def _readable(item: Record) -> str:
    """Return the record exactly as it was received, or its beginning."""
    if item["record_bytes"] <= LONGEST_RECORD_BYTES:
        return str(item["record"])
    return phrase(
        "{record}\n…（共 {record_bytes} 字节，已截断）", record=item["record"], record_bytes=item["record_bytes"]
    )
