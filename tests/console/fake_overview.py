"""Figures of the overview from memory."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from api.console.overview_queries import OverviewQueries
from tests.console.fake import FakeQueries

Record = dict[str, Any]
QUANTITIES = ("consumed", "supplied", "net")


class FakeOverview(OverviewQueries):
    """The same figures from the lines of the fake console, and an intake that is made up."""

    def __init__(self, queries: FakeQueries) -> None:
        self.queries = queries
        self.waits: dict[str, int] = {}
        self.adding_up = queries.adding_up

    async def by_city(self, settlement: Record, city: str | None) -> list[Record]:
        return [
            {**one, **dict.fromkeys(QUANTITIES, 1_500), "spend_fen": 5 * one["payable_fen"],
             "base_fen": 5 * one["payable_fen"], "award_fen": one["payable_fen"]}
            for one in await self.queries.cities(settlement, city)
        ]  # fmt: skip

    async def held(self, settlement: Record, city: str | None, codes: list[str]) -> list[Record]:
        lines = await self.queries.lines(settlement["id"], city, None, None, "", 2**31 - 1)
        found: dict[str, Record] = {}
        for line in lines:
            for code in set(line["reasons"]) & set(codes):
                one = found.setdefault(code, {"code": code, "lines": 0, "held_fen": 0, "payable_fen": 0, "cities": 1})
                one["lines"] += 1
                one["held_fen"] += line["held_fen"]
        return list(found.values())

    async def use(self) -> tuple[datetime, list[Record]] | None:
        if self.adding_up:
            return None
        return datetime(2025, 10, 9, tzinfo=UTC), [
            {"month": f"2025-{month:02d}", "city": city, "card_hours": 1000 * month, "charge_fen": 5, "records": 7}
            for month in (9, 10)
            for city in ("340100", None)
        ]

    async def balance(self) -> tuple[datetime, list[Record]] | None:
        if self.adding_up:
            return None
        return datetime(2025, 10, 9, tzinfo=UTC), [
            {"month": f"2025-{month:02d}", "city": city, "consumed": 10 * month, "supplied": supplied,
             "net": 10 * month - supplied, "spend_fen": 5, "unstated_fen": 0}
            for month in (9, 10)
            for city, supplied in (("340100", 104), ("340200", 0), (None, 0))
        ]  # fmt: skip

    async def awarded(self, city: str | None) -> list[Record]:
        return [
            {"month": "2025-11", "city": one, "award_fen": 1_234_500}
            for one in ("340100", "340200") if city in (None, one)
        ]  # fmt: skip

    async def intake(self) -> Record:
        moment = datetime(2025, 10, 9, tzinfo=UTC)
        return {
            "batches": 3, "received": 1_234, "accepted": 1_200, "duplicate": 30, "conflict": 1, "refused": 3,
            "sources": [{"name": "platform", "batch": 3, "recorded_at": moment, "used_until": moment}],
            "waiting": await self.queries.quarantine_groups(),
            "gaps": [{"day": "2025-10-08", "source": "platform", "records": 2, "charge_fen": 700}],
        }  # fmt: skip

    async def waiting(self, scopes: frozenset[str]) -> dict[str, int]:
        return self.waits if "settlement:approve" in scopes else {}
