"""What a checkpoint states: digests of the journal, the audit log and the locked settlements, at marks along the way.

A head's digest tells that something before it differs; marks tell where. There are at most MARKS of each kind: all of
them while there are few, evenly spread ones later.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

import asyncpg

FORMAT = "suanbu-checkpoint/1"
MARKS = 4096
LINE_TEXT = """jsonb_build_array(uscc, name, region, outcome, award_fen, held_fen, payable_fen, adjustment_fen,
    line::text, working::text)::text"""
_PAGE = 2000


async def state(connection: asyncpg.Connection, moment: datetime) -> dict[str, Any]:
    """The statement for what the database holds now, read in one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return {
            "format": FORMAT,
            "made_at": moment.isoformat(),
            "journal": await _chain(connection, "batch", "batch", "algorithm || ':' || encode(digest, 'hex')"),
            "audit": await _chain(connection, "audit", "seq", "digest"),
            "settlements": [
                {
                    "id": row["id"],
                    "digest": row["digest"],
                    **await lines_of(connection, row["id"]),
                }
                for row in await connection.fetch(
                    "select id, digest from settlement where status in ('locked', 'paid') order by id"
                )
            ],
        }


async def _chain(connection: asyncpg.Connection, table: str, number: str, digest: str) -> dict[str, Any]:
    last = int(await connection.fetchval(f"select coalesce(max({number}), 0) from {table}"))
    every = max(1, -(-last // MARKS))
    rows = await connection.fetch(
        f"select {number} as number, {digest} as digest from {table} where {number} % {every} = 0 or {number} = {last} "
        f"order by {number}"
    )
    return {"last": last, "marks": [[row["number"], row["digest"]] for row in rows]}


async def lines_of(connection: asyncpg.Connection, settlement: str) -> dict[str, Any]:
    """How many lines a settlement has, the digest over them all, and marks: the digest of each group of them."""
    digests: list[tuple[str, bytes]] = []
    after = ""
    while rows := await connection.fetch(
        f"""select uscc, {LINE_TEXT} as text from settlement_line where settlement = $1 and uscc collate "C" > $2
            order by uscc collate "C" limit {_PAGE}""",
        settlement, after,
    ):  # fmt: skip
        digests += [(row["uscc"], hashlib.sha256(row["text"].encode()).digest()) for row in rows]
        after = rows[-1]["uscc"]
    group = max(1, -(-len(digests) // MARKS))
    return {
        "lines": len(digests),
        "lines_sha256": "sha256:" + hashlib.sha256(b"".join(digest for _, digest in digests)).hexdigest(),
        "marks": [
            [part[0][0], part[-1][0], hashlib.sha256(b"".join(digest for _, digest in part)).hexdigest()]
            for part in (digests[first : first + group] for first in range(0, len(digests), group))
        ],
    }


def spelled(statement: dict[str, Any]) -> bytes:
    """The one spelling of a statement that is signed."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
