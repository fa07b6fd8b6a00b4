"""What state is recomputed from: lines, decisions and events, beside the state that the tables hold."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

import asyncpg

_PAGE = 2_000
_INSTRUCTIONS = """
with decided as (
    select s.id, s.adjusts, (select e.at from public.settlement_event e where e.settlement = s.id and e.event = 'lock'
                             order by e.id desc limit 1) as locked_at,
           (select max(e.id) from public.settlement_event e where e.settlement = s.id and e.event = 'approve')
           as approval from public.settlement s
), due as (
    select d.id as settlement, l.uscc, left(l.region, 4) || '00' as city, d.locked_at,
           case when d.adjusts is null then l.payable_fen else coalesce(l.adjustment_fen, l.payable_fen) end
           as amount_fen, p.account
    from decided d join public.settlement_line l on l.settlement = d.id
    left join public.settlement_account a on a.event = d.approval and a.uscc = l.uscc
    left join public.account_proposal p on p.id = a.proposal
    where d.locked_at is not null
), asked as (select * from due where amount_fen > 0)
select coalesce(asked.settlement, i.settlement) as of, coalesce(asked.uscc, i.uscc) as code,
       asked.settlement as due_settlement, asked.city as due_city, asked.locked_at, asked.amount_fen as due_fen,
       asked.account as due_account, i.*
from asked full join public.payout_instruction i on i.settlement = asked.settlement and i.uscc = asked.uscc
order by 1, coalesce(asked.uscc, i.uscc) collate "C" """


async def instructions(connection: asyncpg.Connection) -> AsyncIterator[list[asyncpg.Record]]:
    """Yield each line that asks to be paid beside its instruction, either of which may be missing, portions at a
    time."""
    portion = []
    async for row in connection.cursor(_INSTRUCTIONS, prefetch=_PAGE):
        portion.append(row)
        if len(portion) == _PAGE:
            yield portion
            portion = []
    if portion:
        yield portion


async def events_of(connection: asyncpg.Connection, numbers: Sequence[int]) -> dict[int, list[asyncpg.Record]]:
    """Return instruction -> its events in the order in which they came about, with the account that a new issue goes
    to."""
    found: dict[int, list[asyncpg.Record]] = {}
    for row in await connection.fetch(
        """select e.*, p.account from public.payout_event e
           left join public.account_proposal p on p.id = (e.detail ->> 'account_proposal')::bigint
           where e.instruction = any ($1::bigint[]) order by e.at, e.id""",
        numbers,
    ):
        found.setdefault(row["instruction"], []).append(row)
    return found


async def instructions_issued(connection: asyncpg.Connection, unsound: Sequence[int]) -> dict[str, dict[str, Any]]:
    """Return settlement -> the numbers (count, first, last) that its instructions were given, as the log of its lock
    says."""
    rows = await connection.fetch(
        """with sound as materialized (
               select seq, object, detail from public.audit
               where action = 'settlement.lock' and result = 'done' and seq <> all ($1::bigint[])
           ) select object, detail::jsonb -> 'instructions' as said from sound
           where detail::jsonb ? 'instructions' order by seq""",
        list(unsound),
    )
    return {row["object"]: row["said"] for row in rows}


async def adopted_rows(connection: asyncpg.Connection, table: str) -> dict[Any, dict[str, Any]]:
    """Return key (`id`) -> row, of those that a migration adopted."""
    rows = await connection.fetch("select said from public.adopted where place = $1 order by id", table)
    return {row["said"]["id"]: row["said"] for row in rows}


async def claims(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return every claim with its approved decisions: recovered (fen), waived, and the events as (id, kind,
    amount_fen)."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """select c.id, c.settlement, c.uscc, c.amount_fen, c.recovered_fen, c.status, coalesce((
               select jsonb_agg(jsonb_build_array(e.id, e.kind, e.amount_fen) order by e.id) from public.claim_event e
               where e.claim = c.id and e.event = 'approve'), '[]') as approved
           from public.clawback_claim c order by c.id"""
    )
    return rows


async def states(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Return every settlement with its state and the one that its last decision left it in."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """select s.id, s.status, (select e.after from public.settlement_event e where e.settlement = s.id
           order by e.at desc, e.id desc limit 1) as reached from public.settlement s order by s.id"""
    )
    return rows


async def line_roots(connection: asyncpg.Connection) -> dict[str, str | None]:
    """Return settlement -> the root over its lines that its run, or the migration that found it, put on record."""
    rows = await connection.fetch(
        """select s.id, coalesce(
               (select e.detail ->> 'lines_root' from public.settlement_event e
                where e.settlement = s.id and e.event = 'run'),
               (select a.said ->> 'lines_root' from public.adopted a
                where a.place = 'settlement_line' and a.said ->> 'settlement' = s.id
                order by a.id desc limit 1)) as root
           from public.settlement s order by s.id"""
    )
    return {row["id"]: row["root"] for row in rows}


async def line_groups(connection: asyncpg.Connection, settlement: str) -> list[tuple[int, str, bytes]]:
    """Return number, first code and root of each group of a settlement's lines."""
    rows = await connection.fetch(
        "select number, first, root from public.settlement_line_group where settlement = $1 order by number", settlement
    )
    return [(row["number"], row["first"], bytes(row["root"])) for row in rows]


async def lines_of_nothing(connection: asyncpg.Connection) -> list[tuple[str, str, str]]:
    """Return (table, settlement, code or number) of lines and groups that belong to no settlement."""
    rows = await connection.fetch(
        """select 'settlement_line' as place, l.settlement, l.uscc as key from public.settlement_line l
           where not exists (select from public.settlement s where s.id = l.settlement)
           union all select 'settlement_line_group', g.settlement, g.number::text from public.settlement_line_group g
           where not exists (select from public.settlement s where s.id = g.settlement) order by 1, 2, 3 limit 1000"""
    )
    return [tuple(row) for row in rows]
