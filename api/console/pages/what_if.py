"""What if: a round under two to five orders and readings side by side; nothing is stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Query, Request, Response

from api.console.answer import page, to
from api.console.drawing.bars import bars
from api.console.drawing.map import city_map
from api.console.language.text import phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, Record, queries_of
from api.console.run_queries import RunQueries, runs_of
from api.console.sessions import HOME, MONEY, ConsoleRoute, admitted, check_session_form, form_of, missing, refusal
from api.console.template import city_called
from api.console.terms import PREFIX, PROBLEMS, BadTerm, newest_round, order_of
from api.console.wording.quantity import short_money
from api.console.wording.refusals import because
from api.console.wording.vocabulary import reading_text
from api.http.problem import Problem
from settlement.compute.compare import UNKNOWN_CITY
from settlement.report.money import yuan_text
from settlement.rounds.reading_table import DEFAULTS, choices

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Runs = Annotated[RunQueries, Depends(runs_of)]
Job = Annotated[int, Query(ge=0, lt=2**63)]
CASES: Final = 5
FIELDS: Final = 40
SHOWN: Final = 10  # winners and losers of each case
_READINGS: Final = tuple((name, value) for name in DEFAULTS for value in choices(name))


@ROUTER.get("/whatif")
async def get_what_if(request: Request, queries: Shelf, job: Job = 0) -> Response:
    """Show the form of a comparison, or what the job of one came to."""
    person = await admitted(request, queries, MONEY)
    if person.city is not None:
        raise refusal(403, phrase("没有权限"), phrase("方案比较按全省计算，不由市级人员办理。"), person)
    ended = await queries.job(job) if job else None
    if ended is None or ended.kind != "compare" or "given" not in ended.parameters:
        return _page(request, queries, person, {}, [])
    if ended.result is None:
        return to(f"{HOME}/jobs/{job}")
    return _page(request, queries, person, ended.parameters["given"], ended.result["items"])


@ROUTER.post("/whatif")
async def post_what_if(request: Request, queries: Shelf, runs: Runs) -> Response:
    """Compare the cases of the form with the first of them."""
    person = await admitted(request, queries, MONEY)
    given = await form_of(request, FIELDS)
    check_session_form(request, given.get("token"))
    if person.city is not None:
        raise refusal(403, phrase("没有权限"), phrase("方案比较按全省计算，不由市级人员办理。"), person)
    if given.get("round") not in queries.rounds():
        raise missing(phrase("批次"), person)
    try:
        cases = _cases(given)
        if len(cases) < 2:
            return _page(request, queries, person, given, [], phrase("请填写至少两个方案。"), 400)
        typed = {name: text for name, text in given.items() if name != "token"}
        found = await runs.compared(given["round"], cases, typed)
    except BadTerm as error:
        return _page(request, queries, person, given, [], PROBLEMS[error.code], 400)
    except Problem as problem:
        return _page(request, queries, person, given, [], because(problem.code), problem.status)
    return to(f"{HOME}/jobs/{found}") if isinstance(found, int) else _page(request, queries, person, given, found)


def _cases(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the cases that were filled in. Raises BadTerm."""
    found = []
    for place in range(1, CASES + 1):
        said = {name: given.get(f"{name}{place}", "") for name in ("rate", "budget", "uplift", "reading")}
        if not any(said.values()):
            continue
        readings = {}
        if said["reading"]:
            name, _, value = said["reading"].partition("=")
            if (name, value) not in _READINGS:
                raise BadTerm("reading")
            readings[name] = value
        found.append({"order": order_of(said), "readings": readings})
    return found


def _page(
    request: Request,
    queries: Queries,
    person: Any,
    given: Mapping[str, str],
    found: list[Record],
    error: str = "",
    status: int = 200,
) -> Response:
    options = [(f"{name}={value}", phrase("：").join(reading_text(name, value))) for name, value in _READINGS]
    pictures: dict[str, Any] = {}
    if found:
        rows = [
            (
                phrase("方案 {place}", place=place),
                [("paid", one["totals"]["award_fen"], "")],
                phrase("{award_fen} 元", award_fen=yuan_text(one["totals"]["award_fen"])),
            )
            for place, one in enumerate(found, start=1)
        ]
        pictures["bars"] = bars(phrase("各方案补助金额"), rows)
        pictures["map"] = [_map(place, one) for place, one in enumerate(found[1:], start=2)]
    return page(
        "what_if", status, **frame(request, person, MONEY), given=given, found=found, error=error, options=options,
        rounds=queries.rounds(), pictures=pictures, cases=range(1, CASES + 1), prefix=PREFIX, ends=_ends(found),
        newest=newest_round(queries.rounds()),
    )  # fmt: skip


def _map(place: int, one: Record) -> Any:
    moved = {row["city"]: row for row in one["difference"]["cities"] if row["city"] != UNKNOWN_CITY}
    tiles = {
        code: (
            city_called(code),
            abs(row["award_fen_difference"]),
            short_money(row["award_fen_difference"], "+"),
        )
        for code, row in moved.items()
    }
    return city_map(phrase("方案 {place} 比方案 1（万元）", place=place), tiles)


def _ends(found: list[Record]) -> list[tuple[list[Record], list[Record]]]:
    """Return who wins and who loses most by each case after the first."""
    ends = []
    for one in found[1:]:
        moved = sorted(one["difference"]["entities"], key=lambda row: -row["award_fen_difference"])
        ends.append((
            [row for row in moved if row["award_fen_difference"] > 0][:SHOWN],
            [row for row in reversed(moved) if row["award_fen_difference"] < 0][:SHOWN],
        ))  # fmt: skip
    return ends
