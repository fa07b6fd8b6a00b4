"""What the overview reads: the round's newest settlement by city, use by month, the intake, and what waits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import date, datetime, timedelta
from typing import Any, Final

import asyncpg
from fastapi import Request

from api.clock import now
from api.console.kept import LINES, Beside
from api.request_context import service_of
from api.service import Service
from meter.database.connect import driver
from meter.database.errors import reaching_database
from meter.database.scope import NOBODY, acting
from meter.days import SHANGHAI
from meter.jobs.by_city import use_by_month_and_city, used_and_supplied
from meter.journal.quarantine.queries import intake_health, quarantine_groups
from meter.registry.reconcile import reconcile
from settlement.store.accounts import list_account_proposals
from settlement.store.city_sums import awarded_by_city, city_sums, locked_in
from settlement.store.clawbacks import list_clawbacks
from settlement.store.desk import locked_settlements
from settlement.store.held import held_by_reason
from settlement.store.instructions import list_instructions
from settlement.store.payout_runs import list_runs

Record = dict[str, Any]
RECONCILED_DAYS: Final = 35
KEPT_SECONDS: Final = 60
# adding up a province takes seconds: it is done beside the requests, and a picture of months can be a little behind
USE: Final = Beside(fresh_seconds=600, patience_seconds=0.1)
WAITING_MOST: Final = 1000


class OverviewQueries:
    """The figures of the overview; of lines they are kept for good, of the journal for a while."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def by_city(self, settlement: Record, city: str | None) -> list[Record]:
        """Return what the lines of a settlement come to by city, as far as this reader sees them."""

        async def read(connection: asyncpg.Connection) -> list[Record]:
            return await city_sums(connection, settlement["id"])

        return list(await self._kept((settlement["id"], settlement["digest"], city, "overview"), read))

    async def held(self, settlement: Record, city: str | None, codes: list[str]) -> list[Record]:
        """Return what a settlement holds and refuses by reason, as far as this reader sees its lines."""

        async def read(connection: asyncpg.Connection) -> list[Record]:
            return await held_by_reason(connection, settlement["id"], codes)

        return list(await self._kept((settlement["id"], settlement["digest"], city, "held"), read))

    async def use(self) -> tuple[datetime, list[Record]] | None:
        """Return use by month and city of the consumers, and as of when; None where it is added up just now."""

        async def read() -> Any:
            async with reaching_database(), self._service.engine.connect() as held:
                return await use_by_month_and_city(await driver(held))

        return await USE.get((self._service.settings.data, id(self._service)), read, now())

    async def balance(self) -> tuple[datetime, list[Record]] | None:
        """Return used, supplied and charged by month and city, and as of when; None where it is added up just now.

        It is read on nobody's behalf, because it is kept for all readers; a page shows each of them the own city's.
        """

        async def read() -> Any:
            async with reaching_database(), self._service.engine.connect() as held:
                return await used_and_supplied(await driver(held))

        with acting(NOBODY):
            return await USE.get((self._service.settings.data, id(self._service), "balance"), read, now())

    async def awarded(self, city: str | None) -> list[Record]:
        """Return what locked settlements award by month of the lock and city, as far as this reader sees it."""
        async with reaching_database(), self._service.engine.connect() as held:
            locked = await locked_in(await driver(held))
        found = []
        for one in locked:
            sums = await self._kept((one["id"], one["digest"], city, "awarded"), _awarded(one["id"]))
            found += [{"month": one["month"], **each} for each in sums]
        return found

    async def intake(self) -> Record:
        """Return how the intake is, what waits in quarantine, and days on which a source says it sent more."""

        async def read(connection: asyncpg.Connection) -> Record:
            today = now().astimezone(SHANGHAI).date()
            days = await _gaps(connection, today)
            return {**await intake_health(connection), "waiting": await quarantine_groups(connection), "gaps": days}

        return dict(await self._kept(("intake", self._minute()), read))

    async def waiting(self, scopes: frozenset[str]) -> dict[str, int]:
        """Return how many accounts, payments, runs and clawbacks wait for who has these scopes."""
        async with reaching_database(), self._service.engine.connect() as held:
            connection = await driver(held)
            found: dict[str, int] = {}
            if "settlement:approve" in scopes:
                found["accounts"] = len(await list_account_proposals(connection, "proposed", None, 0, WAITING_MOST))
                found["runs"] = len(await list_runs(connection, "proposed", None, 0, WAITING_MOST))
                for status in ("disputed", "failed", "returned"):
                    found[status] = len(await list_instructions(connection, status, None, 0, WAITING_MOST))
            if "settlement:run" in scopes:
                found["clawbacks"] = len(await list_clawbacks(connection, "open", None, 0, WAITING_MOST))
            if "payout:run" in scopes:
                found["proposable"] = sum(one["proposable"] for one in await locked_settlements(connection))
        return {name: count for name, count in found.items() if count}

    async def _kept(self, key: tuple[Any, ...], read: Any) -> Any:
        async def asked() -> Any:
            async with reaching_database(), self._service.engine.connect() as held:
                return await read(await driver(held))

        return await LINES.get((self._service.settings.data, id(self._service), *key), asked)

    def _minute(self) -> int:
        return int(now().timestamp()) // KEPT_SECONDS


def _awarded(settlement: str) -> Callable[[asyncpg.Connection], Awaitable[list[Record]]]:
    async def read(connection: asyncpg.Connection) -> list[Record]:
        return await awarded_by_city(connection, settlement)

    return read


async def _gaps(connection: asyncpg.Connection, today: date) -> list[Record]:
    """Return the days of the last weeks on which declared and recorded differ."""
    first = today - timedelta(days=RECONCILED_DAYS)
    rows = await reconcile(connection, first, today + timedelta(days=1), "", 10_000)
    return [
        {"day": row.day.isoformat(), "source": row.source, "records": row.gap.records, "charge_fen": row.gap.charge_fen}
        for row in rows
        if row.gap is not None and (row.gap.records or row.gap.charge_fen)
    ]


def overview_of(request: Request) -> OverviewQueries:
    """Give the overview's queries of this worker's service (tests put others in their place)."""
    return OverviewQueries(service_of(request))
