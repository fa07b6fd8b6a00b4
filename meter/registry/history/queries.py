"""What is on record about entities and facilities, for people: lists by name, and every fact about one of them."""

from __future__ import annotations

import json
from typing import Any

import asyncpg

_HOW = "f.batch, f.ordinal, f.content, batch_actor(b.key_name) as actor, b.recorded_at"


async def entities_named(connection: asyncpg.Connection, text: str, after: str, limit: int) -> list[dict[str, Any]]:
    """Return entities with the newest fact about each, in order of code; `text` is a part of a code or a name."""
    rows = await connection.fetch(
        """select p.uscc, f.content from party p join lateral (
               select content from entity_fact where party = p.id order by batch desc, ordinal desc limit 1) f on true
           where p.uscc > $1 and ($2 = '' or p.id in (
               select party from entity_fact where strpos(lower(name), lower($2)) > 0
               union select id from party where strpos(uscc, upper($2)) > 0))
           order by p.uscc limit $3""",
        after, text, limit,
    )  # fmt: skip
    return [{"uscc": row["uscc"], **json.loads(row["content"])} for row in rows]


async def facilities_named(connection: asyncpg.Connection, text: str, after: str, limit: int) -> list[dict[str, Any]]:
    """Return facilities with the newest fact about each, in order of code; `text` is a part of a code or a name."""
    rows = await connection.fetch(
        """select d.code, f.content from facility d join lateral (
               select content from facility_fact where facility = d.id order by batch desc, ordinal desc limit 1) f
               on true
           where d.code > $1 and ($2 = '' or strpos(lower(d.code), lower($2)) > 0 or d.id in (
               select facility from facility_fact where strpos(lower(name), lower($2)) > 0))
           order by d.code limit $3""",
        after, text, limit,
    )  # fmt: skip
    return [{"code": row["code"], **json.loads(row["content"])} for row in rows]


async def facts_about_entity(connection: asyncpg.Connection, uscc: str, limit: int) -> list[dict[str, Any]]:
    """Return the newest facts about an entity, the oldest of them first."""
    return await _facts(
        connection, "entity_fact f join batch b on b.batch = f.batch join party p on p.id = f.party where p.uscc = $1",
        uscc, limit,
    )  # fmt: skip


async def facts_about_facility(connection: asyncpg.Connection, code: str, limit: int) -> list[dict[str, Any]]:
    """Return the newest facts about a facility, the oldest of them first."""
    return await _facts(
        connection, "facility_fact f join batch b on b.batch = f.batch join facility d on d.id = f.facility "
        "where d.code = $1", code, limit,
    )  # fmt: skip


async def holdings_of(connection: asyncpg.Connection, uscc: str, limit: int) -> list[dict[str, Any]]:
    """Return the newest facts about who holds an entity and whom it holds, the oldest of them first."""
    return await _facts(
        connection, "holding_fact f join batch b on b.batch = f.batch where f.held = (select id from party where "
        "uscc = $1) or f.holder = (select id from party where uscc = $1)", uscc, limit,
    )  # fmt: skip


async def evidence_of(connection: asyncpg.Connection, uscc: str, limit: int) -> list[dict[str, Any]]:
    """Return the newest evidence of an entity's spending, the oldest of it first."""
    return await _facts(
        connection, "expenditure_fact f join batch b on b.batch = f.batch join party p on p.id = f.consumer "
        "where p.uscc = $1", uscc, limit,
    )  # fmt: skip


async def _facts(connection: asyncpg.Connection, places: str, code: str, limit: int) -> list[dict[str, Any]]:
    rows = await connection.fetch(
        f"select {_HOW} from {places} order by f.batch desc, f.ordinal desc limit $2", code, limit
    )
    return [
        {"batch": row["batch"], "ordinal": row["ordinal"], "item": json.loads(row["content"]), "actor": row["actor"],
         "recorded_at": row["recorded_at"].isoformat()}
        for row in reversed(rows)
    ]  # fmt: skip
