"""Making a checkpoint: what it says goes into the log first, so that the tree, which ends with that row, covers it."""

from __future__ import annotations

from dataclasses import dataclass

import asyncpg
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from settlement.checkpoint.covered import By, tables_by
from settlement.checkpoint.leaves import Order
from settlement.checkpoint.log import grow, kept_hashes
from settlement.checkpoint.marks import Marks
from settlement.checkpoint.note import SIGNS, Checkpoint, sign, verifier_of
from settlement.checkpoint.schema import fingerprint
from settlement.store import records, tree


@dataclass(frozen=True)
class Made:
    """A checkpoint, what of the journal and the log it covers, and the marks to be kept beside it."""

    checkpoint: Checkpoint
    batch: int
    audit: int
    marks: Marks


async def make(connection: asyncpg.Connection, origin: str, key: Ed25519PrivateKey) -> Made:
    """Grow the tree by what is new and sign it. Reads no batch and no row of the log that it covered before."""
    async with connection.transaction(isolation="read_committed"):
        await records.settle_settings(connection)
        batch, _ = await tree.heads(connection)
        rows, digest = await records.adopted_digest(connection)
        said = {
            "tree": str(verifier_of(origin, SIGNS, key)),
            "batch": batch,
            "names": await records.last_names(connection, tables_by(By.NAMES)),
            "adopted": {"rows": rows, "sha256": digest},
            "schema": await fingerprint(connection),
        }
        row = await tree.note_checkpoint(connection, origin, said)
    async with connection.transaction(isolation="read_committed"):
        await records.settle_settings(connection)
        order = Order.of(await records.checkpoints_made(connection)).up_to(batch + row)
        assert order is not None, "a checkpoint was written down, and is not in the log"
        root = await grow(connection, order)
        hashes = await kept_hashes(connection, batch + row)
        assert hashes is not None, "what was kept a moment ago is gone"
    return Made(sign(origin, batch + row, root, key), batch, row, Marks.of(hashes, order))
