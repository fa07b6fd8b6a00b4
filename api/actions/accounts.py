"""Proposing and approving bank accounts, by whoever: one door for keys over HTTP and for people in the console."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from api.actions.actor import LARGEST, Actor, require_of_the_province, require_texts
from api.actions.registry_entries import ENTRY_SCOPE
from api.http.errors import refusal
from api.http.problem import Problem
from meter.audit.store import note_refusal
from settlement.errors import NotAllowed
from settlement.payout.account_file import read_accounts
from settlement.payout.accounts import answer, propose_rows

ACCOUNT_SCOPE: Final = "settlement:approve"
WORDS: Final = ("approve", "reject")


async def propose_file(engine: AsyncEngine, hand: Actor, name: str, raw: bytes) -> tuple[int, int]:
    """Propose the accounts of a file, all or none; how many are new, and of how many. Raises Problem."""
    require_of_the_province(hand, ENTRY_SCOPE)
    try:
        rows = await asyncio.to_thread(read_accounts, raw)
        return await propose_rows(engine, rows), len(rows)
    except NotAllowed as error:
        await note_refusal(engine, hand.actor, "account.propose", name, error.code)
        raise refusal(error.code, error.detail) from None


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
