"""What runs and what-ifs ask of the service: a settlement, the interval over the readings, a comparison."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import Request

from api.actions import runs
from api.auth.people import Person
from api.console.kept import LINES
from api.request_context import service_of
from api.service import Service
from meter.database.errors import reaching_database
from settlement.errors import SettlementRefused
from settlement.jobs import settle
from settlement.jobs.compare import compared, interval_of

Record = dict[str, Any]


class RunQueries:
    """Settlements run, and those that are computed without being kept."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def run(self, person: Person, wanted: settle.Request) -> str:
        """Run a settlement; where to see it. Raises Problem."""
        async with reaching_database():
            return f"settlements/{await runs.run(self._service, person, wanted)}"

    async def interval(self, number: str) -> Record:
        """Return the awards of a settlement over all readings; kept, for neither changes. Raises Problem."""

        async def read() -> Record:
            async with reaching_database(), self._service.settling:
                return await interval_of(self._service.engine, number)

        try:
            return dict(await LINES.get((id(self._service), number, "interval"), read))
        except SettlementRefused as error:
            raise runs.refused(error) from None

    async def compared(self, wanted: Mapping[str, Any]) -> list[Record]:
        """Return settlements of a round under several orders and readings; nothing is stored. Raises Problem."""
        try:
            async with reaching_database(), self._service.settling:
                return list((await compared(self._service.engine, wanted))["items"])
        except SettlementRefused as error:
            raise runs.refused(error) from None


def runs_of(request: Request) -> RunQueries:
    """Give the runs of this worker's service (tests put others in their place)."""
    return RunQueries(service_of(request))
