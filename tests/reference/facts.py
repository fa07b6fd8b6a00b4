"""Dated facts: which one rules on a day (R-FACTS)."""

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from tests.reference.days import day_from_text

SINCE_EVER = -(10**9)  # the start of a fact without a start

World = dict[str, Any]
Item = dict[str, Any]


@dataclass(frozen=True)
class Fact:
    """One fact about a subject, from its start day to the day before its end (None: still rules)."""

    start: int
    end: int | None
    content: Item


class Facts:
    """The facts of one kind by subject, in the order in which they were recorded."""

    def __init__(self) -> None:
        """Start empty."""
        self.of: dict[Hashable, list[Fact]] = {}
        self.known: dict[tuple[Hashable, int], Fact | None] = {}  # answers given before

    def record(self, subject: Hashable, start: str | None, end: str | None, content: Item) -> None:
        """Add one fact about a subject."""
        start_day = SINCE_EVER if start is None else day_from_text(start)
        end_day = None if end is None else day_from_text(end)
        self.of.setdefault(subject, []).append(Fact(start_day, end_day, content))

    def on(self, subject: Hashable, day: int) -> Item | None:
        """What rules on a day: the greatest start on or before it, the later recorded of two, until it ends."""
        if (subject, day) not in self.known:
            latest: Fact | None = None
            for fact in self.of.get(subject, []):
                if fact.start <= day and (latest is None or fact.start >= latest.start):
                    latest = fact
            if latest is not None and latest.end is not None and latest.end <= day:
                latest = None  # an older fact does not revive
            self.known[subject, day] = latest
        found = self.known[subject, day]
        return None if found is None else found.content

    def last_on(self, subject: Hashable, first_day: int, day: int) -> Item | None:
        """What rules on `day`, or else the last that ruled on a day from `first_day` on."""
        for earlier in range(day, first_day - 1, -1):
            content = self.on(subject, earlier)
            if content is not None:
                return content
        return None


class Registry:
    """All facts of a world."""

    def __init__(self, world: World) -> None:
        """Read the registry part of a world."""
        self.entities, self.facilities, self.chips, self.holdings = Facts(), Facts(), Facts(), Facts()
        for item in world.get("entities") or []:
            self.entities.record(item["uscc"], item.get("valid_from"), item.get("valid_to"), item)
        for item in world.get("facilities") or []:
            self.facilities.record(item["id"], item.get("valid_from"), item.get("valid_to"), item)
        for item in world.get("chips") or []:
            self.chips.record(item["chip"], item.get("valid_from"), item.get("valid_to"), item)
        for item in world.get("holdings") or []:
            self.holdings.record((item["holder"], item["held"]), item.get("from"), item.get("to"), item)
        self.expenditures: list[Item] = []
        for item in world.get("expenditures") or []:
            if item["id"] not in [known["id"] for known in self.expenditures]:  # of two with one id the first stands
                self.expenditures.append(item)

    def is_state_body(self, uscc: str, day: int) -> bool:
        """Whether the entity is a State body on that day."""
        entity = self.entities.on(uscc, day)
        return entity is not None and bool(entity["state_body"])


def share_of(item: Item) -> Fraction:
    """The share that a holding or an owner states."""
    return Fraction(str(item["share"]))
