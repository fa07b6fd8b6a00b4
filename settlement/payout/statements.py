"""Importing the bank's statements, explaining their lines, and the report of what does not agree."""

from __future__ import annotations

import asyncio
import hashlib
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from settlement.errors import NotAllowed
from settlement.payout.boundary import transaction
from settlement.payout.reconcile import Books, reconciled
from settlement.payout.statement_file import StatementMapping, read_statement
from settlement.store.statements import (
    booked_movements,
    covered_to,
    insert_note,
    insert_statement,
    list_statements,
    repaid_claims,
    settlement_sums,
    stated_lines,
    today,
    with_the_bank,
)


async def import_statement(
    engine: AsyncEngine, name: str, raw: bytes, mapping: StatementMapping, *, actor: str
) -> dict[str, Any]:
    """Import a statement; it, with how many rows were no movements.

    Raises NotAllowed: STATEMENT_NOT_UNDERSTOOD, ALREADY_IMPORTED.
    """
    found = await asyncio.to_thread(read_statement, raw, mapping)
    try:
        async with transaction(engine, "import a statement") as connection:
            number = await insert_statement(
                connection, name, hashlib.sha256(raw).hexdigest(), mapping.name, found.lines, actor
            )
            [made] = await list_statements(connection, number - 1, 1)
    except asyncpg.UniqueViolationError:
        raise NotAllowed("ALREADY_IMPORTED", "this very file was imported before") from None
    except asyncpg.CheckViolationError as refusal:
        raise NotAllowed(*refusal_of(refusal)) from None
    return {**made, "skipped": found.skipped}


async def explain(
    engine: AsyncEngine, statement: int, ordinal: int, *, kind: str, claim: int | None, note: str, actor: str
) -> None:
    """Say what a line is. Raises NotAllowed: NO_SUCH_LINE, NO_SUCH_CLAIM, ABOVE_CLAIM."""
    try:
        async with transaction(engine, "explain a line") as connection:
            await insert_note(connection, statement, ordinal, kind, claim, note, actor)
    except asyncpg.ForeignKeyViolationError:
        raise NotAllowed("NO_SUCH_CLAIM", f"there is no clawback {claim}") from None
    except asyncpg.CheckViolationError as refusal:
        code, detail = refusal_of(refusal)
        if code.startswith("BANK_STATEMENT_NOTE"):
            code, detail = "INSTRUCTION_MISSING", "a repayment, and nothing else, names its clawback"
        raise NotAllowed(code, detail) from None


async def report(engine: AsyncEngine, settlement: str | None = None) -> dict[str, Any]:
    """Hold all statements against the books: what agrees, what does not and since when, and each settlement's sums."""
    async with engine.connect() as held:
        connection = await driver(held)
        async with connection.transaction(isolation="repeatable_read", readonly=True):
            books = Books(
                await booked_movements(connection), await with_the_bank(connection), await repaid_claims(connection)
            )
            until, now = await covered_to(connection), await today(connection)
            found = reconciled(books, [dict(row) for row in await stated_lines(connection)], now, until)
            sums = await settlement_sums(connection)
    wanted = [one for one in found.differences if settlement is None or one["settlement"] in (settlement, None)]
    return {
        "covered_to": until.isoformat() if until else None,
        "matched": found.matched,
        "explained": found.explained,
        "repeated": found.repeated,
        "differences": wanted,
        "settlements": [one for one in sums if settlement is None or one["settlement"] == settlement],
    }
