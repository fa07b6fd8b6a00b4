"""Digests of the audit log, for checkpoints of the form that was written before."""

from __future__ import annotations

from collections.abc import Sequence

import asyncpg


async def audit_digests_at(connection: asyncpg.Connection, numbers: Sequence[int]) -> dict[int, str]:
    """Number -> digest of some rows of the audit log; those that are not there are left out."""
    rows = await connection.fetch("select seq, digest from audit where seq = any ($1::bigint[])", list(numbers))
    return {row["seq"]: row["digest"] for row in rows}
