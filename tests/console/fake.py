"""Books without a database: people, sessions, settlements and a quarantine held in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import Request, Response

from api.actions.decisions import complete
from api.auth.passwords import unfit
from api.auth.people import Person
from api.clock import now
from api.console.line_filter import LineFilter
from api.console.queries import Queries
from api.http.problem import Problem
from api.queue.job import Job
from meter.regions import city_code, in_region
from settlement.report import MEDIA_TYPES, render
from settlement.rounds import Round, load_rounds
from tests.console.fake_journal import FakeJournal

Record = dict[str, Any]
ROUNDS = load_rounds()


@dataclass
class FakeQueries(FakeJournal, Queries):
    """The same answers from lists."""

    people: dict[str, tuple[str, Person]] = field(default_factory=dict)
    held: list[Record] = field(default_factory=list)
    lines_of: dict[str, list[Record]] = field(default_factory=dict)
    sessions: dict[str, Person] = field(default_factory=dict)
    codes: dict[str, str] = field(default_factory=dict)
    instructions: list[Record] = field(default_factory=list)
    instruction_events: list[Record] = field(default_factory=list)
    not_booked: list[Record] = field(default_factory=list)
    found: list[Record] = field(default_factory=list)
    passed: list[str] = field(default_factory=list)
    owed: list[Record] = field(default_factory=list)
    accounts_told: list[Record] = field(default_factory=list)
    changed: list[Record] = field(default_factory=list)
    changed_accounts: Record = field(default_factory=lambda: {"lines": 0, "first": []})
    decided: list[tuple[str, str, str, Record]] = field(default_factory=list)
    refusing: Problem | None = None
    still_going: int | None = None
    jobs: dict[int, Job] = field(default_factory=dict)
    given: int = 0
    adding_up: bool = False
    clients: list[str] = field(default_factory=list)

    def add_person(self, name: str, role: str, city: str | None = None) -> None:
        """Somebody whose password is their name twice."""
        self.people[name] = (name * 2, Person(name, role, city))

    def session_of(self, name: str) -> str:
        """A session for somebody, without the form."""
        self.given += 1
        token = f"session-{self.given}-{name}"
        self.sessions[token] = self.people[name][1]
        return token

    async def log_in(self, name: str, password: str, code: str | None, client: str) -> str | None:
        self.clients.append(client)
        known = self.people.get(name)
        right = known is not None and known[0] == password and self.codes.get(name) == code
        return self.session_of(name) if right else None

    async def whose(self, token: str | None) -> Person | None:
        return self.sessions.get(token or "")

    async def log_out(self, token: str) -> None:
        self.sessions.pop(token, None)

    async def prove(self, token: str, password: str, code: str | None) -> bool:
        person = self.sessions[token]
        right = self.people[person.name][0] == password and code == self.codes.get(person.name)
        if right:
            self.sessions[token] = replace(person, proven_at=now(), second_factor=code is not None)
        return right

    async def change_password(self, token: str, given: Mapping[str, str]) -> str:
        person = self.sessions[token]
        if word := unfit(given.get("new", ""), person.name):
            return word
        if not await self.prove(token, given.get("password", ""), given.get("code") or None):
            return "wrong"
        self.people[person.name] = (given["new"], person)
        self.sessions = {held: whose for held, whose in self.sessions.items() if whose.name != person.name}
        return ""

    async def decide(self, person: Person, number: str, event: str, said: Mapping[str, Any]) -> int | None:
        detail = complete(person, event, said)
        if self.refusing:
            raise self.refusing
        self.decided.append((person.name, number, event, detail))
        return self.still_going

    async def adjust(self, person: Person, number: str) -> str | int:
        self.decided.append((person.name, number, "adjust", {}))
        return self.still_going or number

    async def verify(self, number: str) -> int:
        self.decided.append(("", number, "verify", {}))
        return 1

    async def report(self, request: Request, settlement: Record, asked: Record, file_name: str) -> Response | int:
        assert request.url.path.startswith("/console")
        lines = await self.lines(settlement["id"], asked["region"], None, None, "", 2**31)
        excluded = {line["uscc"]: line["excluded"] for line in self.lines_of[settlement["id"]]}
        of_round = ROUNDS[settlement["round"]]
        body = render(asked["kind"], asked["layout"], settlement, lines, excluded, of_round, asked["region"])
        headers = {"Content-Disposition": f'attachment; filename="{file_name}"'}
        return self.still_going or Response(body, media_type=MEDIA_TYPES[asked["kind"]], headers=headers)

    async def job(self, number: int) -> Job | None:
        return self.jobs.get(number)

    async def job_output(self, request: Request, job: Job) -> Response | None:
        assert request.url.path.endswith("/output")
        assert job.output is not None
        return Response(b"the file", media_type=job.output.media_type)

    async def cancel_job(self, number: int) -> bool:
        self.jobs[number] = replace(self.jobs[number], state="cancelled")
        return True

    async def cities(self, settlement: Record, city: str | None) -> list[Record]:
        found: dict[str, Record] = {}
        for line in self.lines_of[settlement["id"]]:
            assert city is None or isinstance(city, str)
            code = city_code(line["region"])
            one = found.setdefault(code, dict.fromkeys(("lines", "payable_fen", "held_fen", "flagged"), 0))
            one["lines"] += 1
            one["flagged"] += bool(line["flags"])
            for name in ("payable_fen", "held_fen"):
                one[name] += line[name]
        return [{"city": code or None, **one} for code, one in sorted(found.items())]

    async def waiting(self, number: str) -> list[str]:
        cities = [one["city"] for one in await self.cities({"id": number}, None)]
        return [city for city in cities if city and city not in self.passed]

    async def adjustments(self, number: str) -> list[Record]:
        return [one for one in self.held if one["adjusts"] == number]

    async def findings(
        self, number: str, consumers: Sequence[str] | None, kind: str | None, limit: int
    ) -> list[Record]:
        assert number
        return [
            one
            for one in self.found
            if (consumers is None or one["consumer"] in consumers) and kind in (None, one["kind"])
        ][:limit]

    async def findings_of_city(self, number: str, consumers: Sequence[str], limit: int) -> list[Record]:
        found = await self.findings(number, consumers, None, limit)
        return [{**one, "expected": None, "records": [], "proofs": len(one["records"])} for one in found]

    async def payouts(self, status: str | None, settlement: str | None, after: int, limit: int) -> list[Record]:
        return [
            one for one in self.instructions
            if one["id"] > after and status in (None, one["status"]) and settlement in (None, one["settlement"])
        ][:limit]  # fmt: skip

    async def payment_progress(self, settlement: str) -> Record:
        mine = [one for one in self.instructions if one["settlement"] == settlement]
        paid = [one["amount_fen"] for one in mine if one["status"] == "paid"]
        return {
            "payments": len(mine), "fen": sum(one["amount_fen"] for one in mine), "paid_fen": sum(paid),
            "done": sum(one["status"] in ("paid", "offset") for one in mine),
        }  # fmt: skip

    async def payout_events(self, instruction: int) -> list[Record]:
        return self.instruction_events if any(one["id"] == instruction for one in self.instructions) else []

    async def payout_refusals(self, instruction: int | None, limit: int) -> list[Record]:
        return [one for one in self.not_booked if instruction in (None, one["instruction"])][:limit]

    async def clawbacks(self, status: str | None, settlement: str | None, after: int, limit: int) -> list[Record]:
        return [
            one for one in self.owed
            if one["id"] > after and status in (None, one["status"]) and settlement in (None, one["settlement"])
        ][:limit]  # fmt: skip

    async def offsettable(self, uscc: str) -> list[Record]:
        return [one for one in self.instructions if one["uscc"] == uscc and one["status"] in ("ready", "returned")]

    async def decide_payout(self, person: Person, instruction: int, word: str, said: Record) -> None:
        if self.refusing:
            raise self.refusing
        self.decided.append((person.name, str(instruction), word, said))

    async def decide_clawback(self, person: Person, clawback: int, word: str, said: Record) -> None:
        if self.refusing:
            raise self.refusing
        self.decided.append((person.name, str(clawback), word, said))

    async def accounts(self, status: str | None, uscc: str | None, after: int, limit: int) -> list[Record]:
        return [
            one for one in self.accounts_told
            if one["id"] > after and status in (None, one["status"]) and uscc in (None, one["uscc"])
        ][:limit]  # fmt: skip

    async def decide_account(self, person: Person, proposal: int, word: str, said: Record) -> None:
        if self.refusing:
            raise self.refusing
        self.decided.append((person.name, str(proposal), word, said))

    async def changes(self, number: str, limit: int) -> tuple[list[Record], Record]:
        assert number
        return self.changed[:limit], self.changed_accounts

    async def settlements(self, before: tuple[str, str] | None, limit: int) -> list[Record]:
        newest = sorted(self.held, key=lambda item: (item["created_at"], item["id"]), reverse=True)
        return [item for item in newest if before is None or (item["created_at"], item["id"]) < before][:limit]

    async def settlement(self, number: str) -> Record | None:
        return next((item for item in self.held if item["id"] == number), None)

    async def line_index(self, settlement: Record, city: str | None, asked: LineFilter) -> Record:
        lines = await self.lines(
            settlement["id"], asked.region or city, asked.status or None, asked.q or None, "", 2**31 - 1
        )
        lines = [line for line in lines if not asked.reason or asked.reason in line["reasons"]]
        if asked.sort == "city":
            lines.sort(key=lambda line: (line["region"] is None, (line["region"] or "")[:4], line["uscc"]))
        elif asked.sort != "code":
            lines.sort(key=lambda line: -int(line.get(f"{asked.sort}_fen") or 0))
        owed = [int(line["adjustment_fen"] if "adjustment_fen" in line else line["payable_fen"]) for line in lines]
        return {
            "codes": [line["uscc"] for line in lines], "lines": len(lines),
            **{name: sum(line[name] for line in lines) for name in ("award_fen", "held_fen", "payable_fen")},
            "adjustment_fen": sum(owed), "due_fen": sum(max(fen, 0) for fen in owed),
            "back_fen": sum(max(-fen, 0) for fen in owed),
            "payable_lines": sum(line["payable_fen"] > 0 for line in lines),
            "held_lines": sum(line["held_fen"] > 0 for line in lines),
        }  # fmt: skip

    async def lines_called(self, number: str, codes: list[str]) -> list[Record]:
        if number not in self.lines_of:
            return []
        lines = {line["uscc"]: line for line in await self.lines(number, None, None, None, "", 2**31 - 1)}
        return [lines[code] for code in codes if code in lines]

    async def lines(
        self, number: str, region: str | None, status: str | None, q: str | None, after: str, limit: int
    ) -> list[Record]:
        found = [
            {name: value for name, value in line.items() if name not in ("steps", "excluded")}
            for line in sorted(self.lines_of[number], key=lambda line: str(line["uscc"]))
            if line["uscc"] > after
            and (not region or in_region(line["region"], region))
            and (not status or _has(line, status))
            and (not q or q.lower() in (line["name"] or "").lower() or q.upper() in line["uscc"])
        ]
        return found[:limit]

    async def line(self, number: str, uscc: str, *, of_a_city: bool) -> Record | None:
        assert of_a_city in (True, False)
        return next((line for line in self.lines_of[number] if line["uscc"] == uscc), None)

    def rounds(self) -> Mapping[str, Round]:
        return ROUNDS


def _has(line: Record, status: str) -> bool:
    if status == "due":
        return bool(line.get("adjustment_fen", line["payable_fen"]))
    return bool(line["held_fen"] > 0 if status == "held" else _outcome(line) == status)


def _outcome(line: Record) -> str:
    return "payable" if line["payable_fen"] else "held" if line["held_fen"] else "nothing"
