"""Books without a database: people, sessions, settlements and a quarantine held in memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from api.people import Person
from settlement.report.labels import in_region
from settlement.rounds import Round, load_rounds

Record = dict[str, Any]
ROUNDS = load_rounds()


@dataclass
class FakeBooks:
    """What `Books` promises, from lists."""

    people: dict[str, tuple[str, Person]] = field(default_factory=dict)
    held: list[Record] = field(default_factory=list)
    lines_of: dict[str, list[Record]] = field(default_factory=dict)
    kept: list[Record] = field(default_factory=list)
    sessions: dict[str, Person] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    given: int = 0

    def add_person(self, name: str, role: str, city: str | None = None) -> None:
        """Somebody whose password is their name twice."""
        self.people[name] = (name * 2, Person(name, role, city))

    def session_of(self, name: str) -> str:
        """A session for somebody, without the form."""
        self.given += 1
        token = f"session-{self.given}-{name}"
        self.sessions[token] = self.people[name][1]
        return token

    async def log_in(self, name: str, password: str, code: str | None) -> str | None:
        known = self.people.get(name)
        right = known is not None and known[0] == password and self.codes.get(name) == code
        return self.session_of(name) if right else None

    async def whose(self, token: str | None) -> Person | None:
        return self.sessions.get(token or "")

    async def log_out(self, token: str) -> None:
        self.sessions.pop(token, None)

    async def settlements(self, before: tuple[str, str] | None, limit: int) -> list[Record]:
        newest = sorted(self.held, key=lambda item: (item["created_at"], item["id"]), reverse=True)
        return [item for item in newest if before is None or (item["created_at"], item["id"]) < before][:limit]

    async def settlement(self, number: str) -> Record | None:
        return next((item for item in self.held if item["id"] == number), None)

    async def lines(
        self, number: str, region: str | None, status: str | None, q: str | None, after: str, limit: int
    ) -> list[Record]:
        found = [
            {name: value for name, value in line.items() if name not in ("steps", "excluded")}
            for line in sorted(self.lines_of[number], key=lambda line: str(line["uscc"]))
            if line["uscc"] > after
            and (not region or in_region(line["region"], region))
            and (not status or _outcome(line) == status)
            and (not q or q.lower() in (line["name"] or "").lower() or q.upper() in line["uscc"])
        ]
        return found[:limit]

    async def line(self, number: str, uscc: str) -> Record | None:
        return next((line for line in self.lines_of[number] if line["uscc"] == uscc), None)

    async def excluded(self, number: str) -> Mapping[str, list[Record]]:
        return {line["uscc"]: line["excluded"] for line in self.lines_of[number]}

    async def quarantine(self, status: str | None, after: int, limit: int) -> list[Record]:
        return [item for item in self.kept if item["quarantine"] > after and status in (None, item["status"])][:limit]

    def rounds(self) -> Mapping[str, Round]:
        return ROUNDS


def _outcome(line: Record) -> str:
    return "payable" if line["payable_fen"] else "held" if line["held_fen"] else "nothing"
