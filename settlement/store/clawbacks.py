"""Clawbacks: what an adjustment asks back from whom it finds paid too much, and what was proposed and decided."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

import asyncpg


class ClawbackEvent(NamedTuple):
    """A proposal, or the answer to one: what is said about a clawback, who says it and when."""

    event: str
    kind: str
    amount_fen: int
    instruction: int | None
    proposal: int | None
    actor: str
    moment: datetime
    note: str | None


async def insert_clawback_event(connection: asyncpg.Connection, clawback: int, said: ClawbackEvent) -> dict[str, Any]:
    """Write a proposal or an answer down; the clawback after it, with the number of the event."""
    number = await connection.fetchval(
        """insert into claim_event (claim, event, kind, amount_fen, instruction, proposal, actor, at, transaction, note)
           values ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9) returning id""",
        clawback, *said,
    )  # fmt: skip
    row = await connection.fetchrow("select * from clawback_claim where id = $1", clawback)
    return {**_shown(row), "event": number}


async def list_clawbacks(
    connection: asyncpg.Connection, status: str | None, settlement: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """Return clawbacks in order of their numbers, with what was proposed and decided."""
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
