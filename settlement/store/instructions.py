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


async def choose_instructions(
    connection: asyncpg.Connection, limit: int, *, gateway: str | None
) -> list[asyncpg.Record]:
    """Up to `limit` instructions (id, status, fence) that can be leased, held until the transaction ends.

    A gateway of our own job leases only what two people released.
    """
    rows: list[asyncpg.Record] = await connection.fetch(
        "select id, status, fence from payout_chosen($1, $2)", limit, gateway
    )
    return rows


async def insert_leases(
    connection: asyncpg.Connection, chosen: Sequence[asyncpg.Record], worker: str, seconds: int, actor: str,
    moment: datetime, *, gateway: str | None,
) -> None:  # fmt: skip
    """Lease the chosen instructions to a worker; those that the bank may have keep their state."""
    said = {"worker": worker, "lease": seconds, **({"gateway": gateway} if gateway else {})}
    leases = [(row["id"], "leased" if row["status"] == "ready" else row["status"], said, None, 0) for row in chosen]
    await insert_payout_events(connection, leases, actor=actor, moment=moment)


async def instructions_with(connection: asyncpg.Connection, numbers: Sequence[int]) -> list[asyncpg.Record]:
    """Return the instructions with these numbers, in order."""
    rows: list[asyncpg.Record] = await connection.fetch(
        "select * from payout_instruction where id = any($1::bigint[]) order by id", numbers
    )
    return rows


async def hold_instruction(connection: asyncpg.Connection, instruction: int) -> asyncpg.Record | None:
    """The instruction, held until the transaction ends, or None."""
    await hold_instructions(connection, [instruction])
    return await connection.fetchrow("select * from payout_instruction where id = $1", instruction)


async def instructions_without_account(connection: asyncpg.Connection, limit: int) -> list[asyncpg.Record]:
    """Return instructions that wait for their payment and whose account is missing, or cannot be read here."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """select * from payout_instruction where status in ('ready', 'leased') and (account is null or $2)
           order by id limit $1""",
        limit, seal_from_environment() is None,
    )  # fmt: skip
    return rows


async def instruction_of_issue(connection: asyncpg.Connection, reference: str) -> asyncpg.Record | None:
    """Return the instruction that has this reference, or had it before it was issued again."""
    return await connection.fetchrow(
        """select * from payout_instruction where reference = $1
           or id = (select instruction from payout_event where reference = $1 limit 1)""",
        reference,
    )


async def hold_instructions(connection: asyncpg.Connection, numbers: Sequence[int]) -> None:
    """Hold instructions, in order of their numbers, until the transaction ends."""
    await connection.execute("select payout_held($1::bigint[])", list(numbers))


async def known_events(connection: asyncpg.Connection, numbers: Sequence[int]) -> list[asyncpg.Record]:
    """What is on record about instructions: each event's issue, word, reference of the bank, movement and amount."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """select instruction, reference, coalesce(detail ->> 'word', after) as word, bank_reference, moved_fen,
           (detail ->> 'amount_fen')::bigint as amount_fen
           from payout_event where instruction = any($1::bigint[]) order by id""",
        list(numbers),
    )
    return rows


async def known_movements(connection: asyncpg.Connection, references: Sequence[str]) -> list[asyncpg.Record]:
    """The movements of money that are counted under these references of the bank."""
    rows: list[asyncpg.Record] = await connection.fetch(
        """select bank_reference, instruction, reference, moved_fen from payout_event
           where bank_reference = any($1::text[]) and moved_fen <> 0""",
        list(references),
    )
    return rows


async def insert_payout_events(
    connection: asyncpg.Connection,
    events: Sequence[tuple[int, str, Mapping[str, Any], str | None, int]],
    *,
    actor: str,
    moment: datetime,
) -> None:
    """Write down what became of instructions: number, state, what was said, the bank's reference, fen that moved.

    `issue` in what was said names which issue is meant.
    """
    await connection.executemany(
        _INSERT_EVENT,
        [
            (
                number, after, actor, moment, said.get("fence"), said.get("issue", ""), bank_reference, moved_fen,
                json.dumps(dict(said), ensure_ascii=False),
            )
            for number, after, said, bank_reference, moved_fen in events
        ],
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
        """select coalesce(e.bank_reference, e.reference) as reference, sum(e.moved_fen) as fen
           from payout_event e join payout_instruction i on i.id = e.instruction
           where e.moved_fen <> 0 and ($1::text is null or i.settlement = $1) group by 1""",
        settlement,
    )
    return {row["reference"]: int(row["fen"]) for row in rows}


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
        "account_masked": masked_account(row["account"], row["uscc"]),
    }


def account_of(row: asyncpg.Record) -> Any:
    """The account of an instruction in plain text, for the worker that pays it and nobody else."""
    return _plain(row["account"], row["uscc"])


def masked_account(account: str | None, uscc: str) -> str | None:
    """The bank and the last four places of a sealed account, as lists show it."""
    plain = _plain(account, uscc)
    return masked(plain) if plain else None


def _plain(account: str | None, uscc: str) -> Any:
    seal = seal_from_environment()
    return json.loads(seal.unseal(account, account_owner(uscc))) if account and seal is not None else None
