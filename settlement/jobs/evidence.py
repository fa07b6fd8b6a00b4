"""The job that writes an evidence bundle, with the steps of every line told from what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from settlement.evidence.bundle import write_bundle
from settlement.jobs.lines import told_lines
from settlement.store.lines import workings


async def export(
    connection: asyncpg.Connection, settlement: str, path: Path, checkpoint: bytes | None = None
) -> dict[str, Any]:
    """Write the bundle of a settlement; what is in it. Raises SettlementRefused UNKNOWN_SETTLEMENT."""
    steps = told_lines(connection, settlement, workings(connection, settlement))
    return await write_bundle(connection, settlement, path, steps, checkpoint)
