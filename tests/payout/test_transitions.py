"""What Python says of a payout's states is what a migrated database allows: no more and no less."""

from __future__ import annotations

import asyncpg

from api.console.queries import NOT_WITH_THE_BANK
from settlement.payout.instructions import DECISIONS
from settlement.payout.marks import MARKS
from settlement.vocabulary import PAYOUT_STATUSES
from tests.payout.conftest import Paying

OF_THE_SERVICE = {"ready", "leased", "handed_over", "offset"}
"""States that a lease, a file, a decision or an offset reaches; all others are somebody's mark of what became of it."""


async def transitions(owner: asyncpg.Connection) -> set[tuple[str, str]]:
    """The allowed changes of state: before, after."""
    return {(row["before"], row["after"]) for row in await owner.fetch("select before, after from payout_transition")}


async def test_the_transitions_are_of_the_states_there_are(owner: asyncpg.Connection) -> None:
    allowed = await transitions(owner)
    assert {state for pair in allowed for state in pair} == set(PAYOUT_STATUSES)
    assert {after for _, after in allowed} - OF_THE_SERVICE == set(MARKS)
    assert {before for before, after in allowed if after == "offset"} == {*NOT_WITH_THE_BANK, "disputed"}
    assert set(DECISIONS) == {"retry", "settle"}
    # `retry` leads back to ready from what failed or came back, `settle` out of a dispute
    assert {before for before, after in allowed if after == "ready"} == {"ready", "failed", "returned"}
    ends = {"disputed", "paid", "failed", "returned", "offset"}
    assert {after for before, after in allowed if before == "disputed"} == ends


async def test_any_change_of_state_is_refused_unless_the_table_has_it(paying: Paying) -> None:
    owner = paying.owner
    allowed = await transitions(owner)
    number = await owner.fetchval("select min(id) from payout_instruction")
    for before in PAYOUT_STATUSES:
        for after in PAYOUT_STATUSES:
            transaction = owner.transaction()
            await transaction.start()
            await put(owner, number, before)
            refused = ""
            try:
                await owner.execute(
                    """insert into payout_event (instruction, before, after, actor, at, transaction, fence, reference,
                       bank_reference, moved_fen, detail)
                       values ($1, '', $2, 'key:nobody', now(), 0, null, '', null, 0, '{}')""",
                    number, after,
                )  # fmt: skip
            except asyncpg.CheckViolationError as refusal:
                refused = refusal.constraint_name or ""
            await transaction.rollback()
            assert (refused != "state_not_allowed") == ((before, after) in allowed), (before, after, refused)


async def put(owner: asyncpg.Connection, instruction: int, status: str) -> None:
    """Put an instruction into a state, past every guard."""
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute(
            """update payout_instruction set status = $2,
               amount_fen = case when $2 = 'offset' then 0 else amount_fen end,
               offset_fen = case when $2 = 'offset' then amount_fen else 0 end where id = $1""",
            instruction, status,
        )  # fmt: skip
        await owner.execute("set local session_replication_role = origin")
