"""How many settlements and payments stand in which state, and since when, for gauges."""

from __future__ import annotations

from datetime import datetime

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


async def payouts_unmoved_since(connection: asyncpg.Connection) -> dict[str, datetime]:
    """Status -> since when the oldest instruction in it has not moved; no status in which nothing is left to do."""
    rows = await connection.fetch(
        """select status, min(coalesce(moved, created_at)) as since from (
               select status, created_at, (select max(at) from payout_event e where e.instruction = p.id) as moved
               from payout_instruction p where status not in ('paid', 'offset')) waiting group by status"""
    )
    return {row["status"]: row["since"] for row in rows}


async def clawbacks_by_status(connection: asyncpg.Connection) -> dict[str, int]:
    """Status -> clawbacks."""
    rows = await connection.fetch("select status, count(*) as clawbacks from clawback_claim group by status")
    return {row["status"]: row["clawbacks"] for row in rows}


async def reviews_waiting_by_city(connection: asyncpg.Connection) -> dict[str, int]:
    """City -> submitted settlements that it has not passed."""
    rows = await connection.fetch(
        """select city, count(*) as settlements from settlement s cross join lateral settlement_waiting(s.id) city
           where s.status = 'submitted' group by city"""
    )
    return {row["city"]: row["settlements"] for row in rows}


async def held_by_reason(connection: asyncpg.Connection) -> dict[tuple[str, ...], float]:
    """(Round, reason) -> fen held in the round's newest settlement; a line counts under each of its reasons."""
    rows = await connection.fetch(
        """select s.round, reason, sum(l.held_fen)::numeric as fen from (
               select distinct on (round) id, round from settlement where status <> 'cancelled'
               order by round, created_at desc) s
           join settlement_line l on l.settlement = s.id
           cross join lateral json_array_elements_text(l.line -> 'reasons') reason
           where l.held_fen > 0 group by s.round, reason"""
    )
    return {(row["round"], row["reason"]): int(row["fen"]) for row in rows}
