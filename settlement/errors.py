"""What the settlement refuses: a whole settlement, or one step of a person, a worker or a bank; code and reason."""

from __future__ import annotations


class SettlementRefused(Exception):
    """Nothing is settled. `code` is stable and for programs, `detail` says which rule was broken and what to do."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


class NotAllowed(Exception):
    """The state, the people behind it or its conditions do not allow a decision, a mark or a proposal.

    `code` is stable and for programs, `detail` says what stands against it.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


class Disputed(NotAllowed):
    """What was said contradicts us. It is on record, the instruction is disputed, and people decide."""


class NoProof(Exception):
    """There is no proof of that: NO_CHECKPOINT, NOT_COVERED (by a checkpoint of that size) or NO_SUCH_LINE."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail
