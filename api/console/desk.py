"""What the payer's desk reads and does: runs, sums, files, statements; from the service, for whoever is logged in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from fastapi import Request

from api.actions import payout_runs, payouts, statements
from api.actions.actor import require_of_the_province
from api.auth.people import Person
from api.clock import now
from api.http.errors import refusal
from api.request_context import service_of
from api.service import Service
from meter.database.connect import driver
from meter.database.errors import reaching_database
from settlement.errors import NotAllowed
from settlement.payout.batch_files import ASK_AFTER, book_answers
from settlement.payout.batch_format import read_answers
from settlement.payout.refusals import keep_refusal
from settlement.payout.statements import report
from settlement.store.desk import locked_settlements, sums_by, without_account_named
from settlement.store.payout_files import list_files
from settlement.store.payout_refusals import list_refusals
from settlement.store.payout_runs import items_of, list_rules, list_runs, ready_within_the_limits, run_of
from settlement.store.statements import list_statements

Record = dict[str, Any]
EVERYTHING: Final = 2**31 - 1


class Desk:
    """The desk over one worker's service."""

    def __init__(self, service: Service) -> None:
        self._service = service

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        async with reaching_database(), self._service.engine.connect() as held:
            yield await driver(held)

    async def overview(self, settlement: str | None) -> Record:
        """What stands on the desk: settlements, sums by state and city, runs, files, missing accounts, refusals."""
        async with self._connection() as connection:
            rules = await list_rules(connection, 0, EVERYTHING)
            runs = await list_runs(connection, None, settlement, 0, EVERYTHING)
            return {
                "settlements": await locked_settlements(connection),
                "by_status": await sums_by(connection, "status", settlement),
                "by_city": await sums_by(connection, "city", settlement),
                "runs": list(reversed(runs)),
                "rule": next((one for one in rules if one["in_force"]), None),
                "files": list(reversed(await list_files(connection, 0, EVERYTHING)))[:20],
                "missing": await without_account_named(connection, settlement),
                "refusals": await list_refusals(connection, None, 20),
            }

    async def run(self, number: int) -> tuple[Record, list[Record]] | None:
        """One run and what is in it, or None."""
        async with self._connection() as connection:
            found = await run_of(connection, number)
            return None if found is None else (found, await items_of(connection, number, 0, EVERYTHING))

    async def propose(self, person: Person, settlement: str, note: str | None, *, in_parts: bool) -> Record:
        """Propose a run of what is ready, or in parts of it what the limits in force allow. Raises Problem."""
        fitting = None
        if in_parts:
            async with self._connection() as connection:
                fitting = await ready_within_the_limits(connection, settlement)
        async with reaching_database():
            return await payout_runs.propose(self._service.engine, person, settlement, fitting, note)

    async def decide(self, person: Person, run: int, word: str, digest: str | None, note: str | None) -> None:
        """Release, reject or stop a run. Raises Problem."""
        async with reaching_database():
            await payout_runs.decide(self._service.engine, person, run, word, digest, note)

    async def rules(self) -> Sequence[Record]:
        """Rules as they were proposed, the oldest first."""
        async with self._connection() as connection:
            return await list_rules(connection, 0, EVERYTHING)

    async def propose_rule(self, person: Person, said: Record) -> None:
        """Propose a rule. Raises Problem."""
        async with reaching_database():
            await payout_runs.rule(self._service.engine, person, said)

    async def confirm_rule(self, person: Person, number: int, note: str | None) -> None:
        """Put a proposed rule in force. Raises Problem."""
        async with reaching_database():
            await payout_runs.confirm_rule(self._service.engine, person, number, note)

    async def payment_list(self, person: Person, run: int, kind: str) -> tuple[bytes, str]:
        """The payment list of a run. Raises Problem."""
        async with reaching_database():
            return await payout_runs.payment_list(self._service.engine, person, run, kind)

    async def hand_over(self, person: Person, run: int, encoding: str) -> str:
        """Hand over what waits of a run in a file for the bank; its name. Raises Problem."""
        async with reaching_database():
            return await payout_runs.bank_file(self._service.engine, person, run, encoding)

    async def file(self, person: Person, name: str) -> bytes:
        """A file for the bank that was handed over. Raises Problem."""
        async with reaching_database():
            return await payout_runs.bank_file_again(self._service.engine, person, name)

    async def mark(self, person: Person, number: int, word: str, said: Record) -> None:
        """Book what a receipt of the bank says that somebody holds in hand. Raises Problem."""
        async with reaching_database():
            await payouts.record(self._service.engine, person, number, word, {**said, "file": "receipt"})

    async def take_answers(self, person: Person, name: str, raw: bytes, encoding: str) -> list[Record]:
        """Book a return file of the bank; what changed or was not booked. Raises Problem."""
        require_of_the_province(person, "payout:run")
        async with reaching_database():
            try:
                answers = read_answers(raw, encoding=encoding)
            except NotAllowed as error:
                await keep_refusal(
                    self._service.engine, error, instruction=None, about=name, word="answer", actor=person.actor,
                    file=name,
                )  # fmt: skip
                raise refusal(error.code, error.detail) from None
            return await book_answers(
                self._service.engine, answers, file=name, actor=person.actor, clock=now, after=ASK_AFTER
            )

    async def statements(self) -> Sequence[Record]:
        """Statements of the bank, the newest first."""
        async with self._connection() as connection:
            return list(reversed(await list_statements(connection, 0, EVERYTHING)))

    async def reconciliation(self) -> Record:
        """How the statements agree with the books."""
        async with reaching_database():
            return await report(self._service.engine)

    async def take_statement(self, person: Person, name: str, mapping: str, raw: bytes, own: str) -> Record:
        """Import a statement of the bank, under a mapping that there is or one of its own. Raises Problem."""
        async with reaching_database():
            return await statements.take_in(self._service.engine, person, name, mapping, raw, own=own)

    async def explain(self, person: Person, place: tuple[int, int], kind: str, claim: int | None, note: str) -> None:
        """Say what a line of a statement is. Raises Problem."""
        async with reaching_database():
            await statements.say(self._service.engine, person, place, kind, claim, note)


def desk_of(request: Request) -> Desk:
    """Give the desk of this worker's service."""
    return Desk(service_of(request))
