"""Runs and what-ifs from memory: what was asked for is kept, and answered with figures that are made up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from api.auth.people import Person
from api.console.run_queries import RunQueries
from api.http.problem import Problem
from settlement.jobs import settle
from tests.console.fake import FakeQueries

Record = dict[str, Any]


class FakeRuns(RunQueries):
    """What the pages of runs ask for."""

    def __init__(self, queries: FakeQueries) -> None:
        self.queries = queries

    async def run(self, person: Person, wanted: settle.Request) -> str:
        if self.queries.refusing and not wanted.other_terms:
            raise self.queries.refusing
        self.queries.decided.append((person.name, wanted.round, "run", {"wanted": wanted}))
        return f"settlements/{self.queries.held[0]['id']}"

    async def interval(self, number: str) -> Record | int:
        if self.queries.refusing:
            raise Problem(422, "TOTAL_TOO_LARGE", number)
        line = {"uscc": "91340100MA00000015", "name": "<b>合肥</b>", "region": "340100"}
        money = {"strictest_fen": 100, "default_fen": 900, "generous_fen": 1_234_500}
        return {
            "totals": money,
            "moved": [["net_effect", 1]],
            "lines": [
                line | money | {"moved_by": ["net_effect"]},
                line | money | {"moved_by": [], "name": "not moved"},
            ],
        }

    async def compared(self, of_round: str, cases: Sequence[Record], given: Mapping[str, str]) -> list[Record] | int:
        assert "token" not in given
        wanted = {"orders": [one["order"] for one in cases], "readings": [one["readings"] for one in cases]}
        if self.queries.refusing:
            raise self.queries.refusing
        self.queries.decided.append(("", of_round, "compared", dict(wanted)))
        money = {f"{name}_fen_{part}": 5_000_000 for name in ("award", "held", "payable") for part in ("a", "b")}
        moved = {**money, "award_fen_difference": 70_000, "held_fen_difference": 0, "payable_fen_difference": 70_000}
        return [
            {
                "order": order, "readings": {}, "totals": {"award_fen": 1_000 * place, "payable_fen": 5, "held_fen": 0},
                "difference": {
                    "totals": {"award_fen": 70_000 * (place - 1)},
                    "cities": [{"city": "340100", **moved}, {"city": "unknown", **moved}],
                    "entities": [{"uscc": "x", "name": "<b>赢家</b>", **moved},
                                 {"uscc": "y", "name": "输家", **moved, "award_fen_difference": -1_234}],
                },
            }
            for place, order in enumerate(wanted["orders"], start=1)
        ]  # fmt: skip
