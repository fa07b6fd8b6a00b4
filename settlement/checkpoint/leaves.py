"""The leaves of the tree: a batch with all that stands beside it, and a row of the audit log; in which order they grew.

A checkpoint appends the batches since the last one and then the rows of the log since the last one, the last of which
tells of the checkpoint itself. So the log says in which order leaves stand, and the tree covers the log.
"""

from __future__ import annotations

import hashlib
import json
from bisect import bisect_left
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg

from settlement.checkpoint.covered import COVERED, By, tables_by
from settlement.store import records, tree

PAGE = 5_000
HINT = 4  # hexadecimal digits of a column's digest: enough to say which one differs where the whole row's is known to


@dataclass(frozen=True)
class Order:
    """In which order leaves stand: what each checkpoint reached, as (last batch, last row of the log)."""

    reached: tuple[tuple[int, int], ...]
    names: tuple[dict[str, int], ...] = ()
    """The last number of each table of names at each checkpoint."""

    @classmethod
    def of(cls, made: Sequence[dict[str, Any]]) -> Order:
        """Return the order that the log's rows about checkpoints say."""
        return cls(tuple((one["batch"], one["seq"]) for one in made), tuple(one.get("names", {}) for one in made))

    @property
    def sizes(self) -> list[int]:
        """How many leaves the tree had at each checkpoint."""
        return [batch + row for batch, row in self.reached]

    def up_to(self, size: int) -> Order | None:
        """Return the order of the first `size` leaves; None where no checkpoint ended there."""
        sizes = self.sizes
        until = sizes.index(size) + 1 if size in sizes else 0
        return Order(self.reached[:until], self.names[:until]) if until else None

    def segments(self) -> list[tuple[str, int, int]]:
        """Return (kind, after, last) of each stretch of leaves: batches or rows of the log after `after` up to
        `last`."""
        found, batch, row = [], 0, 0
        for next_batch, next_row in self.reached:
            found += [("batch", batch, next_batch), ("audit", row, next_row)]
            batch, row = next_batch, next_row
        return found

    def names_at(self) -> dict[int, dict[str, tuple[int, int]]]:
        """Return batch -> which names its leaf takes in besides: for each table those after a number up to another."""
        found: dict[int, dict[str, tuple[int, int]]] = {}
        before: dict[str, int] = {}
        for (batch, _), lasts in zip(self.reached, self.names, strict=False):
            if batch and batch not in found:
                found[batch] = {table: (before.get(table, 0), last) for table, last in lasts.items()}
                before = lasts
        return found

    def index_of(self, kind: str, number: int) -> int | None:
        """Return where a batch or a row of the log stands; None where no checkpoint has covered it."""
        column = 0 if kind == "batch" else 1
        lasts = [one[column] for one in self.reached]
        at = bisect_left(lasts, number)
        if number < 1 or at == len(lasts):
            return None
        row_before = self.reached[at - 1][1] if at else 0
        beside = row_before if kind == "batch" else self.reached[at][0]
        return number - 1 + beside


def batch_leaf(batch: int, digest: str, beside: dict[str, Any]) -> str:
    """Return what the leaf of a batch is made over."""
    return json.dumps({"batch": batch, "digest": digest, "rows": beside}, sort_keys=True, separators=(",", ":"))


def audit_leaf(seq: int, digest: str) -> str:
    """Return what the leaf of a row of the audit log is made over; its digest covers the row and all rows before it."""
    return json.dumps({"audit": seq, "digest": digest}, sort_keys=True, separators=(",", ":"))


async def batch_leaves(
    connection: asyncpg.Connection, shapes: dict[str, records.Shape], order: Order, after: int, last: int
) -> AsyncIterator[tuple[int, str]]:
    """Yield number and leaf of the batches after `after` up to `last`, computed from what the database holds."""
    tables = [shapes[name] for name in tables_by(By.BATCH) if name in shapes]
    names = order.names_at()
    for first in range(after, last, PAGE):
        end = min(first + PAGE, last)
        beside: dict[int, dict[str, Any]] = {}
        for shape in tables:
            of_batch: dict[int, list[tuple[str, str]]] = {}
            for row in await records.rows_beside(connection, shape, COVERED[shape.name].aside, first, end):
                of_batch.setdefault(row["batch"], []).append((row["key"], row["said"]))
            for batch, rows in of_batch.items():
                beside.setdefault(batch, {})[shape.name] = _digested(rows)
        for batch in range(first + 1, end + 1):
            for table, (low, high) in names.get(batch, {}).items():
                if table in shapes and high > low:
                    rows_of = await records.names_between(connection, shapes[table], low, high)
                    beside.setdefault(batch, {})[table] = _digested([(row["key"], row["said"]) for row in rows_of])
        for batch, digest in await tree.batch_digests(connection, first, end):
            yield batch, batch_leaf(batch, digest, beside.get(batch, {}))


async def audit_leaves(connection: asyncpg.Connection, after: int, last: int) -> AsyncIterator[tuple[int, str]]:
    """Yield number and leaf of the rows of the audit log after `after` up to `last`."""
    for first in range(after, last, PAGE):
        for seq, digest in await tree.audit_digests(connection, first, min(first + PAGE, last)):
            yield seq, audit_leaf(seq, digest)


def _digested(rows: list[tuple[str, str]]) -> dict[str, Any]:
    """Return the digest over the rows of one table and batch, and of each row a hint for each column.

    A column without a value is left out, so that one which is added later changes no leaf.
    """
    state = hashlib.sha256()
    values = {}
    for key, text in sorted(rows):
        row = {name: value for name, value in json.loads(text, parse_float=str).items() if value is not None}
        state.update(json.dumps([key, row], sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode())
        values[key] = row
    columns = sorted({name for row in values.values() for name in row})
    hints = {key: "".join(_hint(row.get(name)) for name in columns) for key, row in values.items()}
    return {"sha256": state.hexdigest(), "columns": columns, "rows": hints}


def _hint(value: Any) -> str:
    if value is None:
        return "-" * HINT
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()[:HINT]


def unlike(kept: dict[str, Any], found: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Return what differs between what a leaf was made over and what it would be made over now: (table, key, what).

    The table `chain` stands for the digest of the batch itself.
    """
    different = []
    if kept.get("digest") != found.get("digest"):
        different.append(("chain", f"[{found.get('batch')}]", "digest"))
    was, now = kept.get("rows", {}), found.get("rows", {})
    for table in sorted(was.keys() | now.keys()):
        before, after = was.get(table, {}), now.get(table, {})
        if before.get("sha256") == after.get("sha256"):
            continue
        known = len(different)
        for key in sorted(before.get("rows", {}).keys() | after.get("rows", {}).keys()):
            one, other = _by_column(before, key), _by_column(after, key)
            if one is None or other is None:
                different.append((table, key, "inserted" if one is None else "missing"))
            elif columns := sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name)):
                different.append((table, key, ", ".join(columns)))
        if len(different) == known:
            different.append((table, "", "a row, by less than the hints of its columns tell"))
    return different


def _by_column(said: dict[str, Any], key: str) -> dict[str, str] | None:
    hints = said.get("rows", {}).get(key)
    if hints is None:
        return None
    parts = (hints[at : at + HINT] for at in range(0, len(hints), HINT))
    return {name: part for name, part in zip(said["columns"], parts, strict=False) if part != "-" * HINT}
