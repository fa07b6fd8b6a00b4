"""What a company is told of itself and what it says: by functions of the database, which look at whose session it is.

No statement here names an entity when it asks on behalf of one: the functions know it by the session that was shown.
"""

from __future__ import annotations

from typing import Any

import asyncpg
import polars as pl

_ACCOUNT = {None: "proposed", "approve": "approved", "reject": "rejected"}


async def own_entity(connection: asyncpg.Connection) -> dict[str, Any] | None:
    """Return code, name and region of the entity of who acts; None for who acts for none."""
    row = await connection.fetchrow("select * from public.company_entity()")
    return None if row is None else dict(row)


async def own_lines(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return the lines of the entity of who acts, the newest first, each with its settlement, interval and events."""
    rows = await connection.fetch("select * from public.company_lines()")
    return [{**dict(row), "order": row["payment_order"], "created_at": row["created_at"].isoformat()} for row in rows]


async def own_accounts(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return the accounts of the entity of who acts, masked, the newest first."""
    rows = await connection.fetch("select * from public.company_accounts()")
    return [{**dict(row), "status": _ACCOUNT[row["event"]], "at": row["at"].isoformat()} for row in rows]


async def own_confirmations(connection: asyncpg.Connection) -> dict[str, dict[str, Any]]:
    """Return round -> what the entity of who acts confirmed last."""
    rows = await connection.fetch("select * from public.company_confirmations()")
    return {row["round"]: {**dict(row), "at": row["at"].isoformat()} for row in rows}


async def own_payments(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return what is paid to the entity of who acts, the newest first."""
    return [dict(row) for row in await connection.fetch("select * from public.company_payments()")]


async def own_use(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return what the entity of who acts used by month, facility and chip, as far as it is added up."""
    return [dict(row) for row in await connection.fetch("select * from public.company_use()")]


async def own_quarantine(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Return how many records about the entity of who acts were not taken, by reason."""
    return [dict(row) for row in await connection.fetch("select * from public.company_quarantine()")]


async def confirm(connection: asyncpg.Connection, of_round: str, account: int | None) -> None:
    """Write down that the entity of who acts wants what a round awards, paid to this account."""
    await connection.execute("select public.company_confirm($1, $2)", of_round, account)


async def propose_account(connection: asyncpg.Connection, sealed: str, masked: str, *, differs: bool) -> int:
    """Propose an account of the entity of who acts; the proposal's number."""
    return int(await connection.fetchval("select public.company_propose_account($1, $2, $3)", sealed, masked, differs))


async def object_to(connection: asyncpg.Connection, settlement: str, note: str) -> None:
    """Object to the line of the entity of who acts."""
    await connection.execute("select public.company_object($1, $2)", settlement, note)


async def confirmed_by(connection: asyncpg.Connection, uscc: str, of_round: str) -> dict[str, Any] | None:
    """Return what an entity confirmed last about a round, with the account's last places; for the province."""
    row = await connection.fetchrow(
        """select c.actor, c.at, a.masked from company_confirmation c left join account_proposal a on a.id = c.account
           where c.uscc = $1 and c.round = $2 order by c.id desc limit 1""",
        uscc, of_round,
    )  # fmt: skip
    return None if row is None else {**dict(row), "at": row["at"].isoformat()}


async def keep_interval(connection: asyncpg.Connection, settlement: str, lines: pl.DataFrame) -> None:
    """Keep the bounds of every line's award (uscc, strictest_fen, generous_fen), unless they are kept already."""
    await connection.execute(
        """insert into settlement_interval (settlement, uscc, strictest_fen, generous_fen)
           select $1, uscc, strictest, generous from unnest($2::text[], $3::bigint[], $4::bigint[])
           as l (uscc, strictest, generous) on conflict do nothing""",
        settlement, lines["uscc"].to_list(), lines["strictest_fen"].to_list(), lines["generous_fen"].to_list(),
    )  # fmt: skip
