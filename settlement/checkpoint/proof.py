"""Proofs for whoever holds a checkpoint: that a batch, a row of the audit log or an award is in the tree it signs.

A proof is checked by the script check_evidence.py and by any library for RFC 6962: the leaf's text is hashed behind a
zero byte, and the path leads to the root in the note.
"""

from __future__ import annotations

import base64
from typing import Any

import asyncpg

from settlement.checkpoint.leaves import Order, audit_leaf
from settlement.checkpoint.lines import line_hashes, named
from settlement.checkpoint.log import KeptTree
from settlement.checkpoint.tree import inclusion_ranges, root_of
from settlement.errors import NoProof
from settlement.store import records, tree
from settlement.store.lines import digested_line

FORMAT = "suanbu-proof/1"


class Prover:
    """Proofs in the tree of one checkpoint, out of what is kept of it."""

    def __init__(self, connection: asyncpg.Connection, order: Order, kept: KeptTree, root: bytes) -> None:
        self.connection = connection
        self.order = order
        self.kept = kept
        self.root = root

    @classmethod
    async def of(cls, connection: asyncpg.Connection, size: int | None = None) -> Prover:
        """Make it for the tree of `size` leaves (None: that of the last checkpoint). Raises NoProof."""
        order = Order.of(await records.checkpoints_made(connection))
        if size is None and order.sizes:
            size = order.sizes[-1]
        order = (order.up_to(size) if size is not None else None) or Order(())
        if size is None or not order.reached:
            raise NoProof("NO_CHECKPOINT", "no checkpoint of that size was made" if size else "no checkpoint was made")
        kept = await KeptTree.of(connection, size)
        return cls(connection, order, kept, await kept.root())

    async def batch(self, number: int) -> dict[str, Any]:
        """Return the proof of a batch: its leaf names its digest, and digests of what stands beside it.

        Raises NoProof.
        """
        leaf = (await tree.kept_leaves(self.connection, number - 1, number)).get(number)
        return await self._proof("batch", number, leaf)

    async def audit(self, seq: int) -> dict[str, Any]:
        """Return the proof of a row of the audit log, with the row. Raises NoProof."""
        row = await tree.audit_row(self.connection, seq)
        proof = await self._proof("audit", seq, audit_leaf(seq, row["digest"]) if row else None)
        return {**proof, "row": row}

    async def award(self, settlement: str, uscc: str) -> dict[str, Any]:
        """Return the proof of a line: under the root of the lines that the log's row of the run names.

        Raises NoProof.
        """
        seq = await tree.run_row(self.connection, settlement)
        text = await digested_line(self.connection, settlement, uscc)
        if seq is None or text is None:
            raise NoProof("NO_SUCH_LINE", f"there is no line of {uscc} in a settlement {settlement}")
        codes, hashes = await line_hashes(self.connection, settlement)
        place = codes.index(uscc)
        path = [root_of(hashes[start:end]) for start, end in inclusion_ranges(place, len(hashes))]
        return {
            **await self.audit(seq),
            "line": {
                "settlement": settlement, "text": text, "index": place, "lines": len(hashes),
                "root": named(root_of(hashes)), "path": [_spelled(node) for node in path],
            },
        }  # fmt: skip

    async def consistency(self, old: int) -> list[bytes]:
        """Return the proof that the tree begins with that of `old` leaves. Raises NoProof."""
        if not 0 <= old <= self.kept.size:
            raise NoProof("NO_CHECKPOINT", f"a tree of {self.kept.size} leaves does not extend one of {old}")
        return await self.kept.consistency(old)

    async def _proof(self, kind: str, number: int, leaf: str | None) -> dict[str, Any]:
        index = self.order.index_of(kind, number)
        if index is None or leaf is None:
            raise NoProof("NOT_COVERED", f"the checkpoint of {self.kept.size} leaves does not cover {kind} {number}")
        return {
            "format": FORMAT, "kind": kind, "number": number, "leaf": leaf, "index": index, "size": self.kept.size,
            "root": _spelled(self.root), "path": [_spelled(node) for node in await self.kept.inclusion(index)],
        }  # fmt: skip


def _spelled(node: bytes) -> str:
    return base64.b64encode(node).decode()
