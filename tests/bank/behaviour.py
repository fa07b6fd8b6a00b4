"""How the bank treats a payment: well, or in one of the ways that banks have; each reference is taken once."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from tests.bank.journal import Journal, Payment, own_reference

WAYS: Final = (
    "ok", "rejected", "accepted but silent", "not received", "notified twice", "late word", "returned later",
    "wrong amount", "not found until tomorrow", "5xx", "garbage", "slow", "duplicate keys", "wrong encoding",
)  # fmt: skip
"""What can go wrong, once for each payment; what is issued again, or comes when the bank is healed, is treated well."""
LATER: Final = frozenset({"late word", "returned later"})
"""Ways that have hit when a night has passed, not before."""
SILENT: Final = frozenset({"accepted but silent", "not found until tomorrow", "5xx", "slow"})
"""Ways in which the payment is made and the answer does not come."""


@dataclass
class Behaviour:
    """The bank's mind. `ways` is dealt out in turn, shuffled by the seed; healed, it does no more wrong."""

    journal: Journal
    ways: Sequence[str] = WAYS
    seed: int = 0
    healed: bool = False
    _coming: list[str] = field(default_factory=list)
    _chance: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._chance = random.Random(self.seed + len(self.journal.payments))

    @property
    def day(self) -> int:
        """How many nights have passed."""
        return self.journal.nights

    def take(self, reference: str, amount_fen: int) -> Payment | None:
        """Take a payment; None where it never arrived. A reference that was taken before is the same payment."""
        known = self.journal.payments.get(reference)
        if known is not None:
            assert known.amount_fen == amount_fen, "one reference, two amounts"
            return known
        again = self.healed or reference in self.journal.lost or "-R" in reference
        way = "ok" if again else self._next()
        if way == "not received":
            self.journal.write(line="lost", reference=reference)
            self.hits(way)
            return None
        refused = way in ("rejected", "late word")
        paid = 0 if refused else amount_fen - 1 if way == "wrong amount" else amount_fen
        self.journal.write(
            line="taken", reference=reference, way=way, amount_fen=amount_fen, paid_fen=paid,
            state="failed" if refused else "paid", day=self.day,
        )  # fmt: skip
        if way not in LATER:
            self.hits(way)
        return self.journal.payments[reference]

    def found(self, reference: str) -> Payment | None:
        """A payment as the bank finds it when it is asked: one that it knows tomorrow is not found today."""
        payment = self.journal.payments.get(reference)
        if payment is None or (payment.way == "not found until tomorrow" and self.day <= payment.day):
            return None
        return payment

    def truth(self, reference: str, payment: Payment) -> dict[str, object]:
        """What became of a payment, as the bank says it."""
        payment.told += 1
        return {
            "reference": reference, "status": payment.state, "bank_reference": own_reference(reference),
            "amount_fen": payment.paid_fen or payment.amount_fen,
        }  # fmt: skip

    def night(self) -> None:
        """A day passes: money comes back, and what was refused and issued again turns out to have been paid."""
        self.journal.write(line="night")
        for reference, payment in list(self.journal.payments.items()):
            if payment.way == "returned later" and payment.state == "paid" and payment.told:
                self.journal.write(line="state", reference=reference, state="returned", fen=-payment.paid_fen)
                self.hits(payment.way)
            issued_again = any(one.startswith(f"{reference}-R") for one in self.journal.payments)
            if payment.way == "late word" and payment.state == "failed" and issued_again:
                self.journal.write(line="state", reference=reference, state="paid", fen=payment.amount_fen)
                self.hits(payment.way)

    def take_back(self, reference: str) -> None:
        """Have the money of one reference back, as people asked for."""
        payment = self.journal.payments[reference]
        assert payment.state == "paid"
        self.journal.write(line="state", reference=reference, state="returned", fen=-payment.paid_fen)

    def hits(self, way: str) -> None:
        """Count that a way was met, on disk too."""
        self.journal.write(line="hit", way=way)

    def _next(self) -> str:
        if not self._coming:
            self._coming = self._chance.sample(list(self.ways), len(self.ways))
        return self._coming.pop()
