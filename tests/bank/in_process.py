"""The bank in a test's own process: its mind behind the protocol of a bank that answers, as it would be over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from settlement.payout.bank_http import understood
from settlement.payout.bank_protocol import Answer, BankSilent
from tests.bank.behaviour import Behaviour
from tests.bank.wire import Said, answer_to_order, answer_to_question


@dataclass
class InProcessBank:
    """Answers with the bytes that the process would send."""

    mind: Behaviour

    async def send(self, reference: str, amount_fen: int, account: Any) -> Answer:
        """Hand a payment over."""
        assert account["account"]
        return self._read("POST", answer_to_order(self.mind, reference, amount_fen), reference)

    async def ask(self, reference: str) -> Answer:
        """Ask about a reference."""
        return self._read("GET", answer_to_question(self.mind, reference), reference)

    def _read(self, method: str, said: Said, reference: str) -> Answer:
        if said.silent or said.slow:
            raise BankSilent("no answer in time")
        return understood(method, said.status, said.body, reference)
