"""Files of payments that went to a bank, what waits for its answer, and what is to be asked about again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg

from settlement.store.instructions import account_of


async def insert_file(
    connection: asyncpg.Connection,
    name: str,
    *,
    sha256: str,
    encoding: str,
    instructions: int,
    sum_fen: int,
    actor: str,
) -> None:
    """Write down a file that is about to go to the bank, in the transaction that hands its payments over."""
    await connection.execute(
        """insert into payout_file (name, sha256, encoding, instructions, sum_fen, actor, at)
           values ($1, $2, $3, $4, $5, $6, now())""",
        name, sha256, encoding, instructions, sum_fen, actor,
    )  # fmt: skip


async def file_of(connection: asyncpg.Connection, name: str) -> asyncpg.Record | None:
    """Return what is on record about a file, or None."""
    return await connection.fetchrow("select * from payout_file where name = $1", name)


async def list_files(connection: asyncpg.Connection, after: int, limit: int) -> list[dict[str, Any]]:
    """Return files in order of their numbers, with how many of their payments wait for an answer."""
    rows = await connection.fetch(
        """select f.*, (select count(*) from payout_instruction i
               where i.handed_over_as = f.name and i.status = 'handed_over') as waiting
           from payout_file f where f.id > $1 order by f.id limit $2""",
        after, limit,
    )  # fmt: skip
    return [{**dict(row), "at": row["at"].isoformat()} for row in rows]


async def payments_in(connection: asyncpg.Connection, name: str) -> list[dict[str, Any]]:
    """Return the payments that are handed over in a file, in the order in which it names them, accounts in plain."""
    rows = await connection.fetch("select * from payout_instruction where handed_over_as = $1 order by id", name)
    return [
        {**{field: row[field] for field in ("id", "uscc", "reference", "amount_fen")}, "account": account_of(row)}
        for row in rows
    ]


async def runs_of(connection: asyncpg.Connection, name: str) -> list[int]:
    """Return the released runs whose payments are in a file."""
    rows = await connection.fetch(
        """select distinct t.run from payout_instruction i join payout_run_item t on t.instruction = i.id
           and t.reference = i.reference where i.handed_over_as = $1 and payout_run_status(t.run) = 'released'
           order by 1""",
        name,
    )
    return [row["run"] for row in rows]


async def handed_over_since(connection: asyncpg.Connection, before: datetime) -> list[asyncpg.Record]:
    """Return payments of batch files that wait for an answer and were handed over before a moment, and since when."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """select i.id, i.reference, i.amount_fen, (select max(e.at) from payout_event e
               where e.instruction = i.id and e.after = 'handed_over') as since
           from payout_instruction i join payout_file f on f.name = i.handed_over_as
           where i.status = 'handed_over' and (select max(e.at) from payout_event e
               where e.instruction = i.id and e.after = 'handed_over') < $1 order by i.id""",
        before,
    )
    return rows


async def by_issue(connection: asyncpg.Connection, references: Sequence[str]) -> dict[str, asyncpg.Record]:
    """Return our reference of any issue -> its instruction (id, status) and since when it was handed over."""
    rows = await connection.fetch(
        """select distinct on (said.reference) said.reference as issue, i.id, i.status, i.reference, (
               select max(e.at) from payout_event e where e.instruction = i.id and e.after = 'handed_over') as since
           from unnest($1::text[]) said (reference)
           join lateral (select instruction from payout_event e where e.reference = said.reference
               union all select i.id from payout_instruction i where i.reference = said.reference limit 1) of on true
           join payout_instruction i on i.id = of.instruction""",
        list(references),
    )
    return {row["issue"]: row for row in rows}


async def issues_to_follow(
    connection: asyncpg.Connection, since: datetime, after: tuple[int, str], limit: int
) -> list[asyncpg.Record]:
    """Return issues about which a bank that answers may still have news: id, status, issue.

    Of everything that something was said of since a moment: what is paid, failed, came back or is disputed, and every
    issue that was replaced. What waits in a lease is asked about by whoever leases it; what went out as a file answers
    with a file.
    """
    rows: list[asyncpg.Record] = await connection.fetch(
        """select distinct i.id, i.status, e.reference as issue, i.reference, i.amount_fen
           from payout_instruction i join payout_event e on e.instruction = i.id
           where i.handed_over_as is null and e.detail ->> 'gateway' = 'http' and e.detail ? 'lease'
           and (e.reference <> i.reference or i.status in ('paid', 'failed', 'returned', 'disputed'))
           and exists (select from payout_event n where n.instruction = i.id and n.at >= $1)
           and (i.id, e.reference) > ($2, $3) order by i.id, e.reference limit $4""",
        since, *after, limit,
    )  # fmt: skip
    return rows
