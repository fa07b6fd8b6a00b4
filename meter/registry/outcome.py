"""What became of the items of a PUT: the counts, what was not accepted and why, and warnings."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from meter.journal.write.transaction import Recorded
from meter.registry.fields import Item
from meter.registry.items import subject_name


@dataclass
class Outcome:
    """What became of each item of a PUT: the counts, what was not accepted, and warnings."""

    received: int
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    refused: int = 0
    results: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    recorded: Recorded | None = None

    @property
    def counts(self) -> dict[str, int]:
        """received = accepted + duplicate + conflict + refused."""
        return {name: getattr(self, name) for name in ("received", "accepted", "duplicate", "conflict", "refused")}

    def reject(self, index: int, item: Item | None, status: str, code: str, detail: str) -> None:
        """Count an item that was not accepted and say why."""
        setattr(self, status, getattr(self, status) + 1)
        result: dict[str, Any] = {"index": index, "status": status, "code": code, "detail": detail}
        name = subject_name(item) if item else None
        if name:
            result["id"] = name
        self.results.append(result)
