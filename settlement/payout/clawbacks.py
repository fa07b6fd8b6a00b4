"""Deciding about clawbacks: what an adjustment asks back, and how it is settled, by two people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from settlement.errors import NotAllowed
from settlement.store.clawbacks import insert_clawback_event


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
    return await _write(
        engine, clawback, "propose", kind=kind, amount_fen=amount_fen, instruction=instruction, proposal=None,
        note=note, actor=actor, moment=moment,
    )  # fmt: skip


async def answer(
    engine: AsyncEngine, clawback: int, *, proposal: int, approve: bool, note: str | None, actor: str, moment: datetime
) -> dict[str, Any]:
    """Approve a proposal, which carries it out, or reject it.

    Raises NotAllowed: SAME_PERSON for the person who proposed it, NO_SUCH_PROPOSAL, ABOVE_CLAIM, NO_SUCH_INSTRUCTION.
    """
    return await _write(  # kind and amount are the proposal's: the database puts them in
        engine, clawback, "approve" if approve else "reject", kind="waive", amount_fen=1, instruction=None,
        proposal=proposal, note=note, actor=actor, moment=moment,
    )  # fmt: skip


async def _write(engine: AsyncEngine, clawback: int, event: str, **said: Any) -> dict[str, Any]:
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
                return await insert_clawback_event(connection, clawback, event, **said)
        except asyncpg.CheckViolationError as refusal:
            raise NotAllowed(*refusal_of(refusal)) from None
