"""What people decided about two versions of one record; the first is counted whatever they say."""

from __future__ import annotations

from typing import Any

import asyncpg

from meter.database.errors import refusal_of


class NotDecided(Exception):
    """A decision that is refused: its stable code, and why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


async def decide(connection: asyncpg.Connection, quarantine: int, decision: str, reason: str, actor: str) -> None:
    """Put a decision about a conflict on record. Raises NotDecided."""
    try:
        async with connection.transaction(isolation="read_committed"):
            await connection.execute(
                """insert into conflict_decision (quarantine, decision, reason, actor, at)
                   values ($1, $2, $3, $4, now())""",
                quarantine, decision, reason, actor,
            )  # fmt: skip
    except asyncpg.CheckViolationError as refusal:
        raise NotDecided(*refusal_of(refusal)) from None


async def decisions_about(connection: asyncpg.Connection, quarantine: int) -> list[dict[str, Any]]:
    """Return what was decided about a record in quarantine, oldest first."""
    rows = await connection.fetch(
        "select decision, reason, actor, at from conflict_decision where quarantine = $1 order by id", quarantine
    )
    return [{**dict(row), "at": row["at"].isoformat()} for row in rows]
