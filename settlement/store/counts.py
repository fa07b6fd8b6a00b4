"""How many settlements and payments stand in which state, for gauges."""

from __future__ import annotations

import asyncpg


async def settlements_by_status(connection: asyncpg.Connection) -> dict[str, int]:
    """Return status -> settlements."""
    rows = await connection.fetch("select status, count(*) as settlements from settlement group by status")
    return {row["status"]: row["settlements"] for row in rows}


async def payouts_by_status(connection: asyncpg.Connection) -> dict[str, tuple[int, int]]:
    """Return status -> payout instructions, and fen in them."""
    rows = await connection.fetch(
        "select status, count(*) as payouts, sum(amount_fen)::numeric as fen from payout_instruction group by status"
    )
    return {row["status"]: (row["payouts"], int(row["fen"])) for row in rows}


async def payout_refusals_by_code(connection: asyncpg.Connection) -> dict[str, int]:
    """Return code -> words about payments that were not booked."""
    rows = await connection.fetch("select code, count(*) as refusals from payout_refusal group by code")
    return {row["code"]: row["refusals"] for row in rows}


async def payouts_without_account(connection: asyncpg.Connection) -> int:
    """Return how many instructions wait for their payment without an account."""
    found: int = await connection.fetchval(
        "select count(*) from payout_instruction where account is null and status in ('ready', 'leased')"
    )
    return found
