"""Checks from memory: a checkpoint that is made up, and jobs that are asked for and answered at once."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from api.clock import now
from api.console.check_queries import CheckQueries
from api.http.problem import Problem
from api.queue.job import Job
from tests.console.fake import FakeQueries

Record = dict[str, Any]
ROOT = "q2SAkH0c7m8x9YpT1v5oN3rW4uZ6bE8dF0gJ2kL4nM0="


class FakeChecks(CheckQueries):
    """What the page of checks asks for."""

    def __init__(self, queries: FakeQueries) -> None:
        self.queries = queries

    async def checkpoint(self) -> Record | None:
        return {
            "at": (now() - timedelta(hours=30)).isoformat(), "origin": "suanbu/anhui",
            "key": "suanbu/anhui+0badcafe+AQ",
            "size": 1_250, "root": ROOT, "batch": 1_000, "row": 250, "batches_since": 3, "rows_since": 7,
        }  # fmt: skip

    async def jobs(self, kinds: tuple[str, ...]) -> list[Job]:
        return [job for job in self.queries.jobs.values() if job.kind in kinds]

    async def verify_usage(self) -> int:
        return self._taken("", "recompute")

    async def verify(self, number: str) -> int:
        return self._taken(number, "verify")

    async def evidence(self, number: str) -> int:
        return self._taken(number, "evidence")

    def _taken(self, number: str, kind: str) -> int:
        if number not in ("", *(one["id"] for one in self.queries.held)):
            raise Problem(404, "UNKNOWN_SETTLEMENT", number)
        self.queries.decided.append(("", number, kind, {}))
        return 7
