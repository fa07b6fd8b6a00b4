"""Records, the quarantine and the audit log from lists."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from api.auth.people import Person

Record = dict[str, Any]


@dataclass
class FakeJournal:
    """What pages read of the journal and the log."""

    kept: list[Record] = field(default_factory=list)
    records: list[Record] = field(default_factory=list)
    log: list[Record] = field(default_factory=list)
    words_said: list[Record] = field(default_factory=list)

    async def confirmed_by(self, uscc: str, of_round: str) -> Record | None:
        assert uscc
        assert of_round
        return None

    async def record_at(self, batch: int, ordinal: int) -> Record | None:
        return next((one for one in self.records if (one["batch"], one["ordinal"]) == (batch, ordinal)), None)

    async def quarantine_groups(self) -> list[Record]:
        found: dict[tuple[str, ...], Record] = {}
        for one in self.kept:
            key = one["status"], one["code"], one["source"]
            group = found.setdefault(key, {**one, "facility": "hf-99", "records": 0, "first": one["quarantine"]})
            group["records"] += 1
        return list(found.values())

    async def quarantined_alike(self, code: str, facility: str | None, after: int, limit: int) -> list[Record]:
        assert facility in (None, "hf-99")
        return [item for item in self.kept if item["quarantine"] > after and item["code"] == code][:limit]

    async def quarantined_one(self, number: int) -> tuple[Record, Record | None] | None:
        found = next((one for one in self.kept if one["quarantine"] == number), None)
        return None if found is None else ({**found, "released_in": None}, None)

    async def conflict_decisions(self, number: int) -> list[Record]:
        return [one for one in self.words_said if one["quarantine"] == number]

    async def decide_conflict(self, person: Person, number: int, decision: str, reason: str) -> None:
        said = {"quarantine": number, "decision": decision, "reason": reason, "actor": person.actor}
        self.words_said.append({**said, "at": "2026-11-30T01:00:00+00:00"})

    async def audit(
        self, before: int | None, limit: int, actor: str | None, about: str | None, since: date | None,
        until: date | None,
    ) -> list[Record]:  # fmt: skip
        newest = sorted(self.log, key=lambda row: -int(row["seq"]))
        return [
            row for row in newest
            if (before is None or row["seq"] < before) and actor in (None, row["actor"])
            and about in (None, row["object"])
            and (since is None or row["at"][:10] >= since.isoformat())
            and (until is None or row["at"][:10] <= until.isoformat())
        ][:limit]  # fmt: skip

    async def audit_export(self) -> AsyncIterator[bytes]:
        for row in self.log:
            yield json.dumps(row, ensure_ascii=False).encode() + b"\n"
