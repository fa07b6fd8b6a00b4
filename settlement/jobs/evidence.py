"""The job that writes an evidence bundle, with the steps of every line told from what is stored."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import asyncpg

from settlement.checkpoint.note import Checkpoint
from settlement.checkpoint.proof import Prover
from settlement.errors import NoProof
from settlement.evidence.bundle import write_bundle
from settlement.jobs.lines import told_lines
from settlement.store.evidence import audit_of
from settlement.store.lines import workings
from settlement.store.settlements import stored_settlement


async def export(
    connection: asyncpg.Connection, settlement: str, path: Path, checkpoint: Checkpoint | None = None
) -> dict[str, Any]:
    """Write the bundle of a settlement; what is in it. Raises SettlementRefused UNKNOWN_SETTLEMENT."""
    proofs = [] if checkpoint is None else await _proofs(connection, settlement, checkpoint)
    steps = told_lines(connection, settlement, workings(connection, settlement))
    return await write_bundle(connection, settlement, path, steps, checkpoint.note() if checkpoint else None, proofs)


async def _proofs(connection: asyncpg.Connection, settlement: str, checkpoint: Checkpoint) -> list[dict[str, Any]]:
    """That the log's rows about the settlement, and its last batch, are in the tree of the checkpoint."""
    row = await stored_settlement(connection, settlement)
    prover = await Prover.of(connection, checkpoint.size)
    found = []
    for one in await audit_of(connection, settlement):
        try:
            found.append({**await prover.audit(one["seq"]), "row": None})  # the row stands in audit.ndjson
        except NoProof:  # written after the checkpoint
            break
    if row["as_of"]:
        found.append(await prover.batch(row["as_of"]))
    return found
