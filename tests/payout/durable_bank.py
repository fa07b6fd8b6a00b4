"""A bank with a durable journal and every fault in the book, over a call and over files; it can be healed."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from settlement.payout.bank_protocol import Answer, BankSilent

WAYS = (
    "ok", "rejected", "accepted but silent", "not received", "notified twice", "late word", "returned later",
    "wrong amount", "garbage", "duplicate keys",
)  # fmt: skip

LATER = ("late word", "returned later")
"""Ways that have hit when night has fallen, not before."""


@dataclass
class Payment:
    """What the bank did with one reference of ours."""

    way: str
    amount_fen: int
    paid_fen: int
    state: str
    told: int = 0


@dataclass
class DurableBank:
    """Takes each reference once. Its journal is a file: what stands there is what really happened to the money."""

    path: Path
    chance: random.Random
    hit: dict[str, int] = field(default_factory=lambda: dict.fromkeys(WAYS, 0))
    payments: dict[str, Payment] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    healed: bool = False
    _coming: list[str] = field(default_factory=list)

    def journal(self) -> list[tuple[str, str, int]]:
        """(Our reference, the bank's, fen: paid out above 0, back below)."""
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        return [tuple(json.loads(line)) for line in lines]

    def balance(self) -> dict[str, int]:
        """The bank's reference -> fen moved in all, where any did."""
        found: dict[str, int] = {}
        for _, theirs, fen in self.journal():
            found[theirs] = found.get(theirs, 0) + fen
        return {theirs: fen for theirs, fen in found.items() if fen}

    def net(self, instruction: str) -> int:
        """What moved for an instruction under all its issues."""
        return sum(fen for ours, _, fen in self.journal() if ours.split("-R")[0] == instruction)

    async def send(self, reference: str, amount_fen: int, account: Any) -> Answer:
        assert account
        payment = self._take(reference, amount_fen)
        if payment is None or (not self.healed and payment.way in ("accepted but silent", "duplicate keys")):
            raise BankSilent("timed out")
        if payment.way == "garbage" and not self.healed:
            return Answer.read({"outcome": "PAID", "bank_reference": 7, "amount_fen": -1})
        return self._truth(reference, payment)

    async def ask(self, reference: str) -> Answer:
        payment = self.payments.get(reference)
        if payment is None:
            return Answer("not_found")
        if payment.way == "accepted but silent" and not self.healed and self.chance.random() < 0.5:
            raise BankSilent("timed out")
        return self._truth(reference, payment)

    def read_files(self, folder: Path) -> None:
        """Take what lies in `out/`, and answer about everything in `in/`, each in its way."""
        for path in sorted((folder / "out").glob("*.json")):
            sent = json.loads(path.read_bytes())
            assert sent["account"]
            assert path.stem == sent["reference"]
            self._take(sent["reference"], sent["amount_fen"])
        for reference, payment in self.payments.items():
            self._answer(folder / "in" / f"{reference}.json", reference, payment)

    def night(self, retried: set[str]) -> None:
        """What happens later: money comes back, and a payment that was refused turns out to have been made."""
        for reference, payment in self.payments.items():
            if payment.way == "returned later" and payment.state == "paid" and payment.told:
                self._move(reference, -payment.paid_fen)
                payment.state = "returned"
                self.hit[payment.way] += 1
            if payment.way == "late word" and payment.state == "failed" and reference in retried:
                self._move(reference, payment.amount_fen)
                payment.state, payment.paid_fen = "paid", payment.amount_fen
                self.hit[payment.way] += 1

    def take_back(self, reference: str) -> None:
        """Have the money of one reference back, as people asked for."""
        payment = self.payments[reference]
        self._move(reference, -payment.paid_fen)
        payment.state = "returned"

    def _take(self, reference: str, amount_fen: int) -> Payment | None:
        known = self.payments.get(reference)
        if known is not None:
            assert known.amount_fen == amount_fen, "one reference, two amounts"
            return known
        way = "ok" if self.healed or reference in self.lost or "-R" in reference else self._next_way()
        if way == "not received":
            self.lost.add(reference)
            return None
        refused = way in ("rejected", "late word")
        paid = 0 if refused else amount_fen - 1 if way == "wrong amount" else amount_fen
        self.payments[reference] = payment = Payment(way, amount_fen, paid, "failed" if refused else "paid")
        if paid:
            self._move(reference, paid)
        return payment

    def _next_way(self) -> str:
        if not self._coming:
            self._coming = self.chance.sample(WAYS, len(WAYS))
        way = self._coming.pop()
        self.hit[way] += way not in LATER
        return way

    def _move(self, reference: str, fen: int) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps([reference, self._own(reference), fen]) + "\n")

    def _truth(self, reference: str, payment: Payment) -> Answer:
        payment.told += 1
        return Answer(payment.state, self._own(reference), payment.paid_fen or payment.amount_fen)

    def _answer(self, path: Path, reference: str, payment: Payment) -> None:
        said = {
            "status": payment.state, "bank_reference": self._own(reference),
            "amount_fen": payment.paid_fen or payment.amount_fen,
        }  # fmt: skip
        text = json.dumps(said)
        payment.told += 1
        if not self.healed and payment.way == "accepted but silent":
            return
        if not self.healed and payment.told == 1 and payment.way == "garbage":
            text = text[: len(text) // 2]
        if not self.healed and payment.told == 1 and payment.way == "duplicate keys":
            text = '{"status": "failed", ' + text[1:]
        path.write_text(text)

    @staticmethod
    def _own(reference: str) -> str:
        """The bank's own reference of it."""
        return "B" + reference.removeprefix("SB-")
