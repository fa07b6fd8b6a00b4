"""What became of payout instructions, and decisions about them, by whoever: one door for keys and for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from api.actions.actor import LARGEST, Actor, require_of_the_province, require_texts
from api.clock import now
from api.http.errors import refusal
from api.http.problem import Problem
from meter.audit.store import note_refusal
from settlement.errors import Disputed, NotAllowed
from settlement.payout.instructions import DECISIONS, decide
from settlement.payout.marks import MARKS, mark
from settlement.payout.refusals import keep_refusal

PAYOUT_SCOPE: Final[Mapping[str, str]] = {
    **dict.fromkeys(MARKS, "payout:run"), **dict.fromkeys(DECISIONS, "settlement:approve"),
}  # fmt: skip
FENCE_END: Final = 2**31  # what the database counts leases with
OUTCOMES: Final = ("paid", "failed", "returned")


async def record(engine: AsyncEngine, hand: Actor, number: int, word: str, said: dict[str, Any]) -> dict[str, Any]:
    """Record a mark, or decide (retry, settle); the instruction. Refusals are in the audit log. Raises Problem."""
    require_of_the_province(hand, PAYOUT_SCOPE[word])
    if not 0 < number < LARGEST:
        raise Problem(404, "NO_SUCH_INSTRUCTION", f"there is no payout instruction {number}")
    if word == "settle" and said.get("outcome") not in OUTCOMES:
        raise Problem(400, "bad_request", f"outcome is {', '.join(OUTCOMES)}")
    for name, value in said.items():
        if isinstance(value, int) and not -LARGEST < value < LARGEST:
            raise Problem(400, "out_of_range", f"{name} is out of range")
    if not 0 <= (said.get("fence") or 0) < FENCE_END:
        raise Problem(400, "out_of_range", "fence is out of range")
    require_texts(said)
    issue = said.pop("issue", None)
    try:
        if word in DECISIONS:
            return await decide(engine, number, word, said=said, actor=hand.actor, moment=now())
        return await mark(engine, number, word, said=said, actor=hand.actor, moment=now(), issue=issue)
    except NotAllowed as error:
        await _keep(engine, error, hand.actor, number, word)
        raise refusal(error.code, error.detail) from None


async def _keep(engine: AsyncEngine, error: NotAllowed, actor: str, number: int, word: str) -> None:
    """Keep that somebody was refused; what the bank said and could not be booked also stands at the payment."""
    if word in DECISIONS or isinstance(error, Disputed):
        await note_refusal(engine, actor, f"payout.{word}", str(number), error.code)
    else:
        await keep_refusal(engine, error, instruction=number, about=str(number), word=word, actor=actor)
