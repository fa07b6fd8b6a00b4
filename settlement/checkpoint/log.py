"""The tree as it is kept: grown by what is new since the last checkpoint, and asked for the roots of its ranges.

Kept are tiles of 256 leaves with their roots, and what the leaf of each batch was made over. Nothing believes them: a
verification computes every leaf anew and holds the tiles against the signed root.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

import asyncpg

from settlement.checkpoint.leaves import Order, audit_leaves, batch_leaves
from settlement.checkpoint.tree import (
    Growing,
    Range,
    complete_parts,
    consistency_ranges,
    inclusion_ranges,
    joined,
    leaf_hash,
    root_of,
)
from settlement.store import records, tree

TILE = 256
_KEPT_AT_ONCE = 1_000


async def leaves_from(
    connection: asyncpg.Connection, shapes: dict[str, records.Shape], order: Order, index: int
) -> AsyncIterator[tuple[str, int, str]]:
    """Yield kind, number and text of the leaves from `index` on, computed from what the database holds."""
    start = 0
    for kind, after, last in order.segments():
        length = last - after
        if start + length > index and length:
            first = after + max(0, index - start)
            found = (
                batch_leaves(connection, shapes, order, first, last)
                if kind == "batch"
                else audit_leaves(connection, first, last)
            )
            async for number, text in found:
                yield kind, number, text
        start += length


async def grow(connection: asyncpg.Connection, order: Order) -> bytes:
    """Keep the leaves that are new; the root over all. Reads nothing that an earlier checkpoint has covered."""
    size = order.sizes[-1]
    roots = (await tree.tile_roots(connection))[: size // TILE]
    first = len(roots)
    hashes = await tree.widest_tile(connection, first)
    hashes = hashes[: 32 * (min(size, (first + 1) * TILE) - first * TILE)]
    growing = Growing()
    for root in roots:
        growing.add(root, TILE)
    pending: list[tuple[int, bytes, bytes]] = []
    leaves: list[tuple[int, str]] = []
    shapes = await records.shapes(connection)
    async for kind, number, text in leaves_from(connection, shapes, order, first * TILE + len(hashes) // 32):
        hashes += leaf_hash(text.encode())
        if kind == "batch":
            leaves.append((number, text))
        if len(hashes) == 32 * TILE:
            pending += _as_left(first, hashes, order)
            pending.append((first, hashes, root_of(_split(hashes))))
            growing.add(pending[-1][2], TILE)
            first, hashes = first + 1, b""
        if len(pending) + len(leaves) >= _KEPT_AT_ONCE:
            await tree.keep(connection, pending, leaves)
            pending, leaves = [], []
    pending += _as_left(first, hashes, order)
    await tree.keep(connection, pending, leaves)
    for node in _split(hashes):
        growing.add(node)
    assert growing.size == size, f"the tree has {growing.size} leaves of {size}: a batch or a row of the log is missing"
    return growing.root()


def _as_left(number: int, hashes: bytes, order: Order) -> list[tuple[int, bytes, bytes]]:
    """Return a tile as far as it was filled at each checkpoint that ended in it, killed ones too."""
    widths = [size - number * TILE for size in order.sizes if 0 < size - number * TILE < TILE]
    parts = [hashes[: 32 * width] for width in widths if 32 * width <= len(hashes)]
    return [(number, part, root_of(_split(part))) for part in parts]


class KeptTree:
    """The tree of a checkpoint as it is kept: roots of its tiles in memory, and single tiles as they are asked for."""

    def __init__(self, connection: asyncpg.Connection, size: int, roots: list[bytes]) -> None:
        self.connection = connection
        self.size = size
        self._roots = roots
        self._tiles: dict[int, list[bytes]] = {}

    @classmethod
    async def of(cls, connection: asyncpg.Connection, size: int) -> KeptTree:
        """Return the kept tree of so many leaves."""
        return cls(connection, size, (await tree.tile_roots(connection))[: size // TILE])

    async def inclusion(self, index: int) -> list[bytes]:
        """Return the path from a leaf to the root."""
        return [await self._range(of) for of in inclusion_ranges(index, self.size)]

    async def consistency(self, old: int) -> list[bytes]:
        """Return the proof that this tree begins with that of `old` leaves."""
        return [await self._range(of) for of in consistency_ranges(old, self.size)]

    async def root(self) -> bytes:
        """Return the root over all leaves."""
        return await self._range((0, self.size))

    async def _range(self, of: Range) -> bytes:
        return joined([await self._subtree(part) for part in complete_parts(of)])

    async def _subtree(self, of: Range) -> bytes:
        start, end = of
        if end - start >= TILE:
            return root_of(self._roots[start // TILE : end // TILE])
        number = start // TILE
        if number not in self._tiles:
            wanted = min(TILE, self.size - number * TILE)
            self._tiles[number] = _split(await tree.widest_tile(self.connection, number))[:wanted]
        return root_of(self._tiles[number][start - number * TILE : end - number * TILE])


async def kept_hashes(connection: asyncpg.Connection, size: int) -> list[bytes] | None:
    """Return the hashes of all leaves as the tiles keep them; None where a tile is missing."""
    found: list[bytes] = []
    last = -(-size // TILE)
    for first, end in pairwise([*range(0, last, _KEPT_AT_ONCE), last]):
        kept = await tree.tiles(connection, first, end - 1)
        for number in range(first, end):
            width = min(TILE, size - number * TILE)
            hashes = next((said for (n, w), (said, _) in sorted(kept.items()) if n == number and w >= width), None)
            if hashes is None:
                return None
            found += _split(hashes)[:width]
    return found


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[at : at + 32] for at in range(0, len(hashes), 32)]
