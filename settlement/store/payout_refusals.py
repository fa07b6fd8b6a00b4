"""What was said about payments and not booked, kept for a person; writing it down is its row in the audit log."""

from __future__ import annotations

from typing import Any

import asyncpg


async def insert_refusal(  # noqa: PLR0913 - the columns of the table
    connection: asyncpg.Connection, *, instruction: int | None, about: str, word: str, code: str, detail: str,
    file: str | None, actor: str, once: bool = False,
) -> None:  # fmt: skip
    """Write down that something was not booked, and why; with `once` not a second time."""
    await connection.execute(
        """insert into payout_refusal (instruction, about, word, code, detail, file, actor, at)
           select (select id from payout_instruction where id = $1::bigint), $2::text, $3, $4::text, $5::text, $6::text,
               $7, now()
           where not $8 or not exists (
               select from payout_refusal r where r.instruction is not distinct from $1 and r.about = $2
               and r.code = $4 and r.detail = $5 and r.file is not distinct from $6)""",
        instruction, about, word, code, detail, file, actor, once,
    )  # fmt: skip


async def list_refusals(connection: asyncpg.Connection, instruction: int | None, limit: int) -> list[dict[str, Any]]:
    """Return the newest refusals, of one instruction or of all."""
    rows = await connection.fetch(
        """select id, instruction, about, word, code, detail, file, actor, at from payout_refusal
           where $1::bigint is null or instruction = $1 order by id desc limit $2""",
        instruction, limit,
    )  # fmt: skip
    return [{**dict(row), "at": row["at"].isoformat()} for row in rows]
