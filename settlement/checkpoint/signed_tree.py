"""The tree computed anew from what the database holds, and held against the signed root; where it differs, located.

What is kept of the tree (or beside the checkpoint) locates a difference where it comes to the signed root itself. One
tile is in memory at a time.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import asyncpg

from settlement.checkpoint.finding import Finding, of_row
from settlement.checkpoint.leaves import Order, unlike
from settlement.checkpoint.log import TILE, leaves_from
from settlement.checkpoint.marks import Marks
from settlement.checkpoint.note import Checkpoint
from settlement.checkpoint.tree import Growing, leaf_hash, root_of
from settlement.store import records, tree

_TILES_AT_ONCE = 500
_LEAVES_AT_ONCE = 5_000
GONE = leaf_hash(b"there is no such leaf")


async def unlike_tree(
    connection: asyncpg.Connection,
    shapes: dict[str, records.Shape],
    order: Order,
    checkpoint: Checkpoint | None,
    marks: Marks | None,
) -> list[Finding]:
    """Return what the tree says: leaves that are not as they were signed, and kept hashes that are not those of the
    leaves."""
    found: list[Finding] = []
    if marks is not None and (checkpoint is None or marks.root() != checkpoint.root or marks.size != checkpoint.size):
        marks = None
    signed = None
    if checkpoint is not None:
        signed = order.up_to(checkpoint.size) or (marks.order if marks else None)
        if signed is None:
            detail = f"no checkpoint of the log ends at {checkpoint.size} leaves: the log was cut, or it is another one"
            return [*await _cut(connection, None, checkpoint.size), Finding("tree", "tree", "cut", detail)]
        found += await _cut(connection, signed, checkpoint.size)
        if order.up_to(checkpoint.size) is None:
            order = signed
    if not order.reached:
        return found + await _nothing_yet(connection)
    kept = await _kept_root(connection, checkpoint.size) if checkpoint else None
    reading = _Reading(connection, checkpoint, kept is not None and checkpoint is not None and kept == checkpoint.root)
    await reading.run(shapes, order, marks)
    return found + reading.found + await _left_over(connection, order)


async def _cut(connection: asyncpg.Connection, signed: Order | None, size: int) -> list[Finding]:
    """Report a journal or a log that ends before what was signed."""
    last_batch, last_row = await tree.heads(connection)
    if signed is None:
        kept = await tree.leaves_kept_beyond(connection, 0)
        batch = max(kept, default=last_batch)
        row = size - batch
    else:
        batch, row = signed.reached[-1]
    found = []
    if last_batch < batch:
        detail = f"the journal ends at batch {last_batch}; it once had batch {batch}"
        found.append(Finding("journal", f"batch {last_batch + 1}", "cut", detail))
    if last_row < row:
        detail = f"the log ends at row {last_row}; it once had row {row}"
        found.append(Finding("audit", f"row {last_row + 1}", "cut", detail))
    return found


async def _nothing_yet(connection: asyncpg.Connection) -> list[Finding]:
    """Check that nothing is kept of a tree where no checkpoint was made."""
    kept = await tree.leaves_kept_beyond(connection, 0)
    tiles = await tree.tiles(connection, 0, 2**62)
    return [
        *(of_row("tree_leaf", json.dumps([batch]), "inserted", "no checkpoint has covered this") for batch in kept),
        *(of_row("tree_tile", json.dumps(key), "inserted", "no checkpoint has covered this") for key in sorted(tiles)),
    ]


async def _kept_root(connection: asyncpg.Connection, size: int) -> bytes | None:
    """Return the root that the kept tiles come to; None where one is missing or is not what its own root says."""
    roots = []
    last = -(-size // TILE)
    for first in range(0, last, _TILES_AT_ONCE):
        end = min(first + _TILES_AT_ONCE, last)
        kept = await tree.tiles(connection, first, end - 1)
        for number in range(first, end):
            hashes = _widest(kept, number, min(TILE, size - number * TILE))
            if hashes is None:
                return None
            roots.append(root_of(hashes))
    return root_of(roots)


def _widest(kept: dict[tuple[int, int], tuple[bytes, bytes]], number: int, width: int) -> list[bytes] | None:
    """Return the first `width` hashes of a tile, of the narrowest that is kept with so many."""
    for (one, wide), (hashes, _) in sorted(kept.items()):
        if one == number and wide >= width:
            return [bytes(hashes[at : at + 32]) for at in range(0, 32 * width, 32)]
    return None


@dataclass
class _Reading:
    """One pass over all leaves in their order."""

    connection: asyncpg.Connection
    checkpoint: Checkpoint | None
    tiles_are_signed: bool
    found: list[Finding] = field(default_factory=list)
    _audit_differs: bool = False
    _batch_differs: bool = False
    _located: bool = False

    async def run(self, shapes: dict[str, records.Shape], order: Order, marks: Marks | None) -> None:
        """Compute each leaf, tile by tile; compare with what is kept, and the root with the signed one."""
        growing, said_root = Growing(), None
        index = 0
        tile: list[tuple[str, int, str | None]] = []
        size = self.checkpoint.size if self.checkpoint else None
        expected = dict.fromkeys(order.sizes)
        step: list[bytes] = []
        async for leaf in _without_gaps(self.connection, shapes, order):
            node = GONE if leaf[2] is None else leaf_hash(leaf[2].encode())
            growing.add(node)
            tile.append(leaf)
            index += 1
            if marks is not None and index <= marks.size:
                step.append(node)
                if len(step) == marks.step or index == marks.size:
                    self._marked(marks, (index - 1) // marks.step, step, index, order)
                    step = []
            if index == size:
                said_root = growing.root()
            if len(tile) == TILE or (index in expected and index == order.sizes[-1]):
                await self._tile((index - 1) // TILE, tile, [one for one in order.sizes if one <= index])
                tile = []
        if self.checkpoint is not None and said_root != self.checkpoint.root:
            detail = f"the leaves do not come to the root that was signed for {self.checkpoint.size} of them"
            if not self._located:
                detail += "; which differs, what is kept of the tree no longer tells"
            self.found.append(Finding("tree", "tree", "root", detail))

    def _marked(self, marks: Marks, number: int, step: list[bytes], end: int, order: Order) -> None:
        """Report a stretch of leaves whose root is not that of the marks.

        The kept tiles locate it better where they can.
        """
        if root_of(step) == marks.hashes[number] or self.tiles_are_signed:
            return
        self._located = True
        for index in range(end - len(step), end):
            kind, leaf_number = _at(order, index)
            if self._batch_differs if kind == "batch" else self._audit_differs:
                continue
            if kind == "batch":
                self._batch_differs = True
            else:
                self._audit_differs = True
            where = f"{'batch' if kind == 'batch' else 'row'} {leaf_number}"
            detail = (
                "it, or one soon after it, is not as it was signed" if len(step) > 1 else "it is not as it was signed"
            )
            self.found.append(Finding("journal" if kind == "batch" else "audit", where, "checkpoint", detail))

    async def _tile(self, number: int, tile: list[tuple[str, int, str | None]], sizes: list[int]) -> None:
        """Compare the leaves of a tile with the kept hashes, and the kept rows with what they should be."""
        hashes = [GONE if text is None else leaf_hash(text.encode()) for _, _, text in tile]
        kept = await tree.tiles(self.connection, number, number)
        signed = self._signed_part(number, kept)
        batches = [one for kind, one, _ in tile if kind == "batch"]
        texts = await tree.kept_leaves(self.connection, min(batches) - 1, max(batches)) if batches else {}
        for place, (kind, leaf_number, text) in enumerate(tile):
            wanted = signed[place] if place < len(signed) else None
            self._leaf(kind, leaf_number, text, hashes[place], wanted, texts.get(leaf_number))
        right = signed + hashes[len(signed) :]
        widths = {len(tile)} if len(tile) == TILE else set()
        signed_up_to = self.checkpoint.size if self.checkpoint else sizes[-1] if sizes else 0
        needed = widths | {
            size - number * TILE for size in sizes if size <= signed_up_to and 0 < size - number * TILE <= TILE
        }
        for one, width in sorted(kept):
            rows, root = kept[one, width]
            if width > len(tile):
                self._row("tree_tile", [number, width], "inserted", "no checkpoint has covered so many leaves")
            elif b"".join(right[:width]) != rows:
                self._row("tree_tile", [number, width], "hashes", "they are not those of the leaves")
            elif root_of(right[:width]) != root:
                self._row("tree_tile", [number, width], "root", "it is not that of its hashes")
        for width in sorted(needed - {width for _, width in kept}):
            self._row("tree_tile", [number, width], "missing", "a checkpoint has covered these leaves")

    def _signed_part(self, number: int, kept: dict[tuple[int, int], tuple[bytes, bytes]]) -> list[bytes]:
        """Return the hashes of a tile that the signature vouches for."""
        if not self.tiles_are_signed or self.checkpoint is None:
            return []
        width = min(TILE, self.checkpoint.size - number * TILE)
        return (_widest(kept, number, width) or []) if width > 0 else []

    def _leaf(
        self, kind: str, number: int, text: str | None, node: bytes, wanted: bytes | None, kept: str | None
    ) -> None:
        if kind == "audit":
            if wanted is not None and node != wanted and not self._audit_differs:
                self._audit_differs = self._located = True  # from here on every row's digest is another one
                self.found.append(Finding("audit", f"row {number}", "checkpoint", "it is not as it was signed"))
            return
        was = leaf_hash(kept.encode()) if kept is not None else None
        right = wanted or (node if was is None else was)
        if was != right or kept is None:
            what = "missing" if kept is None else "leaf"
            self._row("tree_leaf", [number], what, "it is not what was kept for the checkpoint")
        if node == right or text is None:
            return
        self._located = True
        for table, key, what in unlike(_parsed(kept), json.loads(text)):
            if table != "chain":
                self._row(table, json.loads(key or "[]"), what, f"batch {number} was not recorded so")
            elif not self._batch_differs:
                self._batch_differs = True
                self.found.append(Finding("journal", f"batch {number}", "checkpoint", "it is not as it was signed"))

    def _row(self, table: str, key: list[object], what: str, detail: str) -> None:
        self.found.append(of_row(table, json.dumps(key), what, detail))


def _parsed(text: str | None) -> dict[str, object]:
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("rows", {}), dict) else {}


async def _without_gaps(
    connection: asyncpg.Connection, shapes: dict[str, records.Shape], order: Order
) -> AsyncIterator[tuple[str, int, str | None]]:
    """Yield kind, number and text of each leaf; no text where the batch or the row is gone."""
    at, position = 0, 0
    ranges = [(kind, after, last) for kind, after, last in order.segments() if last > after]
    async for kind, number, text in leaves_from(connection, shapes, order, 0):
        while (kind, number) != (ranges[at][0], ranges[at][1] + 1 + position):
            yield ranges[at][0], ranges[at][1] + 1 + position, None
            at, position = _next(ranges, at, position)
        yield kind, number, text
        at, position = _next(ranges, at, position)
    while at < len(ranges):
        yield ranges[at][0], ranges[at][1] + 1 + position, None
        at, position = _next(ranges, at, position)


def _next(ranges: list[tuple[str, int, int]], at: int, position: int) -> tuple[int, int]:
    _, after, last = ranges[at]
    return (at, position + 1) if after + 1 + position < last else (at + 1, 0)


def _at(order: Order, index: int) -> tuple[str, int]:
    """Return which leaf stands at an index."""
    for kind, after, last in order.segments():
        if index < last - after:
            return kind, after + 1 + index
        index -= last - after
    raise AssertionError("there is no such leaf")


async def _left_over(connection: asyncpg.Connection, order: Order) -> list[Finding]:
    """Return kept leaves and tiles beyond what any checkpoint has covered."""
    batch, row = order.reached[-1]
    found = [
        of_row("tree_leaf", json.dumps([one]), "inserted", "no checkpoint has covered this")
        for one in await tree.leaves_kept_beyond(connection, batch)
    ]
    for key in sorted(await tree.tiles(connection, (batch + row - 1) // TILE + 1, 2**62)):
        found.append(of_row("tree_tile", json.dumps(key), "inserted", "no checkpoint has covered this"))
    return found
