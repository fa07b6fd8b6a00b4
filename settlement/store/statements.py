"""The bank's statements, what people say about their lines, and what was booked for them to be held against."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Protocol

import asyncpg

from meter.database.sums import with_sums

_DAY = "(({}) at time zone 'Asia/Shanghai')::date"


class Line(Protocol):
    """A movement as the bank states it."""

    @property
    def booked_on(self) -> date:
        """The day on which the bank booked it."""

    @property
    def moved_fen(self) -> int:
        """Paid out above 0, received below."""

    @property
    def bank_reference(self) -> str:
        """The bank's reference."""

    @property
    def reference(self) -> str:
        """Ours, or nothing."""

    @property
    def counterparty(self) -> str:
        """Who was paid, or paid."""

    @property
    def account_masked(self) -> str:
        """The last places of the other account."""

    @property
    def said(self) -> str:
        """What the line says in words."""


async def insert_statement(
    connection: asyncpg.Connection, name: str, sha256: str, mapping: str, lines: Sequence[Line], actor: str
) -> int:
    """Store a statement with its lines; its number."""
    days, moved = [line.booked_on for line in lines], [line.moved_fen for line in lines]
    number: int = await connection.fetchval(
        """insert into bank_statement (name, sha256, mapping, first_day, last_day, lines, paid_fen, received_fen,
               actor, at)
           values ($1, $2, $3, $4, $5, $6, $7, $8, $9, now()) returning id""",
        name, sha256, mapping, min(days), max(days), len(lines), sum(fen for fen in moved if fen > 0),
        -sum(fen for fen in moved if fen < 0), actor,
    )  # fmt: skip
    await connection.execute(
        """insert into bank_statement_line (statement, ordinal, booked_on, moved_fen, bank_reference, reference,
               counterparty, account_masked, said)
           select $1, n, d, m, b, r, c, a, s from unnest($2::int[], $3::date[], $4::bigint[], $5::text[], $6::text[],
               $7::text[], $8::text[], $9::text[]) u (n, d, m, b, r, c, a, s)""",
        number, list(range(1, len(lines) + 1)), days, moved, [line.bank_reference for line in lines],
        [line.reference for line in lines], [line.counterparty for line in lines],
        [line.account_masked for line in lines], [line.said for line in lines],
    )  # fmt: skip
    return number


async def insert_note(
    connection: asyncpg.Connection, statement: int, ordinal: int, kind: str, claim: int | None, note: str, actor: str
) -> None:
    """Say what a line is."""
    await connection.execute(
        """insert into bank_statement_note (statement, ordinal, kind, claim, note, actor, at)
           values ($1, $2, $3, $4, $5, $6, now())""",
        statement, ordinal, kind, claim, note, actor,
    )  # fmt: skip


async def list_statements(connection: asyncpg.Connection, after: int, limit: int) -> list[dict[str, Any]]:
    """Statements in order of their numbers."""
    rows = await connection.fetch("select * from bank_statement where id > $1 order by id limit $2", after, limit)
    return [
        {
            **{name: row[name] for name in ("id", "name", "mapping", "lines", "paid_fen", "received_fen")},
            "sha256": row["sha256"],
            "first_day": row["first_day"].isoformat(),
            "last_day": row["last_day"].isoformat(),
            "imported_by": row["actor"],
            "imported_at": row["at"].isoformat(),
        }
        for row in rows
    ]


async def stated_lines(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Every line of every statement, with what a person said last about it."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """select l.*, n.kind, n.claim, n.note from bank_statement_line l left join lateral (
               select kind, claim, note from bank_statement_note n where n.statement = l.statement
               and n.ordinal = l.ordinal order by n.id desc limit 1) n on true order by l.statement, l.ordinal"""
    )
    return rows


async def covered_to(connection: asyncpg.Connection) -> date | None:
    """The last day of which a statement speaks."""
    found: date | None = await connection.fetchval("select max(last_day) from bank_statement")
    return found


async def today(connection: asyncpg.Connection) -> date:
    """The local day by the database's clock."""
    found: date = await connection.fetchval("select suanbu_today()")
    return found


async def booked_movements(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Movements of money as they were booked."""
    rows: list[asyncpg.Record] = await connection.fetch(
        f"""select e.instruction, i.settlement, e.reference, coalesce(e.bank_reference, '') as bank_reference,
            e.moved_fen, {_DAY.format("e.at")} as day
            from payout_event e join payout_instruction i on i.id = e.instruction
            where e.moved_fen <> 0 order by e.id"""
    )
    return rows


async def with_the_bank(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """Payments that may be with the bank, or are in dispute, and since when."""
    rows: list[asyncpg.Record] = await connection.fetch(
        f"""select i.id as instruction, i.settlement, i.reference, i.amount_fen, i.status, {
            _DAY.format("coalesce(i.first_sent_at, i.created_at)")
        } as day from payout_instruction i
            where i.status in ('leased', 'submitted', 'unknown', 'handed_over', 'disputed') order by i.id"""
    )
    return rows


async def repaid_claims(connection: asyncpg.Connection) -> list[asyncpg.Record]:
    """What of clawbacks is booked as repaid."""
    rows: list[asyncpg.Record] = await connection.fetch(
        f"""select c.id as claim, c.settlement, c.uscc, e.amount_fen, {_DAY.format("e.at")} as day
            from claim_event e join clawback_claim c on c.id = e.claim
            where e.event = 'approve' and e.kind = 'repaid' order by e.id"""
    )
    return rows


async def settlement_sums(connection: asyncpg.Connection) -> list[dict[str, Any]]:
    """Of each settlement: due, paid, offset, open; and of its clawbacks: asked, repaid, offset, waived, open."""
    rows = await connection.fetch(
        """with paid as (
               select i.settlement, sum(i.amount_fen + i.offset_fen) as due_fen,
                   sum(i.offset_fen) as offset_fen,
                   sum(case when i.status in ('paid', 'offset') then 0 else i.amount_fen end) as open_fen,
                   count(*) as payments, count(*) filter (where i.status in ('paid', 'offset')) as done
               from payout_instruction i group by i.settlement),
           moved as (
               select i.settlement, sum(e.moved_fen) as paid_fen from payout_event e
               join payout_instruction i on i.id = e.instruction group by i.settlement),
           claims as (
               select c.settlement, sum(c.amount_fen) as claimed_fen,
                   sum(case when c.status = 'open' then c.amount_fen - c.recovered_fen else 0 end) as claim_open_fen,
                   sum(case when c.status = 'waived' then c.amount_fen - c.recovered_fen else 0 end) as waived_fen,
                   sum(coalesce((select sum(e.amount_fen) from claim_event e where e.claim = c.id
                       and e.event = 'approve' and e.kind = 'repaid'), 0)) as repaid_fen,
                   sum(coalesce((select sum(e.amount_fen) from claim_event e where e.claim = c.id
                       and e.event = 'approve' and e.kind = 'offset'), 0)) as claim_offset_fen
               from clawback_claim c group by c.settlement)
           select s.id as settlement, coalesce(p.payments, 0) as payments, coalesce(p.done, 0) as done,
               coalesce(p.due_fen, 0) as due_fen, coalesce(m.paid_fen, 0) as paid_fen,
               coalesce(p.offset_fen, 0) as offset_fen, coalesce(p.open_fen, 0) as open_fen,
               coalesce(c.claimed_fen, 0) as claimed_fen, coalesce(c.repaid_fen, 0) as repaid_fen,
               coalesce(c.claim_offset_fen, 0) as claim_offset_fen, coalesce(c.waived_fen, 0) as waived_fen,
               coalesce(c.claim_open_fen, 0) as claim_open_fen
           from settlement s left join paid p on p.settlement = s.id left join moved m on m.settlement = s.id
           left join claims c on c.settlement = s.id
           where p.settlement is not null or c.settlement is not null order by s.id"""
    )
    return [with_sums(row) for row in rows]
