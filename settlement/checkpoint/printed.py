"""The checkpoint printed on a locked settlement's reports: whoever holds the paper can tell what was locked.

The signature is Ed25519 over the statement as JSON with sorted keys, without spaces, in UTF-8. It says the same however
often a report is made.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg

from settlement.checkpoint.signature import signed, signing_key
from settlement.checkpoint.statement import lines_of

FORMAT = "suanbu-report/1"
LOCKED = ("locked", "paid")


async def printed(connection: asyncpg.Connection, settlement: Mapping[str, Any], data: Path) -> dict[str, Any] | None:
    """Return the signed statement of a locked settlement, by the installation's key under `data`.

    None of one not locked.
    """
    if settlement["status"] not in LOCKED:
        return None
    lines = await lines_of(connection, settlement["id"])
    statement = {
        "format": FORMAT,
        "settlement": settlement["id"],
        "digest": settlement["digest"],
        "lines": lines["lines"],
        "lines_sha256": lines["lines_sha256"],
        "journal": {"batch": settlement["as_of"], "digest": settlement["receipt"].get("journal_digest")},
    }
    return signed(statement, signing_key(data))
