"""Deciding about clawbacks, by whoever: one door for keys over HTTP and for people in the console."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from api.actions.actor import LARGEST, Actor, require_of_the_province, require_texts
from api.clock import now
from api.http.errors import refusal
from api.http.problem import Problem
from meter.audit.store import note_refusal
from settlement.errors import NotAllowed
from settlement.payout.clawbacks import answer, propose
from settlement.vocabulary import CLAWBACK_KINDS

CLAWBACK_SCOPE: Final = {"propose": "settlement:run", "approve": "settlement:approve", "reject": "settlement:approve"}


async def decide(engine: AsyncEngine, hand: Actor, clawback: int, word: str, said: dict[str, Any]) -> dict[str, Any]:
    """Propose how a clawback is settled, or approve or reject a proposal; the clawback. Raises Problem."""
    require_of_the_province(hand, CLAWBACK_SCOPE[word])
    require_texts(said)
    note = said.get("note")
    try:
        if word == "propose":
            if (
                said.get("kind") not in CLAWBACK_KINDS
                or not 0 < said.get("amount_fen", 0) < LARGEST
                or not 0 < clawback < LARGEST
            ):
                raise Problem(400, "bad_request", f"kind is one of {', '.join(CLAWBACK_KINDS)}, amount_fen is above 0")
            if not 0 < said.get("instruction", 1) < LARGEST:
                raise Problem(400, "out_of_range", "instruction is out of range")
            return await propose(
                engine, clawback, kind=said["kind"], amount_fen=said["amount_fen"], instruction=said.get("instruction"),
                note=note, actor=hand.actor, moment=now(),
            )  # fmt: skip
        if not 0 < said.get("proposal", 0) < LARGEST or not 0 < clawback < LARGEST:
            raise Problem(400, "missing_field", "proposal is the number of the proposal")
        return await answer(
            engine, clawback, proposal=said["proposal"], approve=word == "approve", note=note, actor=hand.actor,
            moment=now(),
        )  # fmt: skip
    except NotAllowed as error:
        await note_refusal(engine, hand.actor, f"claim.{word}", str(clawback), error.code)
        raise refusal(error.code, error.detail) from None
