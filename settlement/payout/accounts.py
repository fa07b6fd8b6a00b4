"""Deciding about bank accounts: one hand proposes an account by recording it, another approves or rejects it."""

from __future__ import annotations

from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from settlement.errors import NotAllowed
from settlement.store.accounts import account_proposal, insert_account_event


async def answer(
    engine: AsyncEngine, number: int, event: str, *, confirm_holder: bool, note: str | None, actor: str
) -> dict[str, Any]:
    """Approve or reject a proposed account; the proposal after it.

    Raises NotAllowed: NO_SUCH_PROPOSAL, ALREADY_DECIDED, SAME_PERSON, NOT_AN_APPROVER, HOLDER_UNCONFIRMED.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        known = await account_proposal(connection, number)
        if known is not None and event == "approve" and known["holder_differs"] and not confirm_holder:
            raise NotAllowed(
                "HOLDER_UNCONFIRMED",
                f"the holder of the account is {known['holder']}, the entity is {known['name']}: confirm the holder",
            )
        try:
            async with connection.transaction(isolation="read_committed"):
                await insert_account_event(
                    connection, number, event, holder_confirmed=confirm_holder, note=note, actor=actor
                )
        except asyncpg.UniqueViolationError:
            raise NotAllowed("ALREADY_DECIDED", "this account was approved or rejected before") from None
        except asyncpg.CheckViolationError as refusal:
            raise NotAllowed(*refusal_of(refusal)) from None
        found = await account_proposal(connection, number)
    assert found is not None, "it was decided about"
    return found
