"""A bank that misbehaves on purpose; its journal is what really happened to the money."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from settlement.payout.bank_protocol import Answer, BankSilent

WAYS = (
    "paid", "refused", "silent but done", "silent and not done", "paid twice", "returned later", "wrong amount",
    "known tomorrow", "error 500", "garbage", "working",
)  # fmt: skip


@dataclass
class FakeBank:
    """Takes each reference once. `ways` says how it behaves for a reference, by its order of arrival."""

    ways: list[str]
    journal: list[tuple[str, str, int]] = field(default_factory=list)
    """(our reference, the bank's reference, fen: paid out above 0, back below)."""
    sent: list[str] = field(default_factory=list)
    day: int = 0
    hit: dict[str, int] = field(default_factory=dict)
    _known: dict[str, str] = field(default_factory=dict)
    _day_of: dict[str, int] = field(default_factory=dict)
    _asked: dict[str, int] = field(default_factory=dict)

    async def send(self, reference: str, amount_fen: int, account: Any) -> Answer:
        assert account, "a payment without an account"
        self.sent.append(reference)
        if reference in self._known and self._known[reference] != "silent and not done":
            return await self.ask(reference)  # handed over again: it is the same payment
        if reference in self._known:
            self._known[reference] = way = "paid"  # the second time it arrives
        else:
            way = self.ways[len(self._known) % len(self.ways)]
            self._known[reference] = way
        self.hit[way] = self.hit.get(way, 0) + 1
        self._day_of[reference] = self.day
        if way in ("silent and not done", "refused"):
            if way == "refused":
                return Answer("failed")
            raise BankSilent("timed out")
        paid = amount_fen - 1 if way == "wrong amount" else amount_fen
        self.journal.append((reference, f"B-{reference}", paid))
        if way == "paid twice":
            self.journal.append((reference, f"B2-{reference}", amount_fen))
        if way in ("silent but done", "known tomorrow"):
            raise BankSilent("timed out")
        if way == "error 500":
            raise BankSilent("500")
        if way == "garbage":
            Answer.read({"outcome": "PAID!!", "bank_reference": 7})
        if way == "working":
            return Answer("working")
        return Answer("paid", f"B-{reference}", paid)

    async def ask(self, reference: str) -> Answer:
        self._asked[reference] = self._asked.get(reference, 0) + 1
        way = self._known.get(reference)
        if way is None or way == "silent and not done":
            return Answer("not_found")
        if way == "known tomorrow" and self.day == self._day_of[reference]:
            return Answer("not_found")
        if way == "refused":
            return Answer("failed")
        if way == "working" and self._asked[reference] < 2:
            return Answer("working")
        if way == "returned later" and self.day > self._day_of[reference]:
            moved = [fen for ours, _, fen in self.journal if ours == reference]
            if len(moved) == 1:
                self.journal.append((reference, f"B-{reference}", -moved[0]))
            return Answer("returned", f"B-{reference}", moved[0])
        paid = [(theirs, fen) for ours, theirs, fen in self.journal if ours == reference and fen > 0]
        return Answer("paid", *paid[0])

    def balance(self) -> dict[str, int]:
        """The bank's own account of it: its reference -> fen moved."""
        found: dict[str, int] = {}
        for _, theirs, fen in self.journal:
            found[theirs] = found.get(theirs, 0) + fen
        return found
