"""What the console asks for that is a job: decisions, adjustments, verification, reports; and jobs as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request, Response

from api.actions import decisions, runs
from api.actions.job_answers import output_of
from api.auth.people import Person
from api.http.prefer import wait_of
from api.queue.job import Job, Output
from api.queue.jobs import failure
from api.service import Service
from meter.database.errors import reaching_database
from settlement.report import MEDIA_TYPES

Record = dict[str, Any]
WAIT_SECONDS = 3  # for a job; then its page shows how far it is


class JobQueries:
    """Work that takes long: waited for a little, then it has a page of its own."""

    def __init__(self, service: Service, wait_seconds: int = WAIT_SECONDS) -> None:
        self._service = service
        self._wait_seconds = wait_seconds

    async def decide(self, person: Person, number: str, event: str, said: Mapping[str, Any]) -> int | None:
        """Take a decision about a settlement; its job, where that is not over soon. Raises Problem."""
        async with reaching_database():
            job = await decisions.decide(self._service, person, number, event, said)
            if job is None:
                return None
            job = await self._service.jobs.wait(job, self._wait_seconds)
        if not job.over:
            return job.id
        if job.state != "done" and job.kind == "lock":
            raise failure(job)
        return None

    async def adjust(self, person: Person, number: str) -> str | int:
        """Settle what arrived since a lock; the new settlement, or its job that is not over soon. Raises Problem."""
        async with reaching_database():
            job = await runs.adjust(self._service, person, number)
            job = await self._service.jobs.wait(job, self._wait_seconds)
        if not job.over:
            return job.id
        if job.state != "done" or job.result is None:
            raise failure(job)
        return str(job.result["settlement"])

    async def verify(self, number: str) -> int:
        """Have a settlement recomputed; the job. Raises Problem."""
        async with reaching_database():
            job = await runs.asked_about(self._service, "verify", number)
            return (await self._service.jobs.wait(job, self._wait_seconds)).id

    async def report(self, request: Request, settlement: Record, asked: Record, file_name: str) -> Response | int:
        """A report as a file, as it comes; its job, where that has not begun soon. Raises Problem."""
        async with reaching_database():
            output = Output(MEDIA_TYPES[asked["kind"]], file_name)
            job = await self._service.jobs.ask("report", {"settlement": settlement["id"], **asked}, output)
            return await output_of(request, job, seconds=self._wait_seconds, abandon=True) or job.id

    async def job(self, number: int) -> Job | None:
        """A job as it stands, if it is to be seen."""
        async with reaching_database():
            return await self._service.jobs.get(number)

    async def job_output(self, request: Request, job: Job) -> Response | None:
        """What a job gives in bytes, as it comes; None where it has not begun. Raises Problem."""
        async with reaching_database():
            return await output_of(request, job, seconds=self._wait_seconds)

    async def cancel_job(self, number: int) -> bool:
        """End a job before it has an effect; False where it has ended already."""
        async with reaching_database():
            return await self._service.jobs.cancel(number)


def wait_seconds_of(request: Request) -> int:
    """For how many seconds a page waits for a job before that has a page of its own."""
    return wait_of(request) if "prefer" in request.headers else WAIT_SECONDS
