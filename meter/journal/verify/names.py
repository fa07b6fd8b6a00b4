"""Verifying names: their numbers are consecutive, and each is covered by the digest of the batch that brought it."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import asyncpg

from meter.journal.digest_chain import ALGORITHMS
from meter.journal.verify import store


@dataclass
class Names:
    """The names of every dictionary table by number (from 1), and how many are covered so far."""

    names: Mapping[str, list[str]]
    covered: dict[str, int] = field(default_factory=lambda: dict.fromkeys((table for table, _ in store.NAME_TABLES), 0))
    lost: bool = False
    """After a batch whose names differ nobody can say which names the next one brought."""

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> Names:
        """Return all names; a number without a name has an empty one."""
        found: dict[str, list[str]] = {}
        for table, column in store.NAME_TABLES:
            rows = await store.read_names(connection, table, column)
            names = [""] * (rows[-1]["id"] if rows else 0)
            for row in rows:
                names[row["id"] - 1] = row["name"]
            found[table] = names
        return cls(found)

    def cover(self, stated: str, facilities: set[str], chips: set[str]) -> bool:
        """Return whether the digest covers the next names, which are then covered: parties, then the facilities or
        chips."""
        algorithm = stated.partition(":")[0]
        if self.lost or algorithm not in ALGORITHMS:
            return self.lost
        # how many parties it brought is not written down: the digest tells
        tails = {"facility": self._next("facility", facilities), "chip": self._next("chip", chips)}
        tail = [line for lines in tails.values() for line in lines]
        state = hashlib.new(algorithm)
        parties = 0
        for parties, line in enumerate(itertools.chain(self._lines("party"), [None])):
            whole = state.copy()
            if tail:
                whole.update(("\n" if parties else "").encode() + "\n".join(tail).encode())
            if f"{algorithm}:{whole.hexdigest()}" == stated:
                break
            if line is None:
                self.lost = True
                return False
            state.update(("\n" if parties else "").encode() + line.encode())
        self.covered["party"] += parties
        for table, lines in tails.items():
            self.covered[table] += len(lines)
        return True

    def uncovered(self) -> dict[str, list[int]]:
        """Return table -> the numbers of names that no batch covers; empty where that cannot be said any more."""
        left = {
            table: [number for number in range(self.covered[table] + 1, len(names) + 1) if names[number - 1]]
            for table, names in self.names.items()
        }
        return {} if self.lost else {table: numbers for table, numbers in left.items() if numbers}

    def _lines(self, table: str) -> Iterator[str]:
        names = self.names[table]
        for place in range(self.covered[table], len(names)):
            yield f"{table} {place + 1} {names[place]}"

    def _next(self, table: str, named: set[str]) -> list[str]:
        lines = []
        for line in self._lines(table):
            if line.split(" ", 2)[2] not in named:
                break
            lines.append(line)
        return lines
