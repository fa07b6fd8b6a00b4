"""Leasing instructions to workers, and what people decide about those that failed, came back or are disputed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver, savepoint
from meter.database.errors import refusal_of
from settlement.errors import NotAllowed
from settlement.payout.booking import Event
from settlement.payout.boundary import transaction
from settlement.payout.runs import RUN_MAX
from settlement.store.instructions import (
    account_of,
    choose_instructions,
    hold_instruction,
    insert_leases,
    insert_payout_events,
    instruction_dict,
    instructions_with,
    instructions_without_account,
)
from settlement.store.payout_runs import stopped_of, unchanged_in

LEASE_SECONDS = 60
CLAIM_MAX = 1000
DECISIONS = ("retry", "settle")


async def claim(
    engine: AsyncEngine,
    worker: str,
    limit: int,
    actor: str,
    moment: datetime,
    *,
    lease_seconds: int = LEASE_SECONDS,
    gateway: str | None = None,
    run: int | None = None,
) -> list[dict[str, Any]]:
    """Lease up to `limit` instructions to a worker: those never leased, then those whose lease ran out the longest ago.

    The lease is committed before this returns: whatever the worker then does at the bank, the intent and its reference
    are on record. An instruction that was leased before comes with `ask_first`: the bank may have it already. What was
    handed over as a file is not leased again, and nothing without an account is leased at all: see `without_account`.
    `gateway` is http or batch, of our own job: what it leases is in a run that two people released (the database
    refuses any other); what comes without `may_send` is in a run that was stopped since: the bank is only asked.
    Where a run is stopped in this very moment nothing is leased. `run` leases what waits of that run alone.
    """
    try:
        return await _leased(engine, worker, limit, actor, moment, lease_seconds, gateway, run)
    except asyncpg.CheckViolationError as refusal:
        if refusal.constraint_name != "not_released":
            raise
        return []


async def _leased(
    engine: AsyncEngine, worker: str, limit: int, actor: str, moment: datetime, seconds: int, gateway: str | None,
    run: int | None,
) -> list[dict[str, Any]]:  # fmt: skip
    async with transaction(engine, "lease") as connection:
        if run is None:
            chosen = await choose_instructions(connection, min(limit, CLAIM_MAX), gateway=gateway)
        else:
            inside = await unchanged_in(connection, run)
            found = await choose_instructions(connection, RUN_MAX, gateway=gateway)
            chosen = [row for row in found if row["id"] in inside][: min(limit, CLAIM_MAX)]
        waiting = await instructions_with(connection, [row["id"] for row in chosen])
        payable = {row["id"]: row["first_sent_at"] is not None for row in waiting if account_of(row) is not None}
        chosen = [row for row in chosen if row["id"] in payable]
        await insert_leases(connection, chosen, worker, seconds, actor, moment, gateway=gateway)
        rows = await instructions_with(connection, list(payable))
        stopped = await stopped_of(connection, list(payable)) if gateway else frozenset()
    return [
        {
            **instruction_dict(row),
            "ask_first": payable[row["id"]],
            "first_sent_at": row["first_sent_at"],
            "account": account_of(row),
            **({"may_send": row["id"] not in stopped} if gateway else {}),
        }
        for row in rows
    ]


async def without_account(engine: AsyncEngine, limit: int) -> list[dict[str, Any]]:
    """Return instructions that wait and have no account that can be read: nothing of them goes to a bank."""
    async with engine.connect() as held:
        rows = await instructions_without_account(await driver(held), limit)
    return [instruction_dict(row) for row in rows]


async def decide(
    engine: AsyncEngine, instruction: int, decision: str, *, said: Mapping[str, Any], actor: str, moment: datetime
) -> dict[str, Any]:
    """A person's word: `retry` what failed or came back (a new issue of the instruction), `settle` what is disputed.

    `settle` carries `outcome` (paid, failed, returned). The person who recorded the outcome cannot decide: the database
    refuses SAME_PERSON. Where a program recorded it, or the bank speaks of two issues, the first person's word is a
    proposal (`proposed` in the answer) and another person's same word carries it out.
    """
    try:
        async with transaction(engine, "decide") as connection:
            row = await _held(connection, instruction)
            wanted = ("failed", "returned") if decision == "retry" else ("disputed",)
            if row["status"] not in wanted:
                raise NotAllowed("STATE_NOT_ALLOWED", f"an instruction that is {row['status']} needs no {decision}")
            after = _decided(row, decision, said)
            proposed = await _decide_or_propose(connection, instruction, after, said, actor, moment)
            row = await _held(connection, instruction)
    except asyncpg.CheckViolationError as refusal:
        raise NotAllowed(*refusal_of(refusal)) from None
    return instruction_dict(row) | ({"proposed": after} if proposed else {})


def _decided(row: asyncpg.Record, decision: str, said: Mapping[str, Any]) -> str:
    if decision == "retry":
        return "ready"
    outcome = str(said.get("outcome"))
    # of what was offset as a whole nothing is to be paid: without its money it is offset again
    return "offset" if not row["amount_fen"] and outcome in ("failed", "returned") else outcome


async def _decide_or_propose(
    connection: asyncpg.Connection, instruction: int, after: str, said: Mapping[str, Any], actor: str, moment: datetime
) -> bool:
    """Carry a decision out, or write it down as a proposal where a second person is asked for; whether it is one."""
    try:
        async with savepoint(connection):
            await insert_payout_events(
                connection, [Event(instruction, after, said, None, 0)], actor=actor, moment=moment
            )
    except asyncpg.CheckViolationError as refusal:
        if refusal.constraint_name != "second_person_missing":
            raise
    else:
        return False
    proposal = Event(instruction, "disputed", {**said, "proposed": after}, None, 0)
    await insert_payout_events(connection, [proposal], actor=actor, moment=moment)
    return True


async def _held(connection: asyncpg.Connection, instruction: int) -> asyncpg.Record:
    """Return the instruction, held until the transaction ends."""
    row = await hold_instruction(connection, instruction)
    if row is None:
        raise NotAllowed("NO_SUCH_INSTRUCTION", f"there is no payout instruction {instruction}")
    return row
