"""What the pages of the registry read and ask: facts with their history, and entries of two hands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from fastapi import Request

from api.actions import accounts, registry_entries
from api.actions.usage import replay_everything
from api.auth.people import Person
from api.request_context import service_of
from api.service import Service
from meter.database.connect import driver
from meter.database.errors import reaching_database
from meter.registry.entries.store import list_entries
from meter.registry.history import queries
from settlement.store.desk import without_account_named

Record = dict[str, Any]
FACTS_MOST: Final = 200  # of each kind that a page shows, the newest


class RegistryQueries:
    """The registry as people see it; tests of pages put lists in its place."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def named(self, kind: str, text: str, after: str, limit: int) -> list[Record]:
        """Return entities or facilities by a part of code or name, in order of code."""
        read = queries.entities_named if kind == "entities" else queries.facilities_named
        async with reaching_database(), self._service.engine.connect() as held:
            return await read(await driver(held), text, after, limit)

    async def entity(self, uscc: str) -> dict[str, list[Record]]:
        """Return what is on record about an entity: facts, holdings and evidence, the oldest first."""
        async with reaching_database(), self._service.engine.connect() as held:
            connection = await driver(held)
            return {
                "facts": await queries.facts_about_entity(connection, uscc, FACTS_MOST),
                "holdings": await queries.holdings_of(connection, uscc, FACTS_MOST),
                "evidence": await queries.evidence_of(connection, uscc, FACTS_MOST),
            }

    async def facility(self, code: str) -> list[Record]:
        """Return what is on record about a facility, the oldest first."""
        async with reaching_database(), self._service.engine.connect() as held:
            return await queries.facts_about_facility(await driver(held), code, FACTS_MOST)

    async def entries(self, status: str | None, about: str | None, after: int, limit: int) -> list[Record]:
        """Return entries below a number, the newest first."""
        async with reaching_database(), self._service.engine.connect() as held:
            return await list_entries(await driver(held), status, about, after, limit)

    async def missing_accounts(self) -> list[Record]:
        """Return who is to be paid and has no approved account, by settlement and code."""
        async with reaching_database(), self._service.engine.connect() as held:
            return await without_account_named(await driver(held), None)

    async def propose_accounts(self, person: Person, name: str, raw: bytes) -> tuple[int, int]:
        """Propose the accounts of a file; how many are new, and of how many. Raises Problem."""
        async with reaching_database():
            return await accounts.propose_file(self._service.engine, person, name, raw)

    async def replay(self, person: Person) -> dict[str, int]:
        """Try what is in quarantine again; how many records were received, accepted, refused. Raises Problem."""
        async with reaching_database():
            return await replay_everything(self._service, person)

    async def propose(self, person: Person, kind: str, said: Mapping[str, Any], reason: str) -> int:
        """Propose a fact; the number of the entry. Raises Problem."""
        async with reaching_database():
            return await registry_entries.propose(self._service, person, kind, said, reason)

    async def decide(self, person: Person, number: int, word: str, note: str | None) -> int | None:
        """Confirm or reject; the batch of what was recorded. Raises Problem."""
        async with reaching_database():
            return await registry_entries.decide(self._service, person, number, word, note)


def registry_of(request: Request) -> RegistryQueries:
    """Give the registry of this worker's service (tests put others in their place)."""
    return RegistryQueries(service_of(request))
