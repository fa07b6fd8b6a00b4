"""What Python says is possible, and by whom, is what a migrated database allows: no more and no less."""

from __future__ import annotations

import json

import asyncpg

from settlement.review.states import POSSIBLE, taken_part
from settlement.vocabulary import STATUSES
from tests.support.province import People, run

BY_NOBODY = {"run", "paid", "reopen"}
"""Events that follow from something else: nobody decides them."""
HAND = "key:Somebody"


async def test_each_decision_is_shown_in_the_states_in_which_the_database_allows_it(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("select event, before from settlement_transition")
    allowed: dict[str, set[str]] = {}
    for row in rows:
        allowed.setdefault(row["event"], set()).add(row["before"])
    assert set(allowed) - set(POSSIBLE) == BY_NOBODY
    assert {event: set(states) for event, states in POSSIBLE.items()} == {
        event: states for event, states in allowed.items() if event not in BY_NOBODY
    }
    assert all(len(states) == len(set(states)) for states in POSSIBLE.values())


async def test_the_transitions_are_of_the_states_there_are_and_each_can_be_reached(owner: asyncpg.Connection) -> None:
    rows = await owner.fetch("select before, after from settlement_transition")
    assert {row["before"] for row in rows} | {row["after"] for row in rows} == set(STATUSES)
    assert {row["after"] for row in rows} == set(STATUSES)


async def test_who_took_part_is_kept_from_a_decision_as_the_database_keeps_him(
    people: People, owner: asyncpg.Connection
) -> None:
    """Every decision after every other one, by one hand under two names."""
    made = await run(people.clerk, number="hands")
    settlement, maker = made["id"], made["run_by"]
    for decision, states in POSSIBLE.items():
        for earlier in ("run", *POSSIBLE):
            transaction = owner.transaction()
            await transaction.start()
            await owner.execute("set local session_replication_role = replica")
            await owner.execute("update settlement set status = $2 where id = $1", settlement, states[0])
            if earlier != "run":
                await write(owner, settlement, earlier, HAND)
            await owner.execute("set local session_replication_role = origin")
            actor = maker if earlier == "run" else "person: somebody"
            try:
                await write(owner, settlement, decision, actor)
                refused = False
            except asyncpg.CheckViolationError as refusal:
                refused = refusal.constraint_name == "same_person"
            await transaction.rollback()
            history = [{"event": "run", "actor": maker}, {"event": earlier, "actor": maker if actor == maker else HAND}]
            assert taken_part(decision, actor, history) == refused, (decision, earlier)


async def write(owner: asyncpg.Connection, settlement: str, event: str, actor: str) -> None:
    """An event as somebody writes it into the database."""
    await owner.execute(
        """insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
           values ($1, $2, '', '', $3, now(), 0, $4)""",
        settlement, event, actor, json.dumps({"decision": "pass", "note": "x"}),
    )  # fmt: skip
