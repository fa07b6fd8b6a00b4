"""What runs and what-ifs ask of the service: a settlement, the interval over the readings, a comparison; each a job."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from fastapi import Request

from api.actions import runs
from api.auth.people import Person
from api.console.job_queries import WAIT_SECONDS, wait_seconds_of
from api.queue.job import Job
from api.queue.jobs import failure
from api.request_context import service_of
from api.service import Service
from meter.database.errors import reaching_database
from settlement.jobs import settle

Record = dict[str, Any]
LINES_SHOWN: Final = 50
ENTITIES_SHOWN: Final = 10  # winners and losers of each case


class RunQueries:
    """Settlements run, and those that are computed without being kept."""

    def __init__(self, service: Service, wait_seconds: int = WAIT_SECONDS) -> None:
        self._service = service
        self._wait_seconds = wait_seconds

    async def run(self, person: Person, wanted: settle.Request) -> str:
        """Run a settlement; where to see it, or its job while it goes on. Raises Problem."""
        async with reaching_database():
            job = await self._over(await runs.run(self._service, person, wanted))
        return f"settlements/{job.result['settlement']}" if job.result is not None else f"jobs/{job.id}"

    async def interval(self, number: str) -> Record | int:
        """Return what the readings are worth to a settlement; the job while it goes on. Raises Problem."""
        asked = {"settlement": number, "most": LINES_SHOWN}
        async with reaching_database():
            job = await self._over(await self._service.jobs.ask("interval", asked))
        return job.id if job.result is None else dict(job.result)

    async def compared(self, of_round: str, cases: Sequence[Record], given: Mapping[str, str]) -> list[Record] | int:
        """Return a round under several cases, each beside the first; the job while it goes on. Raises Problem."""
        asked = {"round": of_round, "cases": cases, "most": ENTITIES_SHOWN, "given": dict(given)}
        async with reaching_database():
            job = await self._over(await self._service.jobs.ask("compare", asked))
        return job.id if job.result is None else list(job.result["items"])

    async def _over(self, job: Job) -> Job:
        job = await self._service.jobs.wait(job, self._wait_seconds)
        if job.over and job.state != "done":
            raise failure(job)
        return job


def runs_of(request: Request) -> RunQueries:
    """Give the runs of this worker's service (tests put others in their place)."""
    return RunQueries(service_of(request), wait_seconds_of(request))
