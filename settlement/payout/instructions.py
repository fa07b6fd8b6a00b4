"""Leasing instructions to workers and recording what became of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver, savepoint
from meter.database.errors import refusal_of
from settlement.errors import Disputed, NotAllowed
from settlement.payout.bank_reference import checked_bank_reference
from settlement.payout.words import MONEY_WORDS, OUTCOMES, Contradiction, Step, steps_of
from settlement.store.instructions import (
    account_of,
    choose_instructions,
    hold_instruction,
    insert_leases,
    insert_payout_event,
    instruction_dict,
    instructions_with,
    instructions_without_account,
    is_issue,
    moved_of_issue,
    movement_of,
    was_said,
)

LEASE_SECONDS = 60
CLAIM_MAX = 1000
MARKS = ("submitted", "unknown", "paid", "failed", "returned", "disputed")
DECISIONS = ("retry", "settle")


async def claim(
    engine: AsyncEngine, worker: str, limit: int, actor: str, moment: datetime, *, lease_seconds: int = LEASE_SECONDS
) -> list[dict[str, Any]]:
    """Lease up to `limit` instructions to a worker: those never leased, then those whose lease ran out the longest ago.

    The lease is committed before this returns: whatever the worker then does at the bank, the intent and its reference
    are on record. An instruction that was leased before comes with `ask_first`: the bank may have it already. What was
    handed over as a file is not leased again, and nothing without an account is leased at all: see `without_account`.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction(isolation="read_committed"):
            chosen = await choose_instructions(connection, min(limit, CLAIM_MAX))
            waiting = await instructions_with(connection, [row["id"] for row in chosen])
            payable = {row["id"]: row["first_sent_at"] is not None for row in waiting if account_of(row) is not None}
            chosen = [row for row in chosen if row["id"] in payable]
            await insert_leases(connection, chosen, worker, lease_seconds, actor, moment)
            rows = await instructions_with(connection, list(payable))
    return [
        {
            **instruction_dict(row),
            "ask_first": payable[row["id"]],
            "first_sent_at": row["first_sent_at"],
            "account": account_of(row),
        }
        for row in rows
    ]


async def without_account(engine: AsyncEngine, limit: int) -> list[dict[str, Any]]:
    """Return instructions that wait and have no account that can be read: nothing of them goes to a bank."""
    async with engine.connect() as held:
        rows = await instructions_without_account(await driver(held), limit)
    return [instruction_dict(row) for row in rows]


async def mark(
    engine: AsyncEngine,
    instruction: int,
    word: str,
    *,
    said: Mapping[str, Any],
    actor: str,
    moment: datetime,
    issue: str | None = None,
) -> dict[str, Any]:
    """Record what became of an instruction: one of MARKS, or `handed_over`. Repeating a mark changes nothing.

    `said` may carry worker, fence, bank_reference, amount_fen and a note; programs that speak for the bank add `job`,
    and `file` where the bank answered with one. `issue` is our reference of the issue that is meant, without it the
    present one. What the bank says is kept even where it contradicts us: another amount, a second payment, another
    outcome or news about an earlier issue make the instruction disputed (raises Disputed), and people decide.
    Otherwise raises NotAllowed: NO_SUCH_INSTRUCTION, NO_SUCH_ISSUE, STATE_NOT_ALLOWED, LEASE_LOST,
    BANK_REFERENCE_MISSING, BANK_REFERENCE_INVALID, AMOUNT_INVALID, AMOUNT_MISSING.
    """
    assert word in (*MARKS, "handed_over")
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
                row = await _held(connection, instruction)
                contradiction = await _record(
                    connection, row, word, dict(said), issue or row["reference"], actor, moment
                )
                row = await _held(connection, instruction)
        except asyncpg.CheckViolationError as refusal:
            raise NotAllowed(*refusal_of(refusal)) from None
        except asyncpg.UniqueViolationError:  # another instruction was told the same at this very moment
            raise NotAllowed(
                "OTHER_BANK_REFERENCE", "this reference of the bank already stands for another movement of money"
            ) from None
    if contradiction:
        raise Disputed(contradiction.code, f"{contradiction.detail}: recorded as disputed, people decide")
    return instruction_dict(row)


async def _record(
    connection: asyncpg.Connection,
    row: asyncpg.Record,
    word: str,
    said: dict[str, Any],
    issue: str,
    actor: str,
    moment: datetime,
) -> Contradiction | None:
    """Write the events of a word down, unless they stand already; what in it contradicts us."""
    earlier = issue != row["reference"]
    if earlier and not await is_issue(connection, row["id"], issue):
        raise NotAllowed("NO_SUCH_ISSUE", f"{issue} is no issue of this instruction")
    reference = _reference(row, word, said, earlier)
    if said.get("bank_reference"):
        said["bank_reference"] = reference
    said |= {"word": word, "issue": issue}
    net, moved_before = await moved_of_issue(connection, row["id"], issue)
    steps, contradiction = steps_of(row, word, said, earlier=earlier, net_fen=net, moved_before=moved_before)
    if word in OUTCOMES and await was_said(connection, row["id"], issue, word, reference, said.get("amount_fen")):
        return None
    reached = (steps[0].after, reference) == (row["status"], row["bank_reference"])
    if reached and word not in OUTCOMES and not steps[0].moved_fen:
        return None  # the state is reached, and no money is meant
    written = False
    for wanted in steps:
        step, found = await _once(connection, row["id"], issue, wanted, reference)
        if step is None:
            continue
        written = True
        contradiction = contradiction or found
        after = "disputed" if contradiction else step.after
        await insert_payout_event(
            connection, row["id"], after, said, bank_reference=reference, moved_fen=step.moved_fen,
            actor=actor, moment=moment,
        )  # fmt: skip
    return contradiction if written else None


def _reference(row: asyncpg.Record, word: str, said: Mapping[str, Any], earlier: bool) -> str | None:
    """The bank's reference that a word stands under: the given one, or the one that is known of the present issue."""
    given = said.get("bank_reference")
    if word == "paid" or given is not None:
        return checked_bank_reference(given)
    known: str | None = None if earlier else row["bank_reference"]
    if known is None and (word in MONEY_WORDS or (word == "disputed" and said.get("amount_fen"))):
        return checked_bank_reference(given)
    return known


async def _once(
    connection: asyncpg.Connection, instruction: int, issue: str, step: Step, reference: str | None
) -> tuple[Step | None, Contradiction | None]:
    """The step, or what is left of it: a movement of money at the bank is counted once, under one issue."""
    if not step.moved_fen or reference is None:
        return step, None
    known = await movement_of(connection, reference, step.moved_fen)
    if known is None:
        return step, None
    if (known["instruction"], known["reference"]) != (instruction, issue):
        what = f"the bank's reference {reference} already stands for another movement of money"
        return Step("disputed", 0), Contradiction("OTHER_BANK_REFERENCE", what)
    if known["moved_fen"] != step.moved_fen:
        what = f"under {reference} moved {abs(known['moved_fen'])} fen, now it is {abs(step.moved_fen)}"
        return Step("disputed", 0), Contradiction("WRONG_AMOUNT", what)
    return None, None


async def decide(
    engine: AsyncEngine, instruction: int, decision: str, *, said: Mapping[str, Any], actor: str, moment: datetime
) -> dict[str, Any]:
    """A person's word: `retry` what failed or came back (a new issue of the instruction), `settle` what is disputed.

    `settle` carries `outcome` (paid, failed, returned). The person who recorded the outcome cannot decide: the database
    refuses SAME_PERSON. Where a program recorded it, or the bank speaks of two issues, the first person's word is a
    proposal (`proposed` in the answer) and another person's same word carries it out.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
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
            await insert_payout_event(
                connection, instruction, after, said, bank_reference=None, moved_fen=0, actor=actor, moment=moment
            )
    except asyncpg.CheckViolationError as refusal:
        if refusal.constraint_name != "second_person_missing":
            raise
    else:
        return False
    await insert_payout_event(
        connection, instruction, "disputed", {**said, "proposed": after}, bank_reference=None, moved_fen=0,
        actor=actor, moment=moment,
    )  # fmt: skip
    return True


async def _held(connection: asyncpg.Connection, instruction: int) -> asyncpg.Record:
    """Return the instruction, held until the transaction ends."""
    row = await hold_instruction(connection, instruction)
    if row is None:
        raise NotAllowed("NO_SUCH_INSTRUCTION", f"there is no payout instruction {instruction}")
    return row
