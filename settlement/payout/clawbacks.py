"""Claims: what an adjustment asks back from who was paid too much, and how it is settled, by two people."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from settlement.errors import NotAllowed

KINDS = ("offset", "repaid", "waive")


async def propose(
    engine: AsyncEngine,
    claim: int,
    *,
    kind: str,
    amount_fen: int,
    instruction: int | None,
    note: str | None,
    actor: str,
    moment: datetime,
) -> dict[str, Any]:
    """Propose to settle so much of a claim: offset against an instruction not yet out, repaid, or waived.

    Raises NotAllowed: NO_SUCH_CLAIM, ABOVE_CLAIM, INSTRUCTION_MISSING.
    """
    return await _write(engine, claim, "propose", kind, amount_fen, instruction, None, note, actor, moment)


async def answer(
    engine: AsyncEngine, claim: int, *, proposal: int, approve: bool, note: str | None, actor: str, moment: datetime
) -> dict[str, Any]:
    """Approve a proposal, which carries it out, or reject it.

    Raises NotAllowed: SAME_PERSON for who proposed it, NO_SUCH_PROPOSAL, ABOVE_CLAIM, NO_SUCH_INSTRUCTION.
    """
    event = "approve" if approve else "reject"
    return await _write(engine, claim, event, "waive", 1, None, proposal, note, actor, moment)  # the proposal's count


async def _write(engine: AsyncEngine, claim: int, *said: Any) -> dict[str, Any]:
    event, kind, amount, instruction, proposal, note, actor, moment = said
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
                number = await connection.fetchval(
                    """insert into claim_event
                       (claim, event, kind, amount_fen, instruction, proposal, actor, at, transaction, note)
                       values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9) returning id""",
                    claim, event, kind, amount, instruction, proposal, actor, moment, note,
                )  # fmt: skip
                row = await connection.fetchrow("select * from clawback_claim where id = $1", claim)
        except asyncpg.CheckViolationError as refusal:
            raise NotAllowed(*refusal_of(refusal)) from None
    return {**_shown(row), "event": number}


async def list_claims(
    connection: asyncpg.Connection, status: str | None, settlement: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """Claims in order of their numbers, with what was proposed and decided."""
    rows = await connection.fetch(
        """select c.*, coalesce((select jsonb_agg(jsonb_build_object('id', e.id, 'event', e.event, 'kind', e.kind,
               'amount_fen', e.amount_fen, 'instruction', e.instruction, 'proposal', e.proposal, 'actor', e.actor,
               'at', e.at, 'note', e.note) order by e.id) from claim_event e where e.claim = c.id), '[]') as events
           from clawback_claim c where c.id > $1 and ($2::text is null or c.status = $2)
           and ($3::text is null or c.settlement = $3) order by c.id limit $4""",
        after, status, settlement, limit,
    )  # fmt: skip
    return [{**_shown(row), "events": row["events"]} for row in rows]


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "id": row["id"],
        "settlement": row["settlement"],
        "uscc": row["uscc"],
        "amount_fen": row["amount_fen"],
        "recovered_fen": row["recovered_fen"],
        "status": row["status"],
        "created_at": row["created_at"].isoformat(),
    }
