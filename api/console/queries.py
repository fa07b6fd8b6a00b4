"""What the pages read: people's sessions, settlements, rounds and the quarantine; from the database, or from a fake."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

import asyncpg
from fastapi import Request

from api.actions import accounts, clawbacks, payouts
from api.auth import sessions
from api.auth.people import Person
from api.clock import now
from api.console.job_queries import JobQueries, wait_seconds_of
from api.console.kept import LINES
from api.console.line_filter import LineFilter
from api.request_context import service_of
from meter.audit import store as audit_store
from meter.database.connect import driver
from meter.database.errors import reaching_database
from meter.journal.quarantine.queries import quarantine_groups, quarantined_alike, quarantined_one
from meter.journal.queries import find_record, source_and_id_at
from settlement.jobs.lines import explained_line
from settlement.rounds import Round, load_rounds
from settlement.store.accounts import list_account_proposals
from settlement.store.changes import changed_accounts, list_changes
from settlement.store.clawbacks import list_clawbacks
from settlement.store.decisions import waiting_cities
from settlement.store.desk import progress_of
from settlement.store.findings import list_findings
from settlement.store.instructions import events_of, list_instructions
from settlement.store.line_index import line_index, lines_called
from settlement.store.lines import cities_of, list_lines
from settlement.store.payout_refusals import list_refusals
from settlement.store.settlements import adjustments_of, get_settlement, list_settlements, settled_in

Record = dict[str, Any]
INSTRUCTIONS_MAX = 1000
LONGEST_RECORD_BYTES = 4000  # of a record in quarantine, which may have 32 MiB, a page shows the beginning
NOT_WITH_THE_BANK = ("ready", "failed", "returned")


class Queries(JobQueries):
    """Everything the console asks for; objects have the contract's shapes. Tests of pages put lists in its place."""

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        async with reaching_database(), self._service.engine.connect() as held:
            yield await driver(held)

    async def log_in(self, name: str, password: str, code: str | None, client: str) -> str | None:
        """Return a session's token, or None; `code` is that of the second factor. Raises Problem 429."""
        service = self._service
        async with reaching_database():
            return await sessions.log_in(
                service.engine, name, password, now(), code, client=client, hashing=service.hashing,
                needed=service.settings.second_factor,
            )  # fmt: skip

    async def whose(self, token: str | None) -> Person | None:
        """Return whose session it is, or None."""
        async with reaching_database():
            return await sessions.whose(self._service.engine, token, now())

    async def log_out(self, token: str) -> None:
        """End a session."""
        async with reaching_database():
            await sessions.log_out(self._service.engine, token, now())

    async def prove(self, token: str, password: str, code: str | None) -> bool:
        """Show password and code again; afterwards nobody is acted for until the session is asked whose it is."""
        async with reaching_database():
            return await sessions.prove_again(
                self._service.engine, token, password, code, now(), hashing=self._service.hashing
            )

    async def change_password(self, token: str, given: Mapping[str, str]) -> str:
        """Change the password of whose session it is: "" when it is done, or a word that says why not."""
        async with reaching_database():
            return await sessions.change_password(
                self._service.engine, token, given, now(), hashing=self._service.hashing
            )

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

    async def waiting(self, number: str) -> list[str]:
        """Return cities that have not passed review."""
        async with self._connection() as connection:
            return await waiting_cities(connection, number)

    async def adjustments(self, number: str) -> list[Record]:
        """Return the settlements that stand on this one."""
        async with self._connection() as connection:
            return await adjustments_of(connection, number)

    async def findings(
        self, number: str, consumers: Sequence[str] | None, kind: str | None, limit: int
    ) -> list[Record]:
        """Return what the records show that a reviewer should see: of these entities, of this kind, or of all."""
        async with self._connection() as connection:
            return await list_findings(connection, number, consumers=consumers, kind=kind, limit=limit)

    async def payouts(self, status: str | None, settlement: str | None, after: int, limit: int) -> list[Record]:
        """Return payout instructions with masked accounts, in order of their numbers."""
        async with self._connection() as connection:
            return await list_instructions(connection, status, settlement, after, limit)

    async def payment_progress(self, settlement: str) -> Record:
        """How many of a settlement's payments are made, of how many."""
        async with self._connection() as connection:
            return await progress_of(connection, settlement)

    async def payout_events(self, instruction: int) -> list[Record]:
        """Return what happened to an instruction, oldest first."""
        async with self._connection() as connection:
            return await events_of(connection, instruction)

    async def payout_refusals(self, instruction: int | None, limit: int) -> list[Record]:
        """Return words of the bank that were not booked, the newest first: of one instruction, or of all."""
        async with self._connection() as connection:
            return await list_refusals(connection, instruction, limit)

    async def clawbacks(self, status: str | None, settlement: str | None, after: int, limit: int) -> list[Record]:
        """Return clawbacks with what was proposed and decided, in order of their numbers."""
        async with self._connection() as connection:
            return await list_clawbacks(connection, status, settlement, after, limit)

    async def offsettable(self, uscc: str) -> list[Record]:
        """Return instructions to an entity against which a clawback can be offset: not yet with the bank."""
        async with self._connection() as connection:
            found = await list_instructions(connection, None, None, 0, INSTRUCTIONS_MAX, uscc=uscc)
        return [one for one in found if one["status"] in NOT_WITH_THE_BANK]

    async def decide_payout(self, person: Person, instruction: int, word: str, said: Record) -> None:
        """Retry or settle. Raises Problem."""
        async with reaching_database():
            await payouts.record(self._service.engine, person, instruction, word, said)

    async def decide_clawback(self, person: Person, clawback: int, word: str, said: Record) -> None:
        """Propose, approve or reject. Raises Problem."""
        async with reaching_database():
            await clawbacks.decide(self._service.engine, person, clawback, word, said)

    async def accounts(self, status: str | None, uscc: str | None, after: int, limit: int) -> list[Record]:
        """Return bank accounts as they were proposed, masked, in order of their numbers."""
        async with self._connection() as connection:
            return await list_account_proposals(connection, status, uscc, after, limit)

    async def decide_account(self, person: Person, proposal: int, word: str, said: Record) -> None:
        """Approve or reject an account. Raises Problem."""
        async with reaching_database():
            await accounts.decide(self._service.engine, person, proposal, word, said)

    async def changes(self, number: str, limit: int) -> tuple[list[Record], Record]:
        """Return what was recorded since a settlement's run about its lines; and its payable lines' accounts."""
        async with self._connection() as connection:
            return await list_changes(connection, number, (0, -1), limit), await changed_accounts(connection, number)

    async def audit(self, before: int | None, limit: int, actor: str | None, about: str | None) -> list[Record]:
        """Return rows of the audit log, the newest first."""
        async with self._connection() as connection:
            return await audit_store.latest(connection, before, limit, actor=actor, object_=about)

    async def audit_export(self) -> AsyncIterator[bytes]:
        """Yield the whole audit log as NDJSON."""
        async with reaching_database():
            async for portion in audit_store.export(self._service.engine):
                yield portion

    async def settlements(self, before: tuple[str, str] | None, limit: int) -> list[Record]:
        """Return settlements, newest first; `before` is (created_at, id) of the last one seen."""
        async with self._connection() as connection:
            return await list_settlements(connection, before=before, limit=limit)

    async def settlement(self, number: str) -> Record | None:
        """Return one settlement with receipt, matches and events."""
        async with self._connection() as connection:
            return await get_settlement(connection, number)

    async def lines(
        self, number: str, region: str | None, status: str | None, q: str | None, after: str, limit: int
    ) -> list[Record]:
        """Return lines in order of code."""
        async with self._connection() as connection:
            return await list_lines(connection, number, region=region, status=status, q=q, after=after, limit=limit)

    async def line(self, number: str, uscc: str, *, of_a_city: bool) -> Record | None:
        """Return a line with its steps and its excluded use; who works for a city is told no figure of the province."""
        async with self._connection() as connection:
            return await explained_line(connection, number, uscc, of_a_city=of_a_city)

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

    def rounds(self) -> Mapping[str, Round]:
        """Return the rounds known."""
        return load_rounds()


def _readable(record: Any) -> str:
    return json.dumps(record, ensure_ascii=False, indent=2)[:LONGEST_RECORD_BYTES]


def queries_of(request: Request) -> Queries:
    """The queries of this worker's service (tests put others in their place)."""
    return Queries(service_of(request), wait_seconds_of(request))
