"""Which record stands at a place of the journal: findings and steps name records by batch and ordinal."""

from __future__ import annotations

import asyncpg

from meter.journal.queries import as_received


async def source_and_id_at(connection: asyncpg.Connection, batch: int, ordinal: int) -> tuple[str, str] | None:
    """Return the source and the id of the record that was accepted at a place, or None."""
    row = await connection.fetchrow(
        """select s.name, e.ordinal from entry e join batch b on b.batch = e.batch join source s on s.id = b.source
           where e.batch = $1 and e.ordinal = $2""",
        batch, ordinal,
    )  # fmt: skip
    if row is None:
        return None
    received = await as_received(connection, batch, ordinal)
    known = received.get("id") if isinstance(received, dict) else None
    return None if known is None else (row["name"], str(known))
