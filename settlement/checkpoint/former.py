"""Checkpoints of the form that was written before (suanbu-checkpoint/1): marks along the chains, and locked lines."""

from __future__ import annotations

from typing import Any

import asyncpg

from meter.journal.verify.journal import Checkpoint, ReadFacts, ReadRules, verify_journal
from settlement.checkpoint.finding import Finding
from settlement.checkpoint.statement import lines_of
from settlement.store.checkpoint import audit_digests_at
from settlement.store.settlements import state_of


async def check_former(
    connection: asyncpg.Connection, statement: dict[str, Any], *, read_facts: ReadFacts, read_rules: ReadRules
) -> list[Finding]:
    """Return everything that is not as it was stated; what contradicts itself is for `check` to find."""
    wanted = [Checkpoint(number, digest) for number, digest in statement["journal"]["marks"]]
    report = await verify_journal(connection, read_facts=read_facts, read_rules=read_rules, checkpoints=wanted)
    found = [
        Finding("journal", f"batch {one.batch}", one.what, one.detail)
        for one in report.differences
        if one.what in ("checkpoint", "cut")
    ]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        found += await _audit(connection, statement["audit"])
        found += await _settlements(connection, statement["settlements"])
    return found


async def _audit(connection: asyncpg.Connection, stated: dict[str, Any]) -> list[Finding]:
    there = await audit_digests_at(connection, [number for number, _ in stated["marks"]])
    agreed = 0
    for number, digest in stated["marks"]:
        if number not in there:
            return [Finding("audit", f"row {agreed + 1}", "cut", f"the log once had row {stated['last']}")]
        if there[number] != digest:
            where = f"row {number}" if number == agreed + 1 else f"rows {agreed + 1} to {number}"
            return [Finding("audit", where, "checkpoint", "the log differs from the checkpoint here")]
        agreed = number
    return []


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
