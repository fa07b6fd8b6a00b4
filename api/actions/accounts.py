"""Approving bank accounts, by whoever: one door for keys over HTTP and for people in the console."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from api.actions.actor import LARGEST, Actor, require_of_the_province, require_texts
from api.http.errors import refusal
from api.http.problem import Problem
from meter.audit.store import note_refusal
from settlement.errors import NotAllowed
from settlement.payout.accounts import answer

ACCOUNT_SCOPE: Final = "settlement:approve"
WORDS: Final = ("approve", "reject")


async def decide(engine: AsyncEngine, hand: Actor, number: int, word: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Approve or reject a proposed account; the proposal. Refusals are in the audit log. Raises Problem."""
    require_of_the_province(hand, ACCOUNT_SCOPE)
    require_texts(said)
    note = said.get("note")
    if not 0 < number < LARGEST:
        raise Problem(404, "NO_SUCH_PROPOSAL", f"there is no account proposal {number}")
    try:
        return await answer(
            engine, number, word, confirm_holder=bool(said.get("confirm_holder")), note=note, actor=hand.actor
        )
    except NotAllowed as error:
        await note_refusal(engine, hand.actor, f"account.{word}", str(number), error.code)
        raise refusal(error.code, error.detail) from None
