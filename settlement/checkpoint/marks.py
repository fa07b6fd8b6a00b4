"""Hashes of the tree that are kept beside a checkpoint: they say where the tree differs when the kept one was changed.

At most 4096 subtrees of one size and what is left over at the end. Nobody signs them: together they come to the root.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from settlement.checkpoint.leaves import Order
from settlement.checkpoint.tree import root_of

MARKS_MAX = 4096


@dataclass(frozen=True)
class Marks:
    """Hashes of ranges of `step` leaves, the last one shorter, and in which order the leaves stand."""

    size: int
    step: int
    hashes: tuple[bytes, ...]
    order: Order

    @classmethod
    def of(cls, hashes: Sequence[bytes], order: Order) -> Marks:
        """Return the marks of a tree, from the hashes of its leaves."""
        step = 1
        while -(-len(hashes) // step) > MARKS_MAX:
            step *= 2
        parts = (root_of(hashes[at : at + step]) for at in range(0, len(hashes), step))
        return cls(len(hashes), step, tuple(parts), order)

    def root(self) -> bytes:
        """Return the root that they come to."""
        # subtrees of one size pair up, and what is left over at the end goes up unpaired: as leaves do
        return root_of(self.hashes)

    def text(self) -> str:
        """Return the marks as a file."""
        return json.dumps({
            "size": self.size, "step": self.step, "order": self.order.reached, "names": self.order.names,
            "hashes": [one.hex() for one in self.hashes],
        })  # fmt: skip

    @classmethod
    def parse(cls, text: str) -> Marks:
        """Read the file. Raises ValueError."""
        try:
            said = json.loads(text)
            reached = tuple((int(batch), int(row)) for batch, row in said["order"])
            order = Order(reached, tuple(dict(one) for one in said["names"]))
            return cls(int(said["size"]), int(said["step"]), tuple(bytes.fromhex(one) for one in said["hashes"]), order)
        except (KeyError, TypeError, AttributeError):
            raise ValueError("these are not the marks of a tree") from None
