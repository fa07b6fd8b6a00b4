"""What the pages of a company ask: its own lines, use, accounts and words; the database sees whose session it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from fastapi import Request

from api.actions import companies as actions
from api.auth.people import Person
from api.clock import now
from api.console.kept import LINES
from api.console.wording.own import own_only
from api.request_context import service_of
from api.service import Service
from meter.database.connect import driver
from meter.database.errors import reaching_database
from settlement.explain.stored import told
from settlement.jobs.lines import setting_of
from settlement.store import companies

Record = dict[str, Any]
KEPT_SECONDS: Final = 60


class CompanyQueries:
    """Everything that somebody who acts for one entity is told, and what he may say."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def home(self, person: Person) -> Record:
        """Return the entity, its lines, accounts, confirmations, payments and what was not taken of its use."""
        async with self._connection() as connection:
            return {
                "entity": await companies.own_entity(connection) or {"uscc": person.uscc, "name": None, "region": None},
                "lines": [own_only(one, person.uscc) for one in await companies.own_lines(connection)],
                "accounts": await companies.own_accounts(connection),
                "confirmed": await companies.own_confirmations(connection),
                "payments": await companies.own_payments(connection),
                "refused": await companies.own_quarantine(connection),
            }

    async def line(self, person: Person, number: str) -> Record | None:
        """Return the entity's line of a settlement with all that belongs to it, and its steps once they are open."""
        async with self._connection() as connection:
            found = next((one for one in await companies.own_lines(connection) if one["id"] == number), None)
        if found is None:
            return None
        if found["working"] is not None:
            found["line"] = found["line"] | told(setting_of(found, of_a_city=True), found["line"], found["working"])
        shown: Record = own_only({**found, "working": None}, person.uscc)
        return shown

    async def use(self, person: Person) -> list[Record]:
        """Return the entity's use by month, facility and chip, as of a minute ago or less."""

        async def read() -> list[Record]:
            async with self._connection() as connection:
                return await companies.own_use(connection)

        minute = int(now().timestamp()) // KEPT_SECONDS
        return list(await LINES.get(("company", id(self._service), person.uscc, minute), read))

    async def confirm(self, person: Person, of_round: str, account: int | None) -> None:
        """Confirm intent and account. Raises Problem."""
        async with reaching_database():
            await actions.confirm(self._service.engine, person, of_round, account)

    async def propose_account(self, person: Person, said: Mapping[str, str]) -> int:
        """Propose another account. Raises Problem."""
        async with reaching_database():
            return await actions.propose_account(self._service.engine, person, said)

    async def object_to(self, person: Person, number: str, note: str) -> None:
        """Object to the entity's own line. Raises Problem."""
        async with reaching_database():
            await actions.object_to(self._service.engine, person, number, note)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        async with reaching_database(), self._service.engine.connect() as held:
            yield await driver(held)


def company_of(request: Request) -> CompanyQueries:
    """Give the company's queries of this worker's service (tests put others in their place)."""
    return CompanyQueries(service_of(request))
