"""Payout instructions and what happened to them; an event that is written changes its instruction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from meter.database.seal import seal_from_environment
from meter.registry.accounts import masked
from meter.registry.items import account_owner

_INSERT_EVENT = """insert into payout_event (instruction, before, after, actor, at, transaction, fence, reference,
    bank_reference, moved_fen, detail) values ($1, '', $2, $3, $4, 0, $5, $6, $7, $8, $9)"""


async def choose_instructions(connection: asyncpg.Connection, limit: int) -> list[asyncpg.Record]:
    """Up to `limit` instructions (id, status, fence) that can be leased, held until the transaction ends."""
    rows: list[asyncpg.Record] = await connection.fetch("select id, status, fence from payout_chosen($1)", limit)
    return rows


async def insert_leases(
    connection: asyncpg.Connection, chosen: Sequence[asyncpg.Record], worker: str, seconds: int, actor: str,
    moment: datetime,
) -> None:  # fmt: skip
    """Lease the chosen instructions to a worker; those that the bank may have keep their state."""
    detail = json.dumps({"worker": worker, "lease": seconds}, ensure_ascii=False)
    await connection.executemany(
        _INSERT_EVENT,
        [
            (
                row["id"],
                "leased" if row["status"] == "ready" else row["status"],
                actor,
                moment,
                None,
                "",
                None,
                0,
                detail,
            )
            for row in chosen
        ],
    )


async def instructions_with(connection: asyncpg.Connection, numbers: Sequence[int]) -> list[asyncpg.Record]:
    """Return the instructions with these numbers, in order."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "select * from payout_instruction where id = any($1::bigint[]) order by id", numbers
    )
    return rows


async def hold_instruction(connection: asyncpg.Connection, instruction: int) -> asyncpg.Record | None:
    """The instruction, held until the transaction ends, or None."""
    await connection.execute("select payout_held($1)", instruction)
    return await connection.fetchrow("select * from payout_instruction where id = $1", instruction)


async def instructions_without_account(connection: asyncpg.Connection, limit: int) -> list[asyncpg.Record]:
    """Return instructions that wait for their payment and whose account is missing, or cannot be read here."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """select * from payout_instruction where status in ('ready', 'leased') and (account is null or $2)
           order by id limit $1""",
        limit, seal_from_environment() is None,
    )  # fmt: skip
    return rows


async def is_issue(connection: asyncpg.Connection, instruction: int, reference: str) -> bool:
    """Whether a reference is one that the instruction had, or has."""
    found = await connection.fetchval(
        """select exists (select from payout_event where instruction = $1 and reference = $2)
           or exists (select from payout_instruction where id = $1 and reference = $2)""",
        instruction, reference,
    )  # fmt: skip
    return bool(found)


async def instruction_of_issue(connection: asyncpg.Connection, reference: str) -> asyncpg.Record | None:
    """Return the instruction that has this reference, or had it before it was issued again."""
    return await connection.fetchrow(
        """select * from payout_instruction where reference = $1
           or id = (select instruction from payout_event where reference = $1 limit 1)""",
        reference,
    )


async def moved_of_issue(connection: asyncpg.Connection, instruction: int, reference: str) -> tuple[int, bool]:
    """What moved under an issue in all, in fen, and whether anything did."""
    row = await connection.fetchrow(
        """select coalesce(sum(moved_fen), 0)::bigint as net, coalesce(bool_or(moved_fen <> 0), false) as moved
           from payout_event where instruction = $1 and reference = $2""",
        instruction, reference,
    )  # fmt: skip
    return row["net"], row["moved"]


async def movement_of(connection: asyncpg.Connection, bank_reference: str, moved_fen: int) -> asyncpg.Record | None:
    """The movement of money that is counted under this reference of the bank, out or back as the sign says."""
    return await connection.fetchrow(
        """select instruction, reference, moved_fen from payout_event where bank_reference = $1
           and moved_fen <> 0 and sign(moved_fen) = sign($2::bigint)""",
        bank_reference, moved_fen,
    )  # fmt: skip


async def was_said(
    connection: asyncpg.Connection, instruction: int, reference: str, word: str, bank_reference: str | None,
    amount_fen: int | None,
) -> bool:  # fmt: skip
    """Whether this word is on record about this issue: a no once, money under its reference and amount."""
    found = await connection.fetchval(
        """select exists (select from payout_event where instruction = $1 and reference = $2
               and coalesce(detail ->> 'word', after) = $3
               and ($3 = 'failed' or bank_reference = $4
                    and (detail ->> 'amount_fen')::bigint is not distinct from $5::bigint))""",
        instruction, reference, word, bank_reference, amount_fen,
    )  # fmt: skip
    return bool(found)


async def insert_payout_event(
    connection: asyncpg.Connection,
    instruction: int,
    after: str,
    said: Mapping[str, Any],
    *,
    bank_reference: str | None,
    moved_fen: int,
    actor: str,
    moment: datetime,
) -> None:
    """Write down what became of an instruction, as it was said; `issue` in it names which issue is meant."""
    await connection.execute(
        _INSERT_EVENT, instruction, after, actor, moment, said.get("fence"), said.get("issue", ""), bank_reference,
        moved_fen, json.dumps(dict(said), ensure_ascii=False),
    )  # fmt: skip


async def list_instructions(
    connection: asyncpg.Connection,
    status: str | None,
    settlement: str | None,
    after: int,
    limit: int,
    *,
    reference: str | None = None,
    uscc: str | None = None,
) -> list[dict[str, Any]]:
    """Return instructions in order of their numbers, with masked accounts."""
    rows = await connection.fetch(
        """select * from payout_instruction where id > $1 and ($2::text is null or status = $2)
           and ($3::text is null or settlement = $3) and ($4::text is null or reference = $4)
           and ($6::text is null or uscc = $6) order by id limit $5""",
        after, status, settlement, reference, limit, uscc,
    )  # fmt: skip
    return [instruction_dict(row) for row in rows]


async def events_of(connection: asyncpg.Connection, instruction: int) -> list[dict[str, Any]]:
    """Return what happened to an instruction, oldest first."""
    rows = await connection.fetch(
        """select before, after, actor, at, fence, reference, bank_reference, moved_fen, detail from payout_event
           where instruction = $1 order by id""",
        instruction,
    )
    return [{**dict(row), "at": row["at"].isoformat()} for row in rows]


async def ledger(connection: asyncpg.Connection, settlement: str | None = None) -> dict[str, int]:
    """Return bank reference -> what the bank says moved under it, in fen: paid out is above 0, what came back below."""
    rows = await connection.fetch(
        """select coalesce(e.bank_reference, e.reference) as reference, sum(e.moved_fen)::bigint as fen
           from payout_event e join payout_instruction i on i.id = e.instruction
           where e.moved_fen <> 0 and ($1::text is null or i.settlement = $1) group by 1""",
        settlement,
    )
    return {row["reference"]: row["fen"] for row in rows}


def instruction_dict(row: asyncpg.Record) -> dict[str, Any]:
    """Return an instruction for people and programs, its account masked."""
    return {
        "id": row["id"],
        "settlement": row["settlement"],
        "uscc": row["uscc"],
        "amount_fen": row["amount_fen"],
        "offset_fen": row["offset_fen"],
        "reference": row["reference"],
        "status": row["status"],
        "worker": row["worker"],
        "fence": row["fence"],
        "leased_until": row["leased_until"].isoformat() if row["leased_until"] else None,
        "bank_reference": row["bank_reference"],
        "handed_over_as": row["handed_over_as"],
        "account_masked": _masked(row),
    }


def account_of(row: asyncpg.Record) -> Any:
    """The account of an instruction in plain text, for the worker that pays it and nobody else."""
    seal = seal_from_environment()
    if not row["account"] or seal is None:
        return None
    return json.loads(seal.unseal(row["account"], account_owner(row["uscc"])))


def _masked(row: asyncpg.Record) -> str | None:
    """The bank and the last four places of the account, as lists show it."""
    account = account_of(row)
    return masked(account) if account else None
