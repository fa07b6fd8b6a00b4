"""A group whose transaction has begun: what the group after it has to know."""

from __future__ import annotations

import asyncio

from meter.journal.write.transaction import Ahead, Head


class UnderWay:
    """When a transaction has ended, and before that where it will leave the journal."""

    def __init__(self) -> None:
        self.head_known = asyncio.Event()
        """Set when `ahead` is known, or when nobody can go ahead of it any more."""
        self.ended = asyncio.Event()
        self.ahead: Ahead | None = None
        self.generation = b""

    def on_head_known(self, head: Head, generation: bytes | None) -> None:
        """Note where the transaction will leave the journal, and which key file then holds all keys (None: none)."""
        if generation is not None:
            self.ahead, self.generation = Ahead(head, self.ended), generation
        self.head_known.set()

    def end(self) -> None:
        """Note that the transaction has ended, well or not."""
        self.head_known.set()
        self.ended.set()
