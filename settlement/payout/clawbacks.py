"""Deciding about clawbacks: what an adjustment asks back, and how it is settled, by two people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from settlement.errors import NotAllowed
from settlement.store.clawbacks import ClawbackEvent, insert_clawback_event


async def propose(
    engine: AsyncEngine,
    clawback: int,
    *,
    kind: str,
    amount_fen: int,
    instruction: int | None,
    note: str | None,
    actor: str,
    moment: datetime,
) -> dict[str, Any]:
    """Propose to settle so much of a clawback: offset against an instruction not yet out, repaid, or waived.

    Raises NotAllowed: NO_SUCH_CLAIM, ABOVE_CLAIM, INSTRUCTION_MISSING.
    """
    said = ClawbackEvent("propose", kind, amount_fen, instruction, proposal=None, actor=actor, moment=moment, note=note)
    return await _write(engine, clawback, said)


async def answer(
    engine: AsyncEngine, clawback: int, *, proposal: int, approve: bool, note: str | None, actor: str, moment: datetime
) -> dict[str, Any]:
    """Approve a proposal, which carries it out, or reject it.

    Raises NotAllowed: SAME_PERSON for the person who proposed it, NO_SUCH_PROPOSAL, ABOVE_CLAIM, NO_SUCH_INSTRUCTION.
    """
    said = ClawbackEvent(  # kind and amount are the proposal's: the database puts them in
        "approve" if approve else "reject", kind="waive", amount_fen=1, instruction=None, proposal=proposal,
        actor=actor, moment=moment, note=note,
    )  # fmt: skip
    return await _write(engine, clawback, said)


async def _write(engine: AsyncEngine, clawback: int, said: ClawbackEvent) -> dict[str, Any]:
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
                return await insert_clawback_event(connection, clawback, said)
        except asyncpg.CheckViolationError as refusal:
            raise NotAllowed(*refusal_of(refusal)) from None
