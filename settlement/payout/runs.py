"""Payout runs (发放批次): one hand proposes what is paid together, another releases it; the rule that limits them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.errors import refusal_of
from settlement.errors import NotAllowed
from settlement.payout.boundary import transaction
from settlement.store.payout_runs import confirm_rule, insert_rule, insert_run, insert_run_event, list_rules, run_of

RUN_MAX = 100_000


async def propose_run(
    engine: AsyncEngine, settlement: str, instructions: Sequence[int] | None, *, note: str | None, actor: str
) -> dict[str, Any]:
    """Propose to pay what of a settlement is ready and in no run yet, or these instructions; the run.

    Raises NotAllowed: NO_SUCH_SETTLEMENT, NOTHING_READY, ABOVE_LIMIT.
    """
    try:
        async with transaction(engine, "propose a run") as connection:
            number = await insert_run(connection, settlement, instructions, note, actor)
            found = await run_of(connection, number)
    except asyncpg.CheckViolationError as refusal:
        raise NotAllowed(*refusal_of(refusal)) from None
    assert found is not None, "it was proposed"
    return found


async def decide_run(
    engine: AsyncEngine, run: int, event: str, *, digest: str | None, note: str | None, actor: str
) -> dict[str, Any]:
    """Release (`approve`), reject or stop a run; the run.

    Raises NotAllowed: NO_SUCH_RUN, STATE_NOT_ALLOWED, SAME_PERSON, NOT_AN_APPROVER, DIGEST_CHANGED, RUN_CHANGED,
    ABOVE_LIMIT.
    """
    try:
        async with transaction(engine, "decide about a run") as connection:
            await insert_run_event(connection, run, event, digest=digest, note=note, actor=actor)
            found = await run_of(connection, run)
    except asyncpg.CheckViolationError as refusal:
        raise NotAllowed(*refusal_of(refusal)) from None
    assert found is not None, "it was decided about"
    return found


async def propose_rule(
    engine: AsyncEngine, leases: str, run_limit_fen: int | None, payee_limit_fen: int | None, *, note: str | None,
    actor: str,
) -> dict[str, Any]:  # fmt: skip
    """Propose what runs may come to, and whose leases need one; the rule."""
    try:
        async with transaction(engine, "propose a rule") as connection:
            number = await insert_rule(connection, leases, run_limit_fen, payee_limit_fen, note=note, actor=actor)
            [found] = await list_rules(connection, number - 1, 1)
    except asyncpg.CheckViolationError as refusal:
        raise NotAllowed(*refusal_of(refusal)) from None
    return found


async def confirm(engine: AsyncEngine, rule: int, *, note: str | None, actor: str) -> dict[str, Any]:
    """Put a proposed rule in force; the rule.

    Raises NotAllowed: NO_SUCH_RULE, ALREADY_DECIDED, SAME_PERSON, NOT_AN_APPROVER.
    """
    try:
        async with transaction(engine, "confirm a rule") as connection:
            await confirm_rule(connection, rule, note=note, actor=actor)
            [found] = await list_rules(connection, rule - 1, 1)
    except asyncpg.CheckViolationError as refusal:
        raise NotAllowed(*refusal_of(refusal)) from None
    return found
