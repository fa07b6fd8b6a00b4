"""Shortcuts past the people: whatever the service's own database role could try by itself, in every state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import asyncpg

_EVENT = """insert into settlement_event (settlement, event, before, after, actor, at, transaction, detail)
            values ($1, $2, '', '', $3, now(), 0, $4)"""
_BORN = """insert into settlement select 'forged', round, {status}, as_of, payment_order, readings, matches,
           applications, match_lines, totals, receipt, digest, '\\x01'::bytea, adjusts, run_by, created_at
           from settlement where id = $1"""
# what is written without any decision
STATEMENTS = (
    *(f"update settlement set status = '{status}' where id = $1" for status in ("approved", "locked", "paid")),
    "update settlement set digest = 'sm3:' where id = $1",
    "update settlement set totals = '{}', run_by = 'key:somebody' where id = $1",
    "update settlement_line set payable_fen = award_fen, award_fen = award_fen where settlement = $1",
    "delete from settlement_line where settlement = $1",
    """insert into settlement_line (settlement, uscc, name, outcome, award_fen, held_fen, payable_fen, line, working)
       values ($1, '000000000000000000', '', 'payable', 1, 0, 1, '{}', '{}')""",
    "update settlement_event set actor = 'key:somebody' where settlement = $1",
    "delete from settlement_event where settlement = $1",
    """insert into payout_instruction (settlement, uscc, amount_fen, offset_fen, reference, issue, status, fence,
       created_at) select settlement, uscc, payable_fen, 0, 'X', 1, 'ready', 0, now() from settlement_line
       where settlement = $1""",
    """insert into clawback_claim (settlement, uscc, amount_fen, recovered_fen, status, created_at)
       select settlement, uscc, 1, 0, 'open', now() from settlement_line where settlement = $1""",
    "select settlement_instruct($1, 'key:somebody', now())",
)
WITHOUT_NUMBER = (
    "insert into settlement_transition values ('lock', 'computed', 'locked')",
    "delete from settlement_transition",
    "insert into payout_transition values ('ready', 'paid')",
    "alter table settlement disable trigger all",
    "alter table settlement_event disable trigger all",
    "set session_replication_role = replica",
    "create or replace function suanbu_now() returns timestamptz language sql as 'select now() + interval ''9 years'''",
    "truncate settlement_event cascade",
    "delete from audit",
    "drop trigger settlement_guard on settlement",
)


async def every_shortcut_is_refused(
    owner: asyncpg.Connection,
    settlement: str,
    people: Mapping[str, str],
    allowed: Mapping[str, tuple[str, ...]],
    proofs: Mapping[str, str],
) -> int:
    """Try everything as the service's role; how much was refused, which must be all of it.

    `people` are the actors by what they did so far (run, submit, review, approve); `allowed` the decisions that the
    state leaves open, each with the parts whose actors must not take it; `proofs` what each actor can show.
    """
    before = await _standing(owner, settlement)
    refused = 0
    for sql in STATEMENTS:
        refused += await _refused(owner, sql, settlement)
    for sql in WITHOUT_NUMBER:
        refused += await _refused(owner, sql)
    for status in ("approved", "locked", "paid"):
        refused += await _refused_birth(owner, settlement, status)
    said: dict[str, dict[str, Any]] = {
        "review": {"decision": "pass"}, "publish": {"days": 0}, "objection": {"note": "x"},
        "ruling": {"objection": 1, "decision": "dismissed", "note": "x"},
    }  # fmt: skip
    for event in ("submit", "review", "approve", "publish", "objection", "ruling", "lock", "paid", "reopen"):
        actors = ["key:stranger"] if event not in allowed else [people[p] for p in allowed[event] if p in people]
        for actor in actors:
            detail = json.dumps(said.get(event, {}))
            refused += await _refused(owner, _EVENT, settlement, event, actor, detail, proof=proofs.get(actor, ""))
            person = actor.replace("key:", "person:").upper().replace("PERSON:", "person:")
            refused += await _refused(owner, _EVENT, settlement, event, person, detail)
    assert await _standing(owner, settlement) == before
    return refused


async def _refused(owner: asyncpg.Connection, sql: str, *values: object, proof: str = "") -> int:
    transaction = owner.transaction()
    await transaction.start()
    try:
        await as_service(owner, proof)
        try:
            await owner.execute(sql, *values)
            await owner.execute("set constraints all immediate")
        except (asyncpg.CheckViolationError, asyncpg.InsufficientPrivilegeError):
            return 1
        raise AssertionError(f"the database let this happen: {sql} {values}")
    finally:
        await transaction.rollback()


async def _refused_birth(owner: asyncpg.Connection, settlement: str, status: str) -> int:
    """A settlement that comes into the world decided, with the event of its run and all."""
    run_by = await owner.fetchval("select run_by from settlement where id = $1", settlement)
    transaction = owner.transaction()
    await transaction.start()
    try:
        await as_service(owner)
        try:
            await owner.execute(_BORN.format(status=f"'{status}'"), settlement)
            await owner.execute(_EVENT, "forged", "run", run_by, "{}")
            await owner.execute("set constraints all immediate")
        except (asyncpg.CheckViolationError, asyncpg.UniqueViolationError):
            return 1
        raise AssertionError(f"a settlement was born {status}")
    finally:
        await transaction.rollback()


async def as_service(owner: asyncpg.Connection, proof: str = "") -> None:
    """Take on the service's role for the rest of the transaction, with what somebody has shown."""
    await owner.execute("select set_config('suanbu.city', '*', true), set_config('suanbu.proof', $1, true)", proof)
    await owner.execute("set local role suanbu_service")


async def _standing(owner: asyncpg.Connection, settlement: str) -> tuple[object, ...]:
    return tuple(
        await owner.fetchrow(
            """select status, digest, settlement_lines_sha256(id),
               (select count(*) from settlement_event e where e.settlement = $1),
               (select count(*) from payout_instruction i where i.settlement = $1) from settlement where id = $1""",
            settlement,
        )
    )
