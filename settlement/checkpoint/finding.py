"""One thing that differs, and where."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing that differs: in what (journal, audit, tree, schema, or a table's name), where, and in words."""

    kind: str
    where: str
    what: str
    detail: str


def of_row(table: str, key: str, what: str, detail: str) -> Finding:
    """Return a row that is not as it was written: `key` is the JSON array of its primary key, `what` the column or
    what became of the row (missing, inserted)."""
    return Finding(table, f"{table} {key}", what, detail)
