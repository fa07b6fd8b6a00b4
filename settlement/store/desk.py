"""Sums for the payer's desk: what is paid and what is not, by state, by city and by settlement."""

from __future__ import annotations

from typing import Any, Final

import asyncpg

from meter.database.sums import with_sums

_COLUMNS: Final = {"status": "status", "city": "coalesce(city, '')"}


async def sums_by(connection: asyncpg.Connection, column: str, settlement: str | None) -> list[dict[str, Any]]:
    """Instructions by state, or by city, of one settlement or of all: how many, fen, how many paid and their fen."""
    by = _COLUMNS[column]
    rows = await connection.fetch(
        f"""select {by} as name, count(*) as payments, coalesce(sum(amount_fen), 0) as fen,
            count(*) filter (where status in ('paid', 'offset')) as done,
            coalesce(sum(amount_fen) filter (where status = 'paid'), 0) as paid_fen
            from payout_instruction where $1::text is null or settlement = $1 group by 1 order by 1""",
        settlement,
    )
    return [with_sums(row) for row in rows]


async def locked_settlements(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Settlements with instructions, the newest first: how many, how many paid, what waits, what no run holds."""
    rows = await connection.fetch(
        """select s.id, s.status, count(*) as payments, count(*) filter (where i.status in ('paid', 'offset')) as done,
               count(*) filter (where i.status = 'ready') as ready, sum(i.amount_fen) as fen,
               (select count(*) from payout_run_ready(s.id, null)) as proposable
           from settlement s join payout_instruction i on i.settlement = s.id
           group by s.id order by s.created_at desc"""
    )
    return [with_sums(row) for row in rows]


async def progress_of(connection: asyncpg.Connection, settlement: str) -> dict[str, int]:
    """How many of a settlement's instructions are paid or offset, of how many; and fen paid, of how many."""
    row = await connection.fetchrow(
        """select count(*) as payments, count(*) filter (where status in ('paid', 'offset')) as done,
               coalesce(sum(amount_fen), 0) as fen,
               coalesce(sum(amount_fen) filter (where status = 'paid'), 0) as paid_fen
           from payout_instruction where settlement = $1""",
        settlement,
    )
    return with_sums(row)


async def without_account_named(connection: asyncpg.Connection, settlement: str | None) -> list[dict[str, Any]]:
    """Lines that ask to be paid and have no approved account: of locked settlements, and of those before their lock."""
    rows = await connection.fetch(
        """select l.settlement, l.uscc, l.name, l.region, s.status, l.payable_fen as fen
           from settlement s join settlement_line l on l.settlement = s.id
           where s.status in ('reviewed', 'approved', 'published', 'locked') and ($1::text is null or s.id = $1)
           and settlement_due(s.adjusts, l.payable_fen, l.adjustment_fen) > 0
           and account_on(l.uscc, suanbu_today()) is null
           and not exists (select from payout_instruction i where i.settlement = l.settlement and i.uscc = l.uscc
                           and i.account is not null)
           order by l.settlement, l.uscc""",
        settlement,
    )
    return [with_sums(row) for row in rows]
