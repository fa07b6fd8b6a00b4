"""What no longer agrees with a checkpoint, located: batches, rows of the audit log, settlements and their lines."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import asyncpg

from meter.audit import store as audit_store
from meter.journal.verify.journal import Checkpoint, ReadFacts, ReadRules, verify_journal
from settlement.checkpoint.statement import lines_of
from settlement.store.checkpoint import unlogged
from settlement.store.settlements import state_of

_PAGE = 10_000


@dataclass(frozen=True)
class Finding:
    """One thing that differs: in what (journal, audit, settlement, event), where, and in words."""

    kind: str
    where: str
    what: str
    detail: str


async def check(
    connection: asyncpg.Connection,
    statement: dict[str, Any] | None,
    *,
    read_facts: ReadFacts,
    read_rules: ReadRules,
    progress: Callable[[int, int], None] | None = None,
) -> list[Finding]:
    """Everything that is not as it was stated, and everything that contradicts itself; nothing where all is well."""
    marks = statement["journal"]["marks"] if statement else []
    wanted = [Checkpoint(number, digest) for number, digest in marks]
    report = await verify_journal(
        connection, progress, read_facts=read_facts, read_rules=read_rules, checkpoints=wanted
    )
    found = [Finding("journal", f"batch {one.batch}", one.what, one.detail) for one in report.differences]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found += await _audit(connection, statement["audit"] if statement else {"last": 0, "marks": []})
        found += await _events(connection)
        found += await _settlements(connection, statement["settlements"] if statement else [])
    return found


async def _audit(connection: asyncpg.Connection, stated: dict[str, Any]) -> list[Finding]:
    found: list[Finding] = []
    wanted = dict(stated["marks"])
    previous, last, agreed = "", 0, 0
    while rows := await audit_store.page(connection, last, _PAGE):
        for row in rows:
            number = row["seq"]
            if number != last + 1:
                found.append(Finding("audit", f"rows {last + 1} to {number - 1}", "missing", "there are no such rows"))
            elif audit_store.digest_after(previous, row) != row["digest"]:
                found.append(Finding("audit", f"row {number}", "digest", "the row is not as it was written"))
            if wanted.get(number, row["digest"]) != row["digest"]:
                where = f"row {number}" if number == agreed + 1 else f"rows {agreed + 1} to {number}"
                found.append(Finding("audit", where, "checkpoint", "the log differs from the checkpoint here"))
                wanted.clear()  # the first place is the place; from there on everything differs
            elif number in wanted:
                agreed = number
            previous, last = row["digest"], number
    if last < stated["last"]:
        found.append(
            Finding("audit", f"row {last + 1}", "cut", f"the log ends at row {last}; it once had row {stated['last']}")
        )
    return found


async def _events(connection: asyncpg.Connection) -> list[Finding]:
    """Decisions without their row of the audit log, and rows of the log without the decision."""
    return [
        Finding("event", f"{row['action']} {row['object']} {row['id']}", "unlogged", "not in the audit log")
        if row["seq"] is None
        else Finding("event", f"audit row {row['seq']}", "undone", "what it tells of is not there")
        for row in await unlogged(connection)
    ]


async def _settlements(connection: asyncpg.Connection, stated: list[dict[str, Any]]) -> list[Finding]:
    found: list[Finding] = []
    for one in stated:
        name = one["id"]
        state = await state_of(connection, name)
        if state is None:
            found.append(Finding("settlement", name, "missing", "there is no such settlement"))
            continue
        digest, status = state
        if digest != one["digest"]:
            found.append(Finding("settlement", name, "digest", "its digest is another"))
        if status not in ("locked", "paid"):
            found.append(Finding("settlement", name, "status", f"it was locked and is {status}"))
        now = await lines_of(connection, name)
        if now["lines_sha256"] != one["lines_sha256"]:
            was, are = ({(a, b): digest for a, b, digest in marks} for marks in (one["marks"], now["marks"]))
            for first, last in sorted(was.keys() | are.keys()):
                if was.get((first, last)) != are.get((first, last)):
                    where = first if first == last else f"{first} to {last}"
                    found.append(Finding("settlement", f"{name} line {where}", "line", "not as it was locked"))
    return found
