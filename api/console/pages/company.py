"""The company's own view: what its use comes to, what it confirms, its accounts; of nobody else anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request, Response

from api.auth.people import PROOF_MINUTES, Person
from api.clock import now
from api.console.answer import page, to
from api.console.company_queries import CompanyQueries, company_of
from api.console.drawing.months import months
from api.console.language.text import phrase, words
from api.console.pages.settlements import frame
from api.console.queries import Queries, Record, queries_of
from api.console.reauthentication import FAILED, proven
from api.console.sessions import COMPANY, HOME, ConsoleRoute, admitted, check_session_form, form_of, missing
from api.console.wording.refusals import because
from api.http.problem import Problem

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Own = Annotated[CompanyQueries, Depends(company_of)]
DONE: Final = words({
    "confirm": "已确认申领和收款账户。", "account": "新账户已提出，等待审批人批准；批准之前不向它付款。",
})  # fmt: skip
_BECAUSE: Final = words({"ACCOUNT_CHANGED": "收款账户刚刚有变化：请核对后重新确认。"})
_MILLICARD_HOUR: Final = 3_600_000


@ROUTER.get("/company")
async def get_company(request: Request, queries: Shelf, own: Own, done: str = "") -> Response:
    """Show what the entity gets, of which use, and what is asked of it."""
    person = await admitted(request, queries, COMPANY)
    return await _home(request, queries, own, person, done=DONE.get(done, ""))


@ROUTER.get("/company/use")
async def get_use(request: Request, queries: Shelf, own: Own) -> Response:
    """Show the entity's use by month, facility and chip, and what of it was not taken."""
    person = await admitted(request, queries, COMPANY)
    use = await own.use(person)
    by_month: dict[str, int] = {}
    for one in use:
        by_month[one["month"]] = by_month.get(one["month"], 0) + int(one["millicard_seconds"])
    bars = [(month[2:], sum_ // _MILLICARD_HOUR, f"{sum_ / _MILLICARD_HOUR:,.1f}") for month, sum_ in by_month.items()]
    return page(
        "company_use", **frame(request, person, COMPANY), use=use, picture=months(phrase("各月用量（卡时）"), bars),
        hours=lambda one: f"{int(one) / _MILLICARD_HOUR:,.2f}", home=await own.home(person),
        sums={name: sum(int(one[name]) for one in use) for name in ("millicard_seconds", "charge_fen", "records")},
    )  # fmt: skip


@ROUTER.post("/company/confirm")
async def post_confirm(request: Request, queries: Shelf, own: Own) -> Response:
    """Confirm that the entity wants what a round awards, to the account in force; with proof."""
    person = await admitted(request, queries, COMPANY)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    if given.get("round") not in queries.rounds():
        raise missing(phrase("批次"), person)
    shown = await proven(queries, session, person, given)
    if shown is None:
        person = await queries.whose(session) or person
        return await _home(request, queries, own, person, error=phrase(FAILED), status=403)
    try:
        await own.confirm(shown, given["round"], _number(given.get("account", "")))
    except Problem as problem:
        return await _home(request, queries, own, shown, error=why(problem), status=problem.status)
    return to(f"{HOME}/company?done=confirm")


@ROUTER.get("/company/account")
async def get_account(request: Request, queries: Shelf, own: Own) -> Response:
    """Show the form for another account."""
    person = await admitted(request, queries, COMPANY)
    return await _account(request, own, person, {})


@ROUTER.post("/company/account")
async def post_account(request: Request, queries: Shelf, own: Own) -> Response:
    """Propose another account, with proof; an approver decides about it."""
    person = await admitted(request, queries, COMPANY)
    given = await form_of(request)
    session = check_session_form(request, given.get("token"))
    shown = await proven(queries, session, person, given)
    if shown is None:
        return await _account(request, own, await queries.whose(session) or person, given, phrase(FAILED), 403)
    said = {name: given.get(name, "").strip() for name in ("bank", "account", "holder")}
    try:
        await own.propose_account(shown, said)
    except Problem as problem:
        return await _account(request, own, shown, given, why(problem), problem.status)
    return to(f"{HOME}/company?done=account")


def why(problem: Problem) -> str:
    """Return why a company was refused something, in Chinese."""
    return _BECAUSE.get(problem.code) or because(problem.code)


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None


async def _home(
    request: Request, queries: Queries, own: CompanyQueries, person: Person, *, done: str = "", error: str = "",
    status: int = 200,
) -> Response:  # fmt: skip
    home = await own.home(person)
    rounds = queries.rounds()
    return page(
        "company", status, **frame(request, person, COMPANY), **home, rounds=rounds, by_round=_by_round(home["lines"]),
        in_force=next((one for one in home["accounts"] if one["in_force"]), None), done=done, error=error,
        prove=not person.may_decide(now()), minutes=PROOF_MINUTES, here=f"{HOME}/company",
    )  # fmt: skip


def _by_round(lines: Sequence[Record]) -> dict[str, list[Record]]:
    """Return round -> its lines, the newest round and settlement first."""
    found: dict[str, list[Record]] = {}
    for one in lines:
        found.setdefault(one["round"], []).append(one)
    return found


async def _account(
    request: Request, own: CompanyQueries, person: Person, given: Mapping[str, str], error: str = "", status: int = 200
) -> Response:
    home = await own.home(person)
    typed: dict[str, Any] = {name: given.get(name, "") for name in ("bank", "account", "holder")}
    return page(
        "company_account", status, **frame(request, person, COMPANY), entity=home["entity"], accounts=home["accounts"],
        typed=typed, error=error, prove=not person.may_decide(now()), minutes=PROOF_MINUTES,
    )  # fmt: skip
