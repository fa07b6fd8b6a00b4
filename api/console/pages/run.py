"""Running a settlement or a forecast: round, rate, budget and readings in a form; what the readings are worth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from api.actions.runs import SCOPE
from api.auth.people import Person
from api.console.answer import page, to
from api.console.language.text import phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
from api.console.run_queries import RunQueries, runs_of
from api.console.sessions import (
    HOME,
    MONEY,
    ConsoleRoute,
    admitted,
    check_session_form,
    form_of,
    missing,
    refusal,
)
from api.console.terms import PREFIX, PROBLEMS, BadTerm, batch_of, newest_round, order_of, readings_of
from api.console.wording.refusals import because
from api.console.wording.vocabulary import reading_text
from api.http.problem import Problem
from settlement.jobs.settle import Request as RunRequest
from settlement.rounds.reading_table import DEFAULTS, choices

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Runs = Annotated[RunQueries, Depends(runs_of)]
Job = Annotated[int, Query(ge=0, lt=2**63)]
FIELDS: Final = 30


@ROUTER.get("/run")
async def get_run(request: Request, queries: Shelf, round: str = "") -> Response:
    """Show the form of a run."""
    person = await _runner(request, queries)
    if round and round not in queries.rounds():
        raise missing(phrase("批次"), person)
    return await _page(request, queries, person, {"round": round})


@ROUTER.post("/run")
async def post_run(request: Request, queries: Shelf, runs: Runs) -> Response:
    """Run the settlement, and lead to it. What is refused comes back as the same form with the reason."""
    person = await _runner(request, queries)
    given = await form_of(request, FIELDS)
    check_session_form(request, given.get("token"))
    if given.get("round") not in queries.rounds():
        raise missing(phrase("批次"), person)
    try:
        wanted = RunRequest(
            given["round"], order_of(given), readings_of(given), batch_of(given), other_terms=bool(given.get("other"))
        )
        return to(f"{HOME}/{await runs.run(person, wanted)}")
    except BadTerm as error:
        return await _page(request, queries, person, given, PROBLEMS[error.code], 400)
    except Problem as problem:
        return await _page(request, queries, person, given, because(problem.code), problem.status, problem.code)


@ROUTER.get("/settlements/{number}/interval")
async def get_interval(request: Request, queries: Shelf, runs: Runs, number: str, job: Job = 0) -> Response:
    """Show how far the awards move over the readings, and which reading moves most money."""
    person = await admitted(request, queries, MONEY)
    if person.city is not None:
        raise refusal(403, phrase("没有权限"), phrase("区间按全省计算，不由市级人员查看。"), person)
    settlement = await queries.settlement(number)
    if settlement is None:
        raise missing(phrase("结算"), person)
    ended = await queries.job(job) if job else None
    try:
        if ended is not None and ended.kind == "interval" and ended.parameters.get("settlement") == number:
            found: Any = ended.result
        else:
            found = await runs.interval(number)
    except Problem as problem:
        raise refusal(problem.status, phrase("没有算成"), because(problem.code), person) from None
    if not isinstance(found, Mapping):
        return to(f"{HOME}/jobs/{found or job}")
    of_round = queries.rounds()[settlement["round"]]
    return page(
        "interval", **frame(request, person, MONEY), settlement=settlement, round=of_round, totals=found["totals"],
        moved=found["moved"], lines=[one for one in found["lines"] if one["moved_by"]],
        here=f"{HOME}/settlements/{number}",
    )  # fmt: skip


async def _runner(request: Request, queries: Queries) -> Person:
    person = await admitted(request, queries, MONEY)
    if SCOPE not in person.scopes or person.city is not None:
        raise refusal(403, phrase("没有权限"), phrase("结算由财政人员运行。"), person)
    return person


async def _page(
    request: Request,
    queries: Queries,
    person: Person,
    given: Mapping[str, str],
    error: str = "",
    status: int = 200,
    code: str = "",
) -> Response:
    rounds = queries.rounds()
    listed = await queries.settlements(None, 50)
    chosen = given.get("round") or (listed[0]["round"] if listed else newest_round(rounds))
    locked = {one["round"]: one for one in reversed(listed) if one["status"] in ("locked", "paid")}
    readings: list[tuple[str, str, str, list[tuple[str, str]]]] = [
        (PREFIX + name, reading_text(name, next(iter(choices(name))))[0], given.get(PREFIX + name, ""),
         [(value, reading_text(name, value)[1]) for value in choices(name)])
        for name in DEFAULTS
    ]  # fmt: skip
    values: dict[str, Any] = {"given": given, "rounds": rounds, "chosen": chosen, "readings": readings}
    return page(
        "run", status, **frame(request, person, MONEY), **values, error=error, asks=code == "OTHER_TERMS",
        locked=locked,
    )  # fmt: skip
