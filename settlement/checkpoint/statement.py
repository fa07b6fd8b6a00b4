"""What a printed checkpoint states of a settlement's lines, and how a statement is spelled for its signature.

A digest tells that something differs; marks tell where. There are at most MARKS of them, evenly spread.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import asyncpg

from settlement.store.lines import digested_lines

FORMAT = "suanbu-checkpoint/1"
MARKS = 4096


async def lines_of(connection: asyncpg.Connection, settlement: str) -> dict[str, Any]:
    """How many lines a settlement has, the digest over them all, and marks: the digest of each group of them."""
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
    """The one spelling of a statement that is signed."""
    return json.dumps(statement, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
