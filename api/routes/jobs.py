"""Jobs over HTTP: as they stand, their output, and ending one before it has an effect."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request, Response

from api.actions.job_answers import JSON, accepted, output_of, shown
from api.auth.keys import Caller, require
from api.http.operation import Content, operation
from api.http.paging import LIMIT_DEFAULT, Cursor, Limit, Number, Page, page_of
from api.http.prefer import wait_of
from api.http.problem import Problem
from api.http.route import ApiRoute
from api.queue import store
from api.queue.job import Job as JobRow
from api.queue.kinds import KINDS
from api.queue.tables import STATES
from api.request_context import as_caller, service_of
from api.schemas.job import Job, JobPage
from meter.database.connect import driver
from settlement.report import MEDIA_TYPES

ROUTER = APIRouter(route_class=ApiRoute, prefix="/v1", tags=["jobs"])
JobId = Annotated[int, Path(description="The job's number.", examples=[17])]
OTHERS = "report:read"  # for jobs that somebody else asked for
FILE = {"type": "string", "format": "binary"}
OUTPUT = Content(
    {one.partition(";")[0]: FILE for one in (*MEDIA_TYPES.values(), "application/zip")}
    | {JSON: {"type": "object", "description": "what the request that asked for the job is answered"}},
    {JSON: {"items": [], "next": None}},
)


@ROUTER.get("/jobs")
@operation(JobPage, scope=OTHERS, city=True, codes=("bad_cursor",))
async def get_jobs(
    request: Request,
    kind: Annotated[str | None, Query(description="Only of this kind.", json_schema_extra={"enum": [*KINDS]})] = None,
    state: Annotated[
        str | None, Query(description="Only in this state.", json_schema_extra={"enum": [*STATES]})
    ] = None,
    limit: Limit = LIMIT_DEFAULT,
    cursor: Cursor = None,
) -> Any:
    """List jobs, newest first: all of them, those of one's city, or without the scope those of one's own."""
    caller = await as_caller(request)
    if kind not in (None, *KINDS):
        raise Problem(400, "bad_request", f"kind is one of {', '.join(KINDS)}")
    if state not in (None, *STATES):
        raise Problem(400, "bad_request", f"state is one of {', '.join(STATES)}")
    page = Page.of(limit, cursor)
    async with service_of(request).engine.connect() as held:
        rows = await store.list_jobs(
            await driver(held), asked_by=None if OTHERS in caller.scopes else caller.actor, kind=kind, state=state,
            before=page.after(Number, None), limit=page.limit + 1,
        )  # fmt: skip
    return page_of(rows, page, lambda job: job.id, shown)


async def _job(request: Request, caller: Caller, number: int) -> JobRow:
    """The job, if the caller asked for it or reads those of others. Raises Problem 403, 404."""
    found = await service_of(request).jobs.get(number) if 0 < number < 2**63 else None
    if found is None or found.asked.actor != caller.actor:
        require(caller, OTHERS, of_a_city=True)
    if found is None:
        raise Problem(404, "no_such_job", f"there is no job {number}")
    return found


@ROUTER.get("/jobs/{job}")
@operation(Job, scope=OTHERS, city=True, codes=("no_such_job",))
async def get_job(request: Request, job: JobId) -> Any:
    """Show a job; one's own needs no scope. With `Prefer: wait=SECONDS` the answer waits until it is over."""
    found = await _job(request, await as_caller(request), job)
    if "prefer" in request.headers:
        found = await service_of(request).jobs.wait(found, wait_of(request))
    return shown(found)


@ROUTER.get("/jobs/{job}/output")
@operation(
    OUTPUT,
    scope=OTHERS,
    city=True,
    codes=("no_such_job", "no_output", "output_gone"),
    answered="What the job gave",
    later=Job,
)
async def get_job_output(request: Request, job: JobId) -> Response:
    """Fetch what a job gives in bytes, as it comes; one's own needs no scope. It is kept for a while only."""
    found = await _job(request, await as_caller(request), job)
    if found.output is None:
        raise Problem(409, "no_output", f"a job of kind {found.kind} gives no output: its result is in the job")
    return await output_of(request, found, seconds=wait_of(request)) or accepted(found)


@ROUTER.post("/jobs/{job}/cancel")
@operation(Job, scope=OTHERS, city=True, codes=("no_such_job", "job_over"))
async def post_job_cancel(request: Request, job: JobId) -> Any:
    """End a job before it has an effect: one's own, or with `settlement:run` for the whole province anybody's."""
    caller = await as_caller(request)
    found = await _job(request, caller, job)
    if found.asked.actor != caller.actor:
        require(caller, "settlement:run")
    jobs = service_of(request).jobs
    if not await jobs.cancel(job):
        raise Problem(409, "job_over", f"job {job} has ended")
    ended = await jobs.get(job)
    assert ended is not None
    return shown(ended)
