"""Entries of the registry and what became of them; the database refuses what one hand would do alone."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

_STATUS = {None: "proposed", "confirm": "confirmed", "reject": "rejected"}
_EVENT = {status: event for event, status in _STATUS.items()}


async def insert_entry(connection: asyncpg.Connection, kind: str, item: str, reason: str, actor: str) -> int:
    """Propose a fact; the number of the entry."""
    number = await connection.fetchval(
        "insert into registry_entry (kind, item, reason, actor, at) values ($1, $2, $3, $4, now()) returning id",
        kind, item, reason, actor,
    )  # fmt: skip
    return int(number)


async def insert_entry_event(
    connection: asyncpg.Connection, entry: int, event: str, batch: int | None, note: str | None, actor: str
) -> None:
    """Confirm an entry with the batch that records it, or reject it; once."""
    await connection.execute(
        """insert into registry_entry_event (entry, event, batch, actor, at, note)
           values ($1, $2, $3, $4, now(), $5)""",
        entry, event, batch, actor, note,
    )  # fmt: skip


async def list_entries(
    connection: asyncpg.Connection, status: str | None, about: str | None, after: int, limit: int
) -> list[dict[str, Any]]:
    """Return entries, the newest first, below the number `after` (0: from the newest on); `about` leaves those that
    name a code."""
    rows = await connection.fetch(
        """select n.*, e.event, e.batch, e.actor as decided_by, e.at as decided_at, e.note
           from registry_entry n left join registry_entry_event e on e.entry = n.id
           where ($1 = 0 or n.id < $1) and ($2::text is null or coalesce(e.event, '') = $3)
           and ($4::text is null or strpos(n.item, '"' || $4 || '"') > 0) order by n.id desc limit $5""",
        after, status, (_EVENT.get(status) or "") if status else "", about, limit,
    )  # fmt: skip
    return [_shown(row) for row in rows]


async def one_entry(connection: asyncpg.Connection, number: int) -> dict[str, Any] | None:
    """Return one entry, or None."""
    found = await list_entries(connection, None, None, number + 1, 1)
    return found[0] if found and found[0]["id"] == number else None


def _shown(row: asyncpg.Record) -> dict[str, Any]:
    return {
        "id": row["id"], "kind": row["kind"], "item": json.loads(row["item"]), "reason": row["reason"],
        "status": _STATUS[row["event"]], "batch": row["batch"], "entered_by": row["actor"],
        "entered_at": row["at"].isoformat(), "decided_by": row["decided_by"],
        "decided_at": row["decided_at"].isoformat() if row["decided_at"] else None, "note": row["note"],
    }  # fmt: skip
