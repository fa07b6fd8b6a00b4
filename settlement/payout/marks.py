"""Recording what became of instructions: one word, or those of a whole batch in one transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.errors import refusal_of
from settlement.errors import Disputed, NotAllowed
from settlement.payout.bank_reference import trimmed
from settlement.payout.booking import Booked, Known, Mark, booked
from settlement.payout.boundary import transaction
from settlement.payout.words import Contradiction
from settlement.store.instructions import (
    hold_instructions,
    insert_payout_events,
    instruction_dict,
    instructions_with,
    known_events,
    known_movements,
)

MARKS = ("submitted", "unknown", "paid", "failed", "returned", "disputed")
TOGETHER_MAX = 1000


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
    try:
        async with transaction(engine, "mark") as connection:
            [found] = await mark_within(connection, [Mark(instruction, word, said, issue)], actor=actor, moment=moment)
    except asyncpg.CheckViolationError as refusal:
        raise NotAllowed(*refusal_of(refusal)) from None
    except asyncpg.UniqueViolationError:  # another instruction was told the same at this very moment
        raise NotAllowed(
            "OTHER_BANK_REFERENCE", "this reference of the bank already stands for another movement of money"
        ) from None
    if isinstance(found, NotAllowed):
        raise found
    return found


async def mark_all(
    engine: AsyncEngine, marks: Sequence[Mark], *, actor: str, moment: datetime
) -> list[dict[str, Any] | NotAllowed]:
    """Record many words; of each what the instruction is then, or why it was refused.

    They share a transaction, their events and their rows of the audit log. Where one of them is refused, each gets a
    transaction of its own, so that the others stand.
    """
    if len(marks) > 1 and not _entangled(marks):
        try:
            async with transaction(engine, "mark together") as connection:
                return await mark_within(connection, marks, actor=actor, moment=moment)
        except (asyncpg.CheckViolationError, asyncpg.UniqueViolationError, NotAllowed):
            pass  # nothing of it stands
    found: list[dict[str, Any] | NotAllowed] = []
    for one in marks:
        try:
            found.append(
                await mark(
                    engine, one.instruction, one.word, said=one.said, actor=actor, moment=moment, issue=one.issue
                )
            )
        except NotAllowed as refusal:
            found.append(refusal)
    return found


async def mark_within(
    connection: asyncpg.Connection, marks: Sequence[Mark], *, actor: str, moment: datetime
) -> list[dict[str, Any] | NotAllowed]:
    """Record words about different instructions in the transaction at hand; a contradiction is recorded, and returned.

    Raises NotAllowed or what the database refuses for the first that cannot be booked: nothing of the rest stands then.
    """
    assert len(marks) <= TOGETHER_MAX
    assert all(one.word in (*MARKS, "handed_over") for one in marks)
    numbers = [one.instruction for one in marks]
    await hold_instructions(connection, numbers)
    rows = {row["id"]: row for row in await instructions_with(connection, numbers)}
    for number in numbers:
        if number not in rows:
            raise NotAllowed("NO_SUCH_INSTRUCTION", f"there is no payout instruction {number}")
    references = {one for mark in marks if (one := trimmed(mark.said.get("bank_reference")))}
    references |= {row["bank_reference"] for row in rows.values() if row["bank_reference"]}
    known = Known.of(await known_events(connection, numbers), await known_movements(connection, sorted(references)))
    made: list[Booked] = [booked(rows[one.instruction], one, known) for one in marks]
    await insert_payout_events(connection, [event for one in made for event in one.events], actor=actor, moment=moment)
    after = {row["id"]: instruction_dict(row) for row in await instructions_with(connection, numbers)}
    return [
        _disputed(one.contradiction) if one.contradiction else after[number]
        for number, one in zip(numbers, made, strict=True)
    ]


def _entangled(marks: Sequence[Mark]) -> bool:
    """Return whether two of the words are about one instruction, or one reference of the bank."""
    numbers = {one.instruction for one in marks}
    references = [one for mark in marks if (one := trimmed(mark.said.get("bank_reference")))]
    return len(numbers) < len(marks) or len(set(references)) < len(references) or len(marks) > TOGETHER_MAX


def _disputed(contradiction: Contradiction) -> Disputed:
    return Disputed(contradiction.code, f"{contradiction.detail}: recorded as disputed, people decide")
