"""Leasing instructions to workers and recording what became of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from meter.database.seal import seal_from_environment
from meter.registry.record import account_owner
from settlement.errors import NotAllowed

LEASE_SECONDS = 60
CLAIM_MAX = 1000
MARKS = ("submitted", "unknown", "paid", "failed", "returned", "disputed")
DECISIONS = ("retry", "settle")
_EVENT = """insert into payout_event (instruction, before, after, actor, at, transaction, fence, reference,
    bank_reference, moved_fen, detail) values ($1, '', $2, $3, $4, 0, $5, '', $6, $7, $8)"""


async def claim(
    engine: AsyncEngine, worker: str, limit: int, actor: str, moment: datetime, *, lease_seconds: int = LEASE_SECONDS
) -> list[dict[str, Any]]:
    """Lease up to `limit` instructions to a worker: those never leased, and those whose lease ran out.

    The lease is committed before this returns: whatever the worker then does at the bank, the intent and its reference
    are on record. An instruction that was leased before comes with `ask_first`: the bank may have it already.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction(isolation="read_committed"):
            chosen = await connection.fetch("select id, status, fence from payout_chosen($1)", min(limit, CLAIM_MAX))
            before = {row["id"]: row["fence"] > 0 for row in chosen}
            detail = json.dumps({"worker": worker, "lease": lease_seconds}, ensure_ascii=False)
            await connection.executemany(
                _EVENT,
                [
                    (row["id"], "leased" if row["status"] == "ready" else row["status"], actor, moment, None, None, 0,
                     detail)
                    for row in chosen
                ],
            )  # fmt: skip
            rows = await connection.fetch(
                "select * from payout_instruction where id = any($1::bigint[]) order by id", list(before)
            )
    return [
        {**_shown(row), "ask_first": before[row["id"]], "first_sent_at": row["first_sent_at"], "account": _account(row)}
        for row in rows
    ]


async def mark(
    engine: AsyncEngine, instruction: int, after: str, *, said: Mapping[str, Any], actor: str, moment: datetime
) -> dict[str, Any]:
    """Record what became of an instruction: one of MARKS. Repeating a mark changes nothing.

    `said` may carry worker, fence, bank_reference, amount_fen and a note. What the bank says is kept even where it
    contradicts us: another amount, or a second payment, makes the instruction disputed, and a person decides. Raises
    NotAllowed: NO_SUCH_INSTRUCTION, STATE_NOT_ALLOWED, LEASE_LOST, WRONG_AMOUNT, OTHER_BANK_REFERENCE.
    """
    assert after in MARKS
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
                row = await _held(connection, instruction)
                reached, moved, contradiction = _understood(row, after, said)
                reference = said.get("bank_reference") or row["bank_reference"]
                if await _said_before(connection, row, after, reference, moved):
                    return _shown(row)
                await _write(connection, row, reached, said, reference, moved, actor, moment)
                row = await _held(connection, instruction)
        except asyncpg.CheckViolationError as refusal:
            raise NotAllowed(*refusal_of(refusal)) from None
        except asyncpg.UniqueViolationError:
            raise NotAllowed(
                "OTHER_BANK_REFERENCE", "this reference of the bank already stands for another movement of money"
            ) from None
    if contradiction:
        raise NotAllowed(contradiction[0], f"{contradiction[1]}: recorded as disputed, a person decides")
    return _shown(row)


async def decide(
    engine: AsyncEngine, instruction: int, decision: str, *, said: Mapping[str, Any], actor: str, moment: datetime
) -> dict[str, Any]:
    """A person's word: `retry` what failed or came back (a new issue of the instruction), `settle` what is disputed.

    `settle` carries `outcome` (paid, failed, returned). By somebody else than who recorded the outcome: the database
    refuses SAME_PERSON.
    """
    after = "ready" if decision == "retry" else str(said.get("outcome"))
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
                row = await _held(connection, instruction)
                wanted = ("failed", "returned") if decision == "retry" else ("disputed",)
                if row["status"] not in wanted:
                    raise NotAllowed("STATE_NOT_ALLOWED", f"an instruction that is {row['status']} needs no {decision}")
                await _write(connection, row, after, said, None, 0, actor, moment)
                row = await _held(connection, instruction)
        except asyncpg.CheckViolationError as refusal:
            raise NotAllowed(*refusal_of(refusal)) from None
    return _shown(row)


async def _held(connection: asyncpg.Connection, instruction: int) -> asyncpg.Record:
    """The instruction, held until the transaction ends."""
    await connection.execute("select payout_held($1)", instruction)
    row = await connection.fetchrow("select * from payout_instruction where id = $1", instruction)
    if row is None:
        raise NotAllowed("NO_SUCH_INSTRUCTION", f"there is no payout instruction {instruction}")
    return row


def _understood(row: asyncpg.Record, after: str, said: Mapping[str, Any]) -> tuple[str, int, tuple[str, str] | None]:
    """The state that a mark reaches, the fen that it says were moved, and what in it contradicts us."""
    due, amount = row["amount_fen"], said.get("amount_fen")
    given, known = said.get("bank_reference"), row["bank_reference"]
    if after == "paid":
        moved = due if amount is None else amount
    elif after == "returned":
        moved = -(due if amount is None else amount)
    else:
        return after, amount or 0 if after == "disputed" else 0, None
    if abs(moved) != due:
        return "disputed", moved, ("WRONG_AMOUNT", f"the instruction pays {due} fen, not {abs(moved)}")
    if row["status"] == "disputed":
        return "disputed", moved, None  # one more thing for the person who decides
    if after == "paid" and row["status"] == "paid" and given and known and given != known:
        return "disputed", moved, ("OTHER_BANK_REFERENCE", f"it was paid under the bank's reference {known} already")
    return after, moved, None


async def _said_before(
    connection: asyncpg.Connection, row: asyncpg.Record, after: str, bank_reference: str | None, moved: int
) -> bool:
    """Whether this very mark stands already: its money is counted, or its state is reached and no money is meant."""
    if moved and bank_reference:
        return bool(
            await connection.fetchval(
                """select count(*) from payout_event where instruction = $1 and bank_reference = $2
                   and sign(moved_fen) = sign($3::bigint)""",
                row["id"], bank_reference, moved,
            )
        )  # fmt: skip
    return bool(after == row["status"] and bank_reference == row["bank_reference"])


async def _write(
    connection: asyncpg.Connection,
    row: asyncpg.Record,
    after: str,
    said: Mapping[str, Any],
    bank_reference: str | None,
    moved: int,
    actor: str,
    moment: datetime,
) -> None:
    await connection.execute(
        _EVENT, row["id"], after, actor, moment, said.get("fence"), bank_reference, moved,
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
    return [_shown(row) for row in rows]


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


def _account(row: asyncpg.Record) -> Any:
    """The account in plain text, for who pays and nobody else."""
    seal = seal_from_environment()
    if not row["account"] or seal is None:
        return None
    return json.loads(seal.unseal(row["account"], account_owner(row["uscc"])))


def _masked(row: asyncpg.Record) -> str | None:
    """The bank and the last four places of the account, as lists show it."""
    account = _account(row)
    return f"{account['bank']} ****{account['account'][-4:]}" if account else None


def _shown(row: asyncpg.Record) -> dict[str, Any]:
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
