"""A job: how far it is, refreshed without a script, and then what came of it."""

from __future__ import annotations

from typing import Annotated, Final

from fastapi import APIRouter, Depends, Path, Request, Response

from api.auth.people import Person
from api.console.answer import page, to
from api.console.language.text import phrase
from api.console.pages.settlements import frame
from api.console.queries import Queries, queries_of
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
from api.console.wording.jobs import KIND, STAGE, STATE, verdict_of
from api.console.wording.refusals import because
from api.http.problem import Problem
from api.queue.job import Job

ROUTER = APIRouter(route_class=ConsoleRoute)
Shelf = Annotated[Queries, Depends(queries_of)]
Number = Annotated[int, Path(gt=0, lt=2**63)]
REFRESH_SECONDS: Final = 2
DONE: Final = {"settle": "run", "lock": "lock", "findings": "submit"}
"""What the settlement's page then says was done."""


@ROUTER.get("/jobs/{job}")
async def get_job(request: Request, queries: Shelf, job: Number) -> Response:
    """The job while it waits and runs; then the settlement that it made or changed, its verdict, file or refusal."""
    person = await admitted(request, queries, MONEY)
    found = await _job(queries, job, person)
    if found.state == "done" and found.kind in DONE and found.result is not None:
        return to(f"{HOME}/settlements/{found.result['settlement']}?done={DONE[found.kind]}")
    if found.state == "done" and found.output is None and found.kind == "interval":
        return to(f"{HOME}/settlements/{found.parameters['settlement']}/interval?job={job}")
    if found.state == "done" and found.output is None and found.kind == "compare":
        return to(f"{HOME}/whatif?job={job}")
    about = found.parameters.get("settlement")
    return page(
        "job", **frame(request, person, MONEY), job=found, kind=KIND[found.kind], state=STATE[found.state],
        stage=STAGE.get(found.stage, ""), refresh=REFRESH_SECONDS, about=about,
        error=because(found.error["code"]) if found.error else "",
        verdict=verdict_of(found), cancels=found.asked.actor == person.actor and not found.over,
    )  # fmt: skip


@ROUTER.get("/jobs/{job}/output")
async def get_job_output(request: Request, queries: Shelf, job: Number) -> Response:
    """The file that a job made."""
    person = await admitted(request, queries, MONEY)
    found = await _job(queries, job, person)
    if found.output is None:
        raise missing(phrase("文件"), person)
    try:
        answer = await queries.job_output(request, found)
    except Problem as problem:
        raise refusal(problem.status, phrase("没有文件"), because(problem.code), person) from None
    return answer or to(f"{HOME}/jobs/{job}")


@ROUTER.post("/jobs/{job}/cancel")
async def post_job_cancel(request: Request, queries: Shelf, job: Number) -> Response:
    """End one's own job before it has an effect."""
    person = await admitted(request, queries, MONEY)
    check_session_form(request, (await form_of(request)).get("token"))
    found = await _job(queries, job, person)
    if found.asked.actor != person.actor:
        raise refusal(403, phrase("没有权限"), phrase("任务由提出的人取消。"), person)
    await queries.cancel_job(job)
    return to(f"{HOME}/jobs/{job}")


async def _job(queries: Queries, number: int, person: Person) -> Job:
    found = await queries.job(number)
    if found is None:
        raise missing(phrase("任务"), person)
    return found
