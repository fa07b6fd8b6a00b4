"""Findings of a settlement's sweeps: kept once each, and read in order."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

_COLUMNS = (
    "settlement", "kind", "facility", "chip", "consumer", "parties", "started_at", "ended_at", "found", "expected",
    "records", "digest", "found_at",
)  # fmt: skip
_TYPES = {"parties": "text[]", "started_at": "timestamptz", "ended_at": "timestamptz", "found": "bigint",
          "expected": "bigint", "records": "jsonb", "digest": "bytea", "found_at": "timestamptz"}  # fmt: skip
_INSERT = (
    f"insert into finding ({', '.join(_COLUMNS)}) select {', '.join(_COLUMNS)} from jsonb_to_recordset($1) "
    f"as f ({', '.join(' '.join((name, _TYPES.get(name, 'text'))) for name in _COLUMNS)}) "
    "on conflict (settlement, digest) do nothing"
)


async def insert_findings(connection: asyncpg.Connection, rows: Iterable[tuple[Any, ...]]) -> None:
    """Keep findings, each a value for each column (settlement, kind, facility, chip, consumer, parties, started_at,
    ended_at, found, expected, records as JSON text, digest, found_at); one that is kept already stays as it is.

    All in one statement: it goes on record as a whole.
    """
    said = [dict(zip(_COLUMNS, row, strict=True)) for row in rows]
    for one in said:
        one |= {"records": json.loads(one["records"]), "digest": "\\x" + one["digest"].hex()}
    if said:
        await connection.execute(_INSERT, json.dumps(said, ensure_ascii=False, default=_instant))


def _instant(value: datetime) -> str:
    return value.isoformat()


async def count_findings(connection: asyncpg.Connection, settlement: str) -> dict[str, int]:
    """Return how many findings of each kind a settlement has; a kind without any is left out."""
    rows = await connection.fetch(
        "select kind, count(*) as findings from finding where settlement = $1 group by kind", settlement
    )
    return {row["kind"]: row["findings"] for row in rows}


async def list_findings(
    connection: asyncpg.Connection,
    settlement: str,
    *,
    kind: str | None = None,
    consumers: Sequence[str] | None = None,
    facility: str | None = None,
    after: int = 0,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Return findings of a settlement in order of their numbers.

    `consumers` also finds the rings that they are part of.
    """
    rows = await connection.fetch(
        """select * from finding where settlement = $1 and id > $2 and ($3::text is null or kind = $3)
           and ($4::text[] is null or consumer = any($4) or parties && $4) and ($5::text is null or facility = $5)
           order by id limit $6""",
        settlement, after, kind, consumers, facility, limit,
    )  # fmt: skip
    return [_shown(row) for row in rows]


async def findings_of_city(
    connection: asyncpg.Connection, settlement: str, consumers: Sequence[str], limit: int
) -> list[dict[str, Any]]:
    """Return what was found about these lines, as far as whoever is bound to their city may know: its own figures,
    how many records prove it, and nothing of others."""
    rows = await connection.fetch("select * from findings_of_city($1, $2, $3)", settlement, list(consumers), limit)
    return [
        {**_shown({**dict(row), "settlement": settlement, "chip": None, "parties": (), "expected": None,
                   "records": []}), "proofs": row["records"]}
        for row in rows
    ]  # fmt: skip


def _shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a finding for people and programs; `found` and `expected` are explained by the kind."""
    return {
        "id": row["id"],
        "settlement": row["settlement"],
        "kind": row["kind"],
        "facility": row["facility"],
        "chip": row["chip"],
        "consumer": row["consumer"],
        "parties": list(row["parties"]),
        "started_at": row["started_at"].isoformat() if row["started_at"] else None,
        "ended_at": row["ended_at"].isoformat() if row["ended_at"] else None,
        "found": row["found"],
        "expected": row["expected"],
        "records": row["records"],
    }
