"""Leasing instructions to workers and recording what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from settlement.errors import NotAllowed
from settlement.store.instructions import (
    account_of,
    choose_instructions,
    hold_instruction,
    insert_leases,
    insert_payout_event,
    instruction_dict,
    instructions_with,
    is_movement_known,
)

LEASE_SECONDS = 60
CLAIM_MAX = 1000
MARKS = ("submitted", "unknown", "paid", "failed", "returned", "disputed")
DECISIONS = ("retry", "settle")


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
            chosen = await choose_instructions(connection, min(limit, CLAIM_MAX))
            before = {row["id"]: row["fence"] > 0 for row in chosen}
            await insert_leases(connection, chosen, worker, lease_seconds, actor, moment)
            rows = await instructions_with(connection, list(before))
    return [
        {
            **instruction_dict(row),
            "ask_first": before[row["id"]],
            "first_sent_at": row["first_sent_at"],
            "account": account_of(row),
        }
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
                    return instruction_dict(row)
                await insert_payout_event(
                    connection, instruction, reached, said,
                    bank_reference=reference, moved_fen=moved, actor=actor, moment=moment,
                )  # fmt: skip
                row = await _held(connection, instruction)
        except asyncpg.CheckViolationError as refusal:
            raise NotAllowed(*refusal_of(refusal)) from None
        except asyncpg.UniqueViolationError:
            raise NotAllowed(
                "OTHER_BANK_REFERENCE", "this reference of the bank already stands for another movement of money"
            ) from None
    if contradiction:
        raise NotAllowed(contradiction[0], f"{contradiction[1]}: recorded as disputed, a person decides")
    return instruction_dict(row)


async def decide(
    engine: AsyncEngine, instruction: int, decision: str, *, said: Mapping[str, Any], actor: str, moment: datetime
) -> dict[str, Any]:
    """A person's word: `retry` what failed or came back (a new issue of the instruction), `settle` what is disputed.

    `settle` carries `outcome` (paid, failed, returned). The person who recorded the outcome cannot decide: the database
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
                await insert_payout_event(
                    connection, instruction, after, said, bank_reference=None, moved_fen=0, actor=actor, moment=moment
                )
                row = await _held(connection, instruction)
        except asyncpg.CheckViolationError as refusal:
            raise NotAllowed(*refusal_of(refusal)) from None
    return instruction_dict(row)


async def _held(connection: asyncpg.Connection, instruction: int) -> asyncpg.Record:
    """The instruction, held until the transaction ends."""
    row = await hold_instruction(connection, instruction)
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
    connection: asyncpg.Connection, row: asyncpg.Record, after: str, bank_reference: str | None, moved_fen: int
) -> bool:
    """Whether this very mark stands already: its money is counted, or its state is reached and no money is meant."""
    if moved_fen and bank_reference:
        return await is_movement_known(connection, row["id"], bank_reference, moved_fen)
    return bool(after == row["status"] and bank_reference == row["bank_reference"])
