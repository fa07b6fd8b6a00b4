"""What one field finds: settlements, entities, payments, and records of any source."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request

from api.request_context import service_of
from api.service import Service
from meter.database.connect import driver
from meter.database.errors import reaching_database
from meter.journal.quarantine.queries import places_named
from settlement.store.search import instructions_named, lines_named, settlements_named

Record = dict[str, Any]
FOUND_MOST: Final = 20


class SearchQueries:
    """The searches of one field, each as far as the reader may see."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def find(self, text: str, *, money: bool, payouts: bool, records: bool) -> dict[str, list[Record]]:
        """Return what has this text, by kind; only the kinds that are asked for."""
        async with reaching_database(), self._service.engine.connect() as held:
            connection = await driver(held)
            found: dict[str, list[Record]] = {}
            if money:
                found["settlements"] = await settlements_named(connection, text, FOUND_MOST)
                found["lines"] = await lines_named(connection, text, FOUND_MOST)
            if payouts:
                found["instructions"] = await instructions_named(connection, text, FOUND_MOST)
            if records:
                found["records"] = await places_named(connection, self._service.recorder.keys, text)
        return found


def search_of(request: Request) -> SearchQueries:
    """Give the searches of this worker's service (tests put others in their place)."""
    return SearchQueries(service_of(request))
