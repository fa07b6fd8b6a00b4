"""What no longer agrees with a checkpoint, or with itself, located: tables, keys and columns.

The chain of batches, the log's chain and the tree say what was recorded; records in the log say how rows were written;
events say what state is; the fingerprint says what the database lets happen.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import asyncpg

from meter.audit import store as audit_store
from meter.journal.verify.journal import ReadFacts, ReadRules, verify_journal
from settlement.checkpoint.covered import COVERED, By, not_covered, tables_by
from settlement.checkpoint.finding import Finding, of_row
from settlement.checkpoint.folds import unlike_events
from settlement.checkpoint.leaves import Order
from settlement.checkpoint.lines import unlike_lines
from settlement.checkpoint.marks import Marks
from settlement.checkpoint.note import Checkpoint
from settlement.checkpoint.schema import unlike_schema
from settlement.checkpoint.signed_tree import unlike_tree
from settlement.store import records
from settlement.store import schema as schema_store

_PAGE = 10_000
Schema = Mapping[str, str | None]


async def check(
    connection: asyncpg.Connection,
    checkpoint: Checkpoint | None,
    *,
    read_facts: ReadFacts,
    read_rules: ReadRules,
    expected: Schema | None = None,
    marks: Marks | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Everything that is not as it was signed, and everything that contradicts itself; nothing where all is well.

    `expected` is the schema that the code's own migrations make; `marks` are hashes kept beside the checkpoint.
    """
    report = await verify_journal(connection, progress, read_facts=read_facts, read_rules=read_rules)
    found = [Finding("journal", f"batch {one.batch}", one.what, one.detail) for one in report.differences]
    for table, numbers in report.uncovered.items():
        found += [of_row(table, f"[{number}]", "inserted", "no batch brought this name") for number in numbers[:1000]]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await records.settle_settings(connection)
        shapes = await records.shapes(connection)
        made = await records.checkpoints_made(connection)
        found += _unspoken(shapes)
        unsound: list[int] = []
        found += await _audit(connection, unsound)
        found += await unlike_tree(connection, shapes, Order.of(made), checkpoint, marks)
        found += await _adopted(connection, made)
        found += await unlike_schema(connection, made, expected)
        for table in tables_by(By.RECORD):
            if table in shapes:
                found += await _records(connection, shapes[table], unsound)
        found += await unlike_lines(connection)
        found += await unlike_events(connection, unsound)
        for table in tables_by(By.BATCH):
            if table in shapes:
                for key in await records.beyond(connection, shapes[table], report.batch):
                    found.append(of_row(table, key, "inserted", "names a batch that does not exist"))
        for table in (*tables_by(By.NAMES), "audit"):
            for number in await records.numbered_below(connection, table, "seq" if table == "audit" else "id"):
                found.append(of_row(table, f"[{number}]", "inserted", "numbers begin with 1"))
    return found


def _unspoken(shapes: Mapping[str, records.Shape]) -> list[Finding]:
    """Tables and columns of which nobody has said what keeps them honest."""
    found = []
    for table, shape in shapes.items():
        for name in not_covered(table, shape.columns):
            where = table if name == table else f"{table}.{name}"
            found.append(Finding("schema", where, "not covered", "nobody has said what keeps it honest"))
    for table in sorted(COVERED.keys() - shapes.keys()):
        found.append(Finding("schema", table, "missing", "there is no such table"))
    return found


async def _audit(connection: asyncpg.Connection, unsound: list[int]) -> list[Finding]:
    """The log's own chain: numbers without gaps, and each row's digest over it and the one before it.

    The numbers of rows that are not as they were written are added to `unsound`.
    """
    found: list[Finding] = []
    previous, last = "", 0
    while rows := await audit_store.page(connection, last, _PAGE):
        for row in rows:
            number = row["seq"]
            if number != last + 1:
                found.append(Finding("audit", f"rows {last + 1} to {number - 1}", "missing", "there are no such rows"))
            elif audit_store.digest_after(previous, row) != row["digest"]:
                found.append(Finding("audit", f"row {number}", "digest", "the row is not as it was written"))
                unsound.append(number)
            elif not _is_json(row["detail"]):
                found.append(Finding("audit", f"row {number}", "detail", "it is not JSON"))
                unsound.append(number)
            previous, last = row["digest"], number
    return found


def _is_json(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


async def _adopted(connection: asyncpg.Connection, made: list[dict[str, Any]]) -> list[Finding]:
    """What migrations adopted, held against what checkpoints said of it; nothing is said before the first."""
    found: list[Finding] = []
    said = {one["adopted"]["rows"]: one for one in made if isinstance(one.get("adopted"), dict)}
    for rows, one in sorted(said.items()):
        there, digest = await records.adopted_digest(connection, rows)
        if (there, digest) != (rows, one["adopted"]["sha256"]):
            detail = f"the checkpoint of audit row {one['seq']} knew {rows} other rows"
            found.append(Finding("adopted", "adopted", "digest", detail))
    if not made or (made[-1].get("schema") or {}).get("revision") != await schema_store.revision(connection):
        return found  # a migration of a later revision may have adopted more
    if said and (there := (await records.adopted_digest(connection))[0]) > max(said) and not found:
        found.append(Finding("adopted", "adopted", "inserted", f"{there - max(said)} rows that no checkpoint has seen"))
    return found


async def _records(connection: asyncpg.Connection, shape: records.Shape, unsound: Sequence[int]) -> list[Finding]:
    """Rows of a table that are not as they went on record."""
    found = []
    for key, said, stands in await records.unlike_record(connection, shape, COVERED[shape.name].aside, unsound):
        if stands is None:
            found.append(of_row(shape.name, key, "missing", "it is on record, and not in the table"))
        elif said is None:
            found.append(of_row(shape.name, key, "inserted", "nothing on record tells of it"))
        else:
            for name in sorted(said.keys() | stands.keys()):
                if (name in said and said[name] != stands.get(name)) or (name not in said and stands[name] is not None):
                    was = f"{said[name]!s:.60}" if name in said else "not there"
                    detail = f"is {stands.get(name)!s:.60}, on record it was {was}"
                    found.append(of_row(shape.name, key, name, detail))
    return found
