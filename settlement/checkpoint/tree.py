"""The tree that a checkpoint signs, as RFC 6962 defines it: hashes, roots, and proofs that anybody can check.

A leaf is hashed behind a zero byte, two nodes behind a one. A range of leaves falls apart into complete subtrees; a
proof is the roots of ranges.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY = hashlib.sha256().digest()
Range = tuple[int, int]


class ProofWrong(Exception):
    """A proof does not show what it is said to show."""


def leaf_hash(data: bytes) -> bytes:
    """Return the hash of a leaf."""
    return hashlib.sha256(b"\0" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees that lie side by side."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the root over the hashes of leaves (or of complete subtrees of one size)."""
    level = list(hashes)
    while len(level) > 1:
        pairs = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(level) & ~1 :]
    return level[0] if level else EMPTY


class Growing:
    """A tree that grows leaf by leaf, of which only the roots of its complete subtrees are kept."""

    def __init__(self) -> None:
        self.size = 0
        self._subtrees: list[tuple[int, bytes]] = []

    def add(self, node: bytes, leaves: int = 1) -> None:
        """Append a leaf's hash, or a complete subtree of as many leaves as divide what is there."""
        self.size += leaves
        while self._subtrees and self._subtrees[-1][0] == leaves:
            node = node_hash(self._subtrees.pop()[1], node)
            leaves *= 2
        self._subtrees.append((leaves, node))

    def root(self) -> bytes:
        """Return the root of what was added so far."""
        return joined([node for _, node in self._subtrees])


def joined(nodes: Sequence[bytes]) -> bytes:
    """Return the root over complete subtrees from left to right, each smaller than the one before it."""
    if not nodes:
        return EMPTY
    root = nodes[-1]
    for node in reversed(nodes[:-1]):
        root = node_hash(node, root)
    return root


def complete_parts(of: Range) -> list[Range]:
    """Return the complete subtrees that a range of a proof falls apart into, from left to right."""
    start, end = of
    parts = []
    while start < end:
        size = 1 << ((end - start).bit_length() - 1)
        parts.append((start, start + size))
        start += size
    return parts


def inclusion_ranges(index: int, size: int) -> list[Range]:
    """Return the ranges whose roots show that the leaf `index` is in the tree of `size` leaves, from the leaf
    upwards."""
    assert 0 <= index < size
    start, end, found = 0, size, []
    while end - start > 1:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if index < middle:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            start = middle
    return found[::-1]


def consistency_ranges(old: int, size: int) -> list[Range]:
    """Return the ranges whose roots show that the tree of `size` leaves begins with that of `old` leaves."""
    assert 0 <= old <= size
    if old in (0, size):
        return []
    start, end, found, whole = 0, size, [], True
    wanted = old
    while wanted != end - start:
        middle = start + (1 << ((end - start - 1).bit_length() - 1))
        if wanted <= middle - start:
            found.append((middle, end))
            end = middle
        else:
            found.append((start, middle))
            wanted -= middle - start
            start = middle
            whole = False
    return ([] if whole else [(start, end)]) + found[::-1]


def check_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> None:
    """Check that a leaf's hash stands at `index` of the tree. Raises ProofWrong."""
    if not 0 <= index < size:
        raise ProofWrong(f"there is no leaf {index} in a tree of {size}")
    place, last, found = index, size - 1, leaf
    for node in path:
        if last == 0:
            raise ProofWrong("the path is too long")
        if place & 1 or place == last:
            found = node_hash(node, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, node)
        place, last = place >> 1, last >> 1
    if last or found != root:
        raise ProofWrong("the path does not lead to the root")


def check_consistency(old: int, size: int, old_root: bytes, root: bytes, path: Sequence[bytes]) -> None:
    """Check that the tree of `size` leaves begins with the tree of `old` leaves. Raises ProofWrong."""
    if not 0 <= old <= size:
        raise ProofWrong(f"a tree of {size} leaves does not extend one of {old}")
    if old in (0, size):
        if path or (old == size and old_root != root) or (old == 0 and old_root != EMPTY):
            raise ProofWrong("the two trees are not one")
        return
    nodes = list(path)
    if old & (old - 1) == 0:
        nodes.insert(0, old_root)
    if not nodes:
        raise ProofWrong("the proof is empty")
    place, last = old - 1, size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    before = after = nodes[0]
    for node in nodes[1:]:
        if last == 0:
            raise ProofWrong("the proof is too long")
        if place & 1 or place == last:
            before, after = node_hash(node, before), node_hash(node, after)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            after = node_hash(after, node)
        place, last = place >> 1, last >> 1
    if last or before != old_root or after != root:
        raise ProofWrong("the new tree does not begin with the old one")
