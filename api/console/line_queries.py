"""What pages read of lines, records and the quarantine; lines are kept by the process, for they never change."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import asyncpg

from api.actions import conflicts
from api.auth.people import Person
from api.console.job_queries import JobQueries
from api.console.kept import LINES
from api.console.line_filter import LineFilter
from meter.database.connect import driver
from meter.database.errors import reaching_database
from meter.journal.quarantine.queries import quarantine_groups, quarantined_alike, quarantined_one
from meter.journal.quarantine.store import decisions_about
from meter.journal.queries import find_record, source_and_id_at
from settlement.store.companies import confirmed_by
from settlement.store.line_index import line_index, lines_called
from settlement.store.lines import cities_of
from settlement.store.settlements import settled_in

Record = dict[str, Any]
LONGEST_RECORD_BYTES: Final = 4000  # of a record, which may have 32 MiB, a page shows the beginning


class LineQueries(JobQueries):
    """The connection of all queries, and what they ask about lines and records."""

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        async with reaching_database(), self._service.engine.connect() as held:
            yield await driver(held)

    async def cities(self, settlement: Record, city: str | None) -> list[Record]:
        """Return what each city's lines come to; kept, for lines never change."""

        async def read() -> list[Record]:
            async with self._connection() as connection:
                return await cities_of(connection, settlement["id"])

        return list(await LINES.get((settlement["id"], settlement["digest"], city, "cities"), read))

    async def line_index(self, settlement: Record, city: str | None, asked: LineFilter) -> Record:
        """Return the codes of the lines that a filter finds, in order, with sums; kept, for lines never change."""
        number, key = settlement["id"], (settlement["digest"], city, replace(asked, page=1))

        async def read() -> Record:
            async with self._connection() as connection:
                return await line_index(
                    connection, number, region=asked.region, status=asked.status or None, q=asked.q,
                    order=asked.sort, reason=asked.reason or None,
                )  # fmt: skip

        return dict(await LINES.get((number, *key), read))

    async def lines_called(self, number: str, codes: list[str]) -> list[Record]:
        """Return these lines, in this order."""
        async with self._connection() as connection:
            return await lines_called(connection, number, codes)

    async def confirmed_by(self, uscc: str, of_round: str) -> Record | None:
        """Return what an entity confirmed last about a round, or None; for who sees the whole province."""
        async with self._connection() as connection:
            return await confirmed_by(connection, uscc, of_round)

    async def record_at(self, batch: int, ordinal: int) -> Record | None:
        """Return the whole life of the record at a place of the journal, with its text as it came; or None."""
        async with self._connection() as connection:
            named = await source_and_id_at(connection, batch, ordinal)
            found = None if named is None else await find_record(connection, self._service.recorder.keys, *named)
            if found is None:
                return None
            recorded = found.get("recorded")
            settled: list[Record] = []
            if recorded is not None:
                times = (datetime.fromisoformat(recorded[name]) for name in ("started_at", "ended_at"))
                settled = await settled_in(connection, recorded["consumer"], found["batch"], *times)
            return {**found, "settled_in": settled, "text": _readable(found["record"])}

    async def quarantine_groups(self) -> list[Record]:
        """Return what waits for a person, by reason and facility."""
        async with self._connection() as connection:
            return await quarantine_groups(connection)

    async def quarantined_alike(self, code: str, facility: str | None, after: int, limit: int) -> list[Record]:
        """Return what waits for one reason, oldest first; of long records the beginning."""
        async with self._connection() as connection:
            return await quarantined_alike(connection, code, facility, after, limit, LONGEST_RECORD_BYTES)

    async def quarantined_one(self, number: int) -> tuple[Record, Record | None] | None:
        """Return one record in quarantine and, where another stands under its id, that one with its text."""
        async with self._connection() as connection:
            item = await quarantined_one(connection, number, LONGEST_RECORD_BYTES)
            if item is None:
                return None
            named = item["source"], item["id"]
            first = await find_record(connection, self._service.recorder.keys, *named) if item["id"] else None
        return item, None if first is None else {**first, "text": _readable(first["record"])}

    async def conflict_decisions(self, number: int) -> list[Record]:
        """Return what was decided about two versions of one record, oldest first."""
        async with self._connection() as connection:
            return await decisions_about(connection, number)

    async def decide_conflict(self, person: Person, number: int, decision: str, reason: str) -> None:
        """Put a decision about a conflict on record. Raises Problem."""
        async with reaching_database():
            await conflicts.decide(self._service, person, number, decision, reason)


def _readable(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, indent=2)[:LONGEST_RECORD_BYTES]
