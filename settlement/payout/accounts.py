"""Deciding about bank accounts: one hand proposes an account by recording it, another approves or rejects it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from meter.database.seal import seal_from_environment
from meter.registry.accounts import holder_differs, masked, sealed_account
from settlement.errors import NotAllowed
from settlement.payout.account_file import AccountRow
from settlement.store.accounts import (
    account_proposal,
    insert_account_event,
    insert_account_proposals_by_hand,
    names_of,
)


async def propose_rows(engine: AsyncEngine, rows: Sequence[AccountRow]) -> int:
    """Propose the accounts of a file, all or none; how many were neither in force nor waiting.

    Raises NotAllowed: UNKNOWN_ENTITY with the row, NO_SEALING_KEY, NO_SUCH_FACT where the database knows no hand.
    """
    if seal_from_environment() is None:
        raise NotAllowed("NO_SEALING_KEY", "accounts are kept sealed only, and this service was started without a key")
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
                names = await names_of(connection, [one.uscc for one in rows])
                for one in rows:
                    if one.uscc not in names:
                        raise NotAllowed("UNKNOWN_ENTITY", f"row {one.row}: the registry does not know {one.uscc[:18]}")
                return await insert_account_proposals_by_hand(
                    connection,
                    [
                        (
                            one.uscc, sealed_account(one.uscc, one.account), masked(one.account),
                            holder_differs(one.account, names[one.uscc]),
                        )
                        for one in rows
                    ],
                )  # fmt: skip
        except asyncpg.CheckViolationError as error:
            raise NotAllowed(*refusal_of(error)) from None


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
