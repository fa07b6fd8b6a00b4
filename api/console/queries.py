"""What the pages read: people's sessions, settlements, rounds and the quarantine; from the database, or from a fake."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from typing import Any

from fastapi import Request

from api.actions import accounts, clawbacks, payouts
from api.auth import sessions
from api.auth.people import Person
from api.clock import now
from api.console.job_queries import wait_seconds_of
from api.console.line_queries import LONGEST_RECORD_BYTES, LineQueries
from api.request_context import service_of
from meter.audit import store as audit_store
from meter.database.errors import reaching_database
from settlement.jobs.lines import explained_line
from settlement.rounds import Round, load_rounds
from settlement.store.accounts import list_account_proposals
from settlement.store.changes import changed_accounts, list_changes
from settlement.store.clawbacks import list_clawbacks
from settlement.store.decisions import waiting_cities
from settlement.store.desk import progress_of
from settlement.store.findings import findings_of_city, list_findings
from settlement.store.instructions import events_of, list_instructions
from settlement.store.lines import list_lines
from settlement.store.payout_refusals import list_refusals
from settlement.store.settlements import adjustments_of, get_settlement, list_settlements

Record = dict[str, Any]
__all__ = ["LONGEST_RECORD_BYTES", "Queries", "Record", "queries_of"]
INSTRUCTIONS_MAX = 1000
NOT_WITH_THE_BANK = ("ready", "failed", "returned")


class Queries(LineQueries):
    """Everything the console asks for; objects have the contract's shapes. Tests of pages put lists in its place."""

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

    async def findings_of_city(self, number: str, consumers: Sequence[str], limit: int) -> list[Record]:
        """Return what whoever is bound to a city may know of findings about these lines of it."""
        async with self._connection() as connection:
            return await findings_of_city(connection, number, consumers, limit)

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

    async def audit(
        self, before: int | None, limit: int, actor: str | None, about: str | None, since: date | None,
        until: date | None,
    ) -> list[Record]:  # fmt: skip
        """Return rows of the audit log, the newest first; both days are included."""
        async with self._connection() as connection:
            return await audit_store.latest(
                connection, before, limit, actor=actor, object_=about, since=since, until=until
            )

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

    def rounds(self) -> Mapping[str, Round]:
        """Return the rounds known."""
        return load_rounds()


def queries_of(request: Request) -> Queries:
    """The queries of this worker's service (tests put others in their place)."""
    return Queries(service_of(request), wait_seconds_of(request))
