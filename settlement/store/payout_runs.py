"""Payout runs (发放批次): what is proposed to be paid together, who released it, and the rule that limits it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg

from settlement.store.instructions import account_of, masked_account

_UNREADABLE = {"holder": "", "bank": "", "account": ""}

_RUNS = """select r.*, payout_run_status(r.id) as status,
    (select count(*) from payout_run_item t join payout_instruction i on i.id = t.instruction
     where t.run = r.id and i.reference = t.reference and i.status = 'paid') as paid,
    (select count(*) from payout_run_item t join payout_instruction i on i.id = t.instruction
     where t.run = r.id and (i.reference <> t.reference or i.amount_fen <> t.amount_fen)) as changed,
    coalesce((select jsonb_agg(jsonb_build_object('event', e.event, 'actor', e.actor, 'at', e.at, 'note', e.note)
        order by e.id) from payout_run_event e where e.run = r.id), '[]') as events from payout_run r"""


async def insert_run(
    connection: asyncpg.Connection, settlement: str, wanted: Sequence[int] | None, note: str | None, actor: str
) -> int:
    """Propose a run of what of a settlement is ready, or of these instructions; its number. The database fills it."""
    number: int = await connection.fetchval(
        """insert into payout_run (settlement, wanted, instructions, sum_fen, digest, actor, at, note)
           values ($1, $2, 0, 0, '', $3, now(), $4) returning id""",
        settlement, None if wanted is None else sorted(set(wanted)), actor, note,
    )  # fmt: skip
    return number


async def ready_within_the_limits(connection: asyncpg.Connection, settlement: str) -> tuple[int, ...] | None:
    """Return what of a settlement one more run may hold under the rule in force, or None where it may hold all or none.

    What alone is above a limit is in no run: the others do not wait for it.
    """
    rows = await connection.fetch(
        """with waiting as (
               select r.instruction, r.amount_fen, rule.run_limit_fen,
                   coalesce(r.amount_fen > least(rule.run_limit_fen, rule.payee_limit_fen), false) as never
               from payout_run_ready($1, null) r left join payout_rule_in_force() rule on true
           )
           select instruction, never or coalesce(
                  sum(amount_fen) filter (where not never) over (order by instruction) > run_limit_fen, false) as waits
           from waiting order by instruction""",
        settlement,
    )
    fitting = tuple(row["instruction"] for row in rows if not row["waits"])
    return fitting if 0 < len(fitting) < len(rows) else None


async def insert_run_event(
    connection: asyncpg.Connection, run: int, event: str, *, digest: str | None, note: str | None, actor: str
) -> None:
    """Release, reject or stop a run."""
    await connection.execute(
        "insert into payout_run_event (run, event, digest, actor, at, note) values ($1, $2, $3, $4, now(), $5)",
        run, event, digest, actor, note,
    )  # fmt: skip


async def list_runs(
    connection: asyncpg.Connection, status: str | None, settlement: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """Return runs in order of their numbers."""
    rows = await connection.fetch(
        f"""select * from ({_RUNS} where r.id > $1 and ($2::text is null or r.settlement = $2)) shown
            where $3::text is null or status = $3 order by id limit $4""",
        after, settlement, status, limit,
    )  # fmt: skip
    return [_shown(row) for row in rows]


async def run_of(connection: asyncpg.Connection, number: int) -> dict[str, Any] | None:
    """Return one run, or None."""
    found = await list_runs(connection, None, None, number - 1, 1)
    return found[0] if found and found[0]["id"] == number else None


async def items_of(connection: asyncpg.Connection, run: int, after: int, limit: int) -> list[dict[str, Any]]:
    """Return what is in a run, in order of the instructions' numbers, with masked accounts, and what each is now."""
    rows = await connection.fetch(
        """select t.instruction, t.uscc, l.name, t.reference, t.amount_fen, i.status, i.bank_reference, i.account,
           i.handed_over_as, i.reference = t.reference and i.amount_fen = t.amount_fen as unchanged
           from payout_run_item t join payout_instruction i on i.id = t.instruction
           join settlement_line l on l.settlement = i.settlement and l.uscc = i.uscc
           where t.run = $1 and t.instruction > $2 order by t.instruction limit $3""",
        run, after, limit,
    )  # fmt: skip
    return [
        {
            **{name: row[name] for name in (
                "instruction", "uscc", "name", "reference", "amount_fen", "status", "bank_reference", "unchanged",
                "handed_over_as",
            )},
            "account_masked": masked_account(row["account"], row["uscc"]),
        }
        for row in rows
    ]  # fmt: skip


async def payments_of(connection: asyncpg.Connection, run: int) -> list[dict[str, Any]]:
    """What of a run is as it was proposed, with accounts in plain, for a list that is handed out."""
    rows = await connection.fetch(
        """select i.* from payout_run_item t join payout_instruction i on i.id = t.instruction
           where t.run = $1 and i.reference = t.reference and i.amount_fen = t.amount_fen order by i.id""",
        run,
    )
    return [
        {**{name: row[name] for name in ("uscc", "reference", "amount_fen")}, **(account_of(row) or _UNREADABLE)}
        for row in rows
    ]


async def unchanged_in(connection: asyncpg.Connection, run: int) -> frozenset[int]:
    """Return the instructions of a run that are as they were proposed."""
    rows = await connection.fetch(
        """select i.id from payout_run_item t join payout_instruction i on i.id = t.instruction
           where t.run = $1 and i.reference = t.reference and i.amount_fen = t.amount_fen""",
        run,
    )
    return frozenset(row["id"] for row in rows)


async def note_payment_list(connection: asyncpg.Connection, run: int, kind: str, payments: int) -> None:
    """Write into the audit log that a list is handed out, before it is."""
    await connection.execute("select payment_list_noted($1, $2, $3)", run, kind, payments)


async def stopped_of(connection: asyncpg.Connection, numbers: Sequence[int]) -> frozenset[int]:
    """Return those of the instructions that are in no run that is released now: the bank is asked, and sent nothing."""
    rows = await connection.fetch(
        """select i.id from payout_instruction i where i.id = any($1::bigint[]) and not exists (
               select from payout_run_item t where t.instruction = i.id and t.reference = i.reference
               and t.amount_fen = i.amount_fen and payout_run_status(t.run) = 'released')""",
        list(numbers),
    )
    return frozenset(row["id"] for row in rows)


async def awaiting_payment(connection: asyncpg.Connection, limit: int, *, released: bool) -> list[asyncpg.Record]:
    """Return what a job would lease now, or what of that was released; holds nothing."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """select i.*, l.name from payout_instruction i
           join settlement_line l on l.settlement = i.settlement and l.uscc = i.uscc
           where i.account is not null and (not $2 or payout_released(i))
           and (i.status = 'ready' or i.status in ('leased', 'submitted', 'unknown') and i.leased_until < now())
           order by i.leased_until nulls first, i.id limit $1""",
        limit, released,
    )  # fmt: skip
    return rows


async def not_released(connection: asyncpg.Connection) -> tuple[int, int]:
    """Return how many instructions are ready and in no released run, and their sum in fen."""
    row = await connection.fetchrow(
        """select count(*) as payments, coalesce(sum(amount_fen), 0) as fen from payout_instruction i
           where status = 'ready' and not payout_released(i)"""
    )
    return row["payments"], int(row["fen"])


async def insert_rule(
    connection: asyncpg.Connection, leases: str, run_limit_fen: int | None, payee_limit_fen: int | None, *,
    note: str | None, actor: str,
) -> int:  # fmt: skip
    """Propose a rule; its number."""
    number: int = await connection.fetchval(
        """insert into payout_rule (leases, run_limit_fen, payee_limit_fen, actor, at, note)
           values ($1, $2, $3, $4, now(), $5) returning id""",
        leases, run_limit_fen, payee_limit_fen, actor, note,
    )  # fmt: skip
    return number


async def confirm_rule(connection: asyncpg.Connection, proposal: int, *, note: str | None, actor: str) -> None:
    """Put a proposed rule in force."""
    await connection.execute(
        "insert into payout_rule (leases, confirms, actor, at, note) values ('own', $1, $2, now(), $3)",
        proposal, actor, note,
    )  # fmt: skip


async def list_rules(connection: asyncpg.Connection, after: int, limit: int) -> list[dict[str, Any]]:
    """Return rules as they were proposed, in order of their numbers; who confirmed each, and whether it is in force."""
    rows = await connection.fetch(
        """select p.id, p.leases, p.run_limit_fen, p.payee_limit_fen, p.actor as proposed_by, p.at as proposed_at,
           p.note, c.actor as confirmed_by, c.at as confirmed_at,
           coalesce(c.id = (payout_rule_in_force()).id, false) as in_force
           from payout_rule p left join payout_rule c on c.confirms = p.id
           where p.confirms is null and p.id > $1 order by p.id limit $2""",
        after, limit,
    )  # fmt: skip
    return [
        {
            **dict(row),
            "proposed_at": row["proposed_at"].isoformat(),
            "confirmed_at": row["confirmed_at"].isoformat() if row["confirmed_at"] else None,
        }
        for row in rows
    ]


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "id": row["id"],
        "settlement": row["settlement"],
        "status": row["status"],
        "instructions": row["instructions"],
        "sum_fen": row["sum_fen"],
        "paid": row["paid"],
        "changed": row["changed"],
        "digest": row["digest"],
        "proposed_by": row["actor"],
        "proposed_at": row["at"].isoformat(),
        "note": row["note"],
        "events": row["events"],
    }
