"""Decisions about settlements: rows of `settlement_event`, which change the state when they are written."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg


async def insert_decision(
    connection: asyncpg.Connection, settlement: str, event: str, *, actor: str, moment: datetime,
    detail: Mapping[str, Any],
) -> str:  # fmt: skip
    """Write a decision down; the state reached. The database fills in the states, or refuses."""
    reached = await connection.fetchval(
        """insert into public.settlement_event (settlement, event, before, after, actor, at, transaction, detail)
           values ($1, $2, '', '', $3, $4, 0, $5) returning after""",
        settlement, event, actor, moment, json.dumps(dict(detail), ensure_ascii=False),
    )  # fmt: skip
    return str(reached)


async def decisions_of(connection: asyncpg.Connection, settlement: str) -> list[dict[str, Any]]:
    """Return every decision about a settlement, oldest first."""
    rows = await connection.fetch(
        """select id, event, before, after, actor, city, at, detail from settlement_event
           where settlement = $1 order by id""",
        settlement,
    )
    return [{**dict(row), "at": row["at"].isoformat()} for row in rows]


async def waiting_cities(connection: asyncpg.Connection, settlement: str) -> list[str]:
    """Return cities whose lines have not passed review since the settlement was last submitted."""
    rows = await connection.fetch("select settlement_waiting($1) as city", settlement)
    return [row["city"] for row in rows]
