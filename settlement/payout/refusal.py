"""What cannot be done to a payout instruction or a claim, and why."""

from __future__ import annotations

import asyncpg


class NotPossible(Exception):
    """A mark or a proposal that the state, the lease or the people behind it do not allow."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


def refused(refusal: asyncpg.CheckViolationError) -> NotPossible:
    """What a trigger refused, with the code that it gave as the constraint's name."""
    return NotPossible((refusal.constraint_name or "state_not_allowed").upper(), refusal.args[0])
