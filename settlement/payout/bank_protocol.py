"""What a bank must offer to be paid through, and what it can answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from settlement.errors import NotAllowed
from settlement.payout.bank_reference import checked_bank_reference
from settlement.payout.refusals import printable
from settlement.payout.words import AMOUNT_LIMIT

PAID, FAILED, RETURNED, WORKING, NOT_FOUND = "paid", "failed", "returned", "working", "not_found"
OUTCOMES = (PAID, FAILED, RETURNED, WORKING, NOT_FOUND)


class BankSilent(Exception):
    """No answer, or none that can be understood: what was sent may have been done or not."""


class AnswerRefused(BankSilent):
    """There was an answer, and nothing of it can be booked: it is set aside with its reason, and asked for again."""


@dataclass(frozen=True)
class Answer:
    """What the bank says about one reference; `working`: it has it and has not finished."""

    outcome: str
    bank_reference: str | None = None
    amount_fen: int | None = None
    reason: str | None = None

    @classmethod
    def read(cls, said: Any) -> Answer:
        """An answer from a bank's JSON. Raises AnswerRefused for anything that is not exactly one."""
        if not isinstance(said, dict) or said.get("outcome") not in OUTCOMES:
            raise AnswerRefused("the bank's answer is not one that we know")
        reference, amount, reason = said.get("bank_reference"), said.get("amount_fen"), said.get("reason")
        if not isinstance(reference, (str, type(None))) or not (amount is None or type(amount) is int):
            raise AnswerRefused("the bank's answer is not one that we know")
        if not isinstance(reason, (str, type(None))):
            raise AnswerRefused("the bank's reason is no text")
        if reference is not None:
            try:
                reference = checked_bank_reference(reference)
            except NotAllowed as refusal:
                raise AnswerRefused(refusal.detail) from None
        if amount is not None and not 0 <= amount < AMOUNT_LIMIT:
            raise AnswerRefused("the bank names an amount that is not one")
        if said["outcome"] in (PAID, RETURNED) and (not reference or not amount):
            raise AnswerRefused("the bank says that money moved, but not how much, or under which reference")
        return cls(said["outcome"], reference, amount, printable(reason) if reason else None)


class Bank(Protocol):
    """A bank that takes each reference once: handing the same one over again pays nothing."""

    async def send(self, reference: str, amount_fen: int, account: Any) -> Answer:
        """Hand over a payment. Raises BankSilent when nobody knows whether it was taken."""

    async def ask(self, reference: str) -> Answer:
        """Return what became of a reference. Raises BankSilent."""
