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

from settlement.store.checkpoint import audit_marks, journal_marks
from settlement.store.lines import digested_lines
from settlement.store.settlements import locked_settlements

FORMAT = "suanbu-checkpoint/1"
MARKS = 4096


async def state(connection: asyncpg.Connection, moment: datetime) -> dict[str, Any]:
    """Return the statement for what the database holds now, read in one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        return {
            "format": FORMAT,
            "made_at": moment.isoformat(),
            "journal": await journal_marks(connection, MARKS),
            "audit": await audit_marks(connection, MARKS),
            "settlements": [
                {"id": number, "digest": digest, **await lines_of(connection, number)}
                for number, digest in await locked_settlements(connection)
            ],
        }


async def lines_of(connection: asyncpg.Connection, settlement: str) -> dict[str, Any]:
    """Return how many lines a settlement has, the digest over them all, and marks: the digest of each group of them."""
    digests: list[tuple[str, bytes]] = []
    async for portion in digested_lines(connection, settlement):
        digests += [(uscc, hashlib.sha256(text.encode()).digest()) for uscc, text in portion]
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
    """Return the one spelling of a statement that is signed."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
