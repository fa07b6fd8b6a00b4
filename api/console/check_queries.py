"""What the page of checks reads and asks for: the last checkpoint, and jobs that recompute or give evidence."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from fastapi import Request

from api.actions.runs import asked_about
from api.console.job_queries import wait_seconds_of
from api.console.kept import LINES
from api.queue.job import Job, Output
from api.queue.store import list_jobs
from api.request_context import service_of
from api.service import Service
from meter.database.connect import driver
from meter.database.errors import reaching_database
from settlement.checkpoint.proof import Prover
from settlement.errors import NoProof
from settlement.store.tree import last_made

Record = dict[str, Any]
SHOWN_OF_A_KIND: Final = 10


class CheckQueries:
    """Checkpoint, verification and evidence over one worker's service."""

    def __init__(self, service: Service, wait_seconds: int) -> None:
        self._service = service
        self._wait_seconds = wait_seconds

    async def checkpoint(self) -> Record | None:
        """Return the last checkpoint: when, whose, by which key, its leaves, their root, and what came after it."""
        async with reaching_database(), self._service.engine.connect() as held:
            connection = await driver(held)
            made = await last_made(connection)
            said = _said(made["detail"]) if made else {}
            if made is None or not isinstance(said.get("batch"), int):
                return None
            size = said["batch"] + made["seq"]

            async def root() -> str:
                try:
                    return base64.b64encode((await Prover.of(connection, size)).root).decode()
                except NoProof:
                    return ""

            kept = await LINES.get((self._service.settings.data, id(self._service), "root", made["seq"]), root)
        return {
            "at": made["at"].isoformat(), "origin": made["origin"], "key": str(said.get("tree", "")), "size": size,
            "root": kept, "batch": said["batch"], "row": made["seq"],
            "batches_since": made["batch_head"] - said["batch"], "rows_since": made["audit_head"] - made["seq"],
        }  # fmt: skip

    async def jobs(self, kinds: tuple[str, ...]) -> list[Job]:
        """Return the newest jobs of these kinds, the newest first."""
        found: list[Job] = []
        async with reaching_database(), self._service.engine.connect() as held:
            connection = await driver(held)
            for kind in kinds:
                found += await list_jobs(
                    connection, asked_by=None, kind=kind, state=None, before=None, limit=SHOWN_OF_A_KIND
                )
        return sorted(found, key=lambda job: -job.id)[:SHOWN_OF_A_KIND]

    async def verify_usage(self) -> int:
        """Have every record added up anew and compared with the totals that are kept; the job."""
        return await self._asked(await self._service.jobs.ask("recompute", {}))

    async def verify(self, number: str) -> int:
        """Have a settlement recomputed from the records; the job. Raises Problem 404."""
        async with reaching_database():
            return await self._asked(await asked_about(self._service, "verify", number))

    async def evidence(self, number: str) -> int:
        """Have the bundle made that an auditor checks without us; the job. Raises Problem 404."""
        output = Output("application/zip", f"{number}-evidence.zip")
        async with reaching_database():
            return await self._asked(await asked_about(self._service, "evidence", number, output))

    async def _asked(self, job: Job) -> int:
        async with reaching_database():
            return (await self._service.jobs.wait(job, self._wait_seconds)).id


def _said(detail: Any) -> Record:
    """Return the detail of a row of the log; nothing where it cannot be read."""
    try:
        found = json.loads(detail) if isinstance(detail, str) else detail
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def checks_of(request: Request) -> CheckQueries:
    """Give the checks of this worker's service (tests put others in their place)."""
    return CheckQueries(service_of(request), wait_seconds_of(request))
