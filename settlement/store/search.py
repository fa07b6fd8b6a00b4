"""Where one text stands: settlements by number, entities by code or name, payments by reference."""

from __future__ import annotations

from typing import Any

import asyncpg


async def settlements_named(connection: asyncpg.Connection, text: str, limit: int) -> list[dict[str, Any]]:
    """Return settlements whose number contains a text, newest first."""
    rows = await connection.fetch(
        """select id, round, status from settlement where strpos(id, $1) > 0 order by created_at desc, id desc
           limit $2""",
        text, limit,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def lines_named(connection: asyncpg.Connection, text: str, limit: int) -> list[dict[str, Any]]:
    """Return lines by a part of name or code, in the newest settlement of each round that is not cancelled."""
    rows = await connection.fetch(
        """with newest as (select distinct on (round) id, created_at from settlement where status <> 'cancelled'
                           order by round, created_at desc, id desc)
           select l.settlement, l.uscc, l.name, l.region, l.award_fen, l.held_fen, l.payable_fen
           from newest n join settlement_line l on l.settlement = n.id
           where strpos(lower(l.name), lower($1)) > 0 or strpos(l.uscc, upper($1)) > 0
           order by n.created_at desc, l.uscc limit $2""",
        text, limit,
    )  # fmt: skip
    return [dict(row) for row in rows]


async def instructions_named(connection: asyncpg.Connection, text: str, limit: int) -> list[dict[str, Any]]:
    """Return payment instructions by their reference, the bank's reference, or the code of the entity."""
    rows = await connection.fetch(
        """select id, settlement, uscc, amount_fen, status, reference from payout_instruction
           where reference = $1 or bank_reference = $1 or uscc = upper($1) order by id desc limit $2""",
        text, limit,
    )  # fmt: skip
    return [dict(row) for row in rows]
