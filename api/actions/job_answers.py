"""Answers that wait for a job: what it comes to when it is over in time, else the job itself (202)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

from fastapi import Request, Response
from fastapi.responses import JSONResponse, StreamingResponse

from api.http.prefer import wait_of
from api.http.problem import Problem
from api.queue.job import Job
from api.queue.jobs import failure
from api.request_context import service_of

JSON = "application/json"
ABOUT_A_SETTLEMENT = ("settle", "lock", "findings")
"""Kinds of jobs that make or change a settlement: it is what came of them."""


def shown(job: Job) -> dict[str, Any]:
    """A job in the contract's shape."""
    return {
        "id": job.id,
        "kind": job.kind,
        "state": job.state,
        "stage": job.stage,
        "done": job.done,
        "total": job.total,
        "attempts": job.attempts,
        "parameters": job.parameters,
        "asked_by": job.asked.actor,
        "city": job.asked.city,
        "asked_at": job.asked_at.isoformat(),
        "started_at": job.started_at.isoformat() if job.started_at else None,
        "ended_at": job.ended_at.isoformat() if job.ended_at else None,
        "error": job.error,
        "result": job.result,
        "location": _location(job),
    }


def _location(job: Job) -> str | None:
    if job.state != "done" or job.result is None:
        return None
    if job.output is not None:
        return f"/v1/jobs/{job.id}/output"
    return f"/v1/settlements/{job.result['settlement']}" if job.kind in ABOUT_A_SETTLEMENT else None


def accepted(job: Job) -> Response:
    """The answer to whoever need not or will not wait longer."""
    headers = {"Location": f"/v1/jobs/{job.id}", "Retry-After": "1"}
    return JSONResponse(shown(job), status_code=202, headers=headers)


async def over(request: Request, job: Job) -> Job | None:
    """Wait for a job for as long as the request prefers; None where it is not over then.

    Raises Problem, the same that was answered when nothing was a job, where it failed.
    """
    ended = await service_of(request).jobs.wait(job, wait_of(request))
    if not ended.over:
        return None
    if ended.state != "done":
        raise failure(ended)
    return ended


async def output_of(request: Request, job: Job, *, seconds: float, abandon: bool = False) -> Response | None:
    """A job's output as it comes; None where its first bytes are not there in time. `abandon`: nobody else reads it.

    What is one piece is answered whole, with its length.
    """
    jobs = service_of(request).jobs
    job, first = await jobs.first_piece(job, seconds)
    if first is None and not job.over:
        return None
    if job.state in ("failed", "cancelled"):
        raise failure(job)
    if first is None and job.result is not None and job.result["pieces"]:
        raise Problem(410, "output_gone", "the output was kept for a while and is gone: ask again")
    assert job.output is not None
    name = job.output.file_name
    headers = {} if name is None else {"Content-Disposition": f'attachment; filename="{name}"'}
    if first is not None and (done := await jobs.get(job.id)) is not None and done.result == {
        "pieces": 1, "bytes": len(first),
    }:  # fmt: skip
        return Response(first, media_type=job.output.media_type, headers=headers)

    async def pieces() -> AsyncIterator[bytes]:
        try:
            async for piece in jobs.output(job, first):
                yield piece
        except BaseException:
            if abandon:
                await jobs.cancel(job.id)
            raise

    return StreamingResponse(pieces(), media_type=job.output.media_type, headers=headers)
