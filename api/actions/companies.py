"""What a company says of itself: it confirms intent and account, proposes another account, objects to its line.

Whose word it is, the database sees from the session that was shown; nothing here names an entity.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from api.actions.actor import require_texts
from api.auth.people import Person
from api.http.errors import refusal
from api.http.problem import Problem
from meter.audit.store import note_refusal
from meter.database.connect import driver
from meter.database.errors import refusal_of
from meter.registry.accounts import holder_differs, masked, read_account, sealed_account
from meter.registry.fields import Unfit
from settlement.store import companies


async def confirm(engine: AsyncEngine, hand: Person, of_round: str, account: int | None) -> None:
    """Confirm that the entity wants what a round awards, paid to the account in force. Raises Problem."""
    async with _said(engine, hand, "company.confirm", of_round) as connection:
        await companies.confirm(connection, of_round, account)


async def propose_account(engine: AsyncEngine, hand: Person, said: Mapping[str, str]) -> int:
    """Propose another account of the entity; the proposal's number. Raises Problem."""
    assert hand.uscc is not None, "who acts for no entity has no account"
    try:
        account = read_account(said)
    except Unfit as error:
        raise Problem(400, error.code, error.detail) from None
    async with _said(engine, hand, "account.propose", hand.uscc) as connection:
        known = await companies.own_entity(connection)
        differs = known is None or holder_differs(account, known["name"] or "")
        sealed = sealed_account(hand.uscc, account)
        return await companies.propose_account(connection, sealed, masked(account), differs=differs)


async def object_to(engine: AsyncEngine, hand: Person, settlement: str, note: str) -> None:
    """Object to the entity's own line while its settlement is in public notice. Raises Problem."""
    require_texts({"note": note})
    if not note:
        raise Problem(400, "missing_field", "an objection says why")
    async with _said(engine, hand, "settlement.objection", settlement) as connection:
        await companies.object_to(connection, settlement, note)


@asynccontextmanager
async def _said(engine: AsyncEngine, hand: Person, action: str, about: str) -> AsyncIterator[asyncpg.Connection]:
    """Give a transaction to say something in; what the database refuses is in the audit log. Raises Problem."""
    try:
        async with engine.connect() as held:
            connection = await driver(held)
            async with connection.transaction(isolation="read_committed"):
                yield connection
    except asyncpg.CheckViolationError as error:
        code, detail = refusal_of(error)
        await note_refusal(engine, hand.actor, action, about, code)
        raise refusal(code, detail) from None
