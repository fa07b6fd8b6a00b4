"""Payout instructions and what happened to them; an event that is written changes its instruction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from meter.database.seal import seal_from_environment
from meter.registry.items import account_owner

_INSERT_EVENT = """insert into payout_event (instruction, before, after, actor, at, transaction, fence, reference,
    bank_reference, moved_fen, detail) values ($1, '', $2, $3, $4, 0, $5, '', $6, $7, $8)"""


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
            (row["id"], "leased" if row["status"] == "ready" else row["status"], actor, moment, None, None, 0, detail)
            for row in chosen
        ],
    )


async def instructions_with(connection: asyncpg.Connection, numbers: Sequence[int]) -> list[asyncpg.Record]:
    """The instructions with these numbers, in order."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "select * from payout_instruction where id = any($1::bigint[]) order by id", numbers
    )
    return rows


async def hold_instruction(connection: asyncpg.Connection, instruction: int) -> asyncpg.Record | None:
    """The instruction, held until the transaction ends, or None."""
    await connection.execute("select payout_held($1)", instruction)
    return await connection.fetchrow("select * from payout_instruction where id = $1", instruction)


async def is_movement_known(
    connection: asyncpg.Connection, instruction: int, bank_reference: str, moved_fen: int
) -> bool:
    """Whether money that moved this way under this reference of the bank is counted already."""
    found = await connection.fetchval(
        """select count(*) from payout_event where instruction = $1 and bank_reference = $2
           and sign(moved_fen) = sign($3::bigint)""",
        instruction, bank_reference, moved_fen,
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
    """Write down what became of an instruction, in the words of whoever said it."""
    await connection.execute(
        _INSERT_EVENT, instruction, after, actor, moment, said.get("fence"), bank_reference, moved_fen,
        json.dumps(dict(said), ensure_ascii=False),
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
    """Instructions in order of their numbers, with masked accounts."""
    rows = await connection.fetch(
        """select * from payout_instruction where id > $1 and ($2::text is null or status = $2)
           and ($3::text is null or settlement = $3) and ($4::text is null or reference = $4)
           and ($6::text is null or uscc = $6) order by id limit $5""",
        after, status, settlement, reference, limit, uscc,
    )  # fmt: skip
    return [instruction_dict(row) for row in rows]


async def events_of(connection: asyncpg.Connection, instruction: int) -> list[dict[str, Any]]:
    """What happened to an instruction, oldest first."""
    rows = await connection.fetch(
        """select before, after, actor, at, fence, reference, bank_reference, moved_fen, detail from payout_event
           where instruction = $1 order by id""",
        instruction,
    )
    return [{**dict(row), "at": row["at"].isoformat()} for row in rows]


async def ledger(connection: asyncpg.Connection, settlement: str | None = None) -> dict[str, int]:
    """Bank reference -> what the bank says moved under it, in fen: paid out is above 0, what came back below."""
    rows = await connection.fetch(
        """select coalesce(e.bank_reference, e.reference) as reference, sum(e.moved_fen)::bigint as fen
           from payout_event e join payout_instruction i on i.id = e.instruction
           where e.moved_fen <> 0 and ($1::text is null or i.settlement = $1) group by 1""",
        settlement,
    )
    return {row["reference"]: row["fen"] for row in rows}


def instruction_dict(row: asyncpg.Record) -> dict[str, Any]:
    """An instruction for people and programs, its account masked."""
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
    return f"{account['bank']} ****{account['account'][-4:]}" if account else None
