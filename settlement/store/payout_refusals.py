"""What was said about payments and not booked, kept for a person; writing it down is its row in the audit log."""

from __future__ import annotations

from typing import Any

import asyncpg


async def insert_refusal(
    connection: asyncpg.Connection, *, instruction: int | None, about: str, word: str, code: str, detail: str,
    file: str | None, actor: str,
) -> None:  # fmt: skip
    """Write down that something was not booked, and why."""
    await connection.execute(
        """insert into payout_refusal (instruction, about, word, code, detail, file, actor, at)
           values ((select id from payout_instruction where id = $1), $2, $3, $4, $5, $6, $7, now())""",
        instruction, about, word, code, detail, file, actor,
    )  # fmt: skip


async def list_refusals(connection: asyncpg.Connection, instruction: int | None, limit: int) -> list[dict[str, Any]]:
    """Return the newest refusals, of one instruction or of all."""
    rows = await connection.fetch(
        """select id, instruction, about, word, code, detail, file, actor, at from payout_refusal
           where $1::bigint is null or instruction = $1 order by id desc limit $2""",
        instruction, limit,
    )  # fmt: skip
    return [{**dict(row), "at": row["at"].isoformat()} for row in rows]
