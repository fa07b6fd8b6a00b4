"""The job that recomputes a settlement from the records and compares it with what is stored."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from settlement.compute.settlement import Settlement
from settlement.compute.shapes import line_dict
from settlement.jobs.settle import compute, stored_request, working_of
from settlement.store.lines import LINES_AT_ONCE, lines_after


async def verify(engine: AsyncEngine, settlement: str) -> dict[str, Any]:
    """Recompute a settlement from the records and compare it with what is stored, byte for byte and line by line.

    Steps are compared too; where other code computed them they may be told in other words, and only say where.
    """
    request, row = await stored_request(engine, settlement)
    receipt = row["receipt"]
    used = str(row["digest"]).partition(":")[0]
    result, again, _ = await compute(engine, request, algorithm=used, adjusts=row["adjusts"])
    kept, different, retold = await _unlike_stored(engine, settlement, result)
    whole = {"totals": result.totals, "match_lines": [match.as_dict() for match in result.matches]}
    different_whole = sorted(name for name, value in whole.items() if _plain(value) != row[name])
    inputs = sorted(name for name in receipt["inputs"] if receipt["inputs"][name] != again["inputs"].get(name))
    same_words = not retold or receipt["code"] != again["code"]
    return {
        "settlement": settlement,
        "equal": result.digest == row["digest"] and not different and not different_whole and same_words,
        "digest": row["digest"],
        "recomputed_digest": result.digest,
        "lines": kept,
        "different_lines": different[:100],
        "different_steps": retold[:100],
        "different_sums": different_whole,
        "different_inputs": inputs,
        "journal_digest_equal": receipt["journal_digest"] == again["journal_digest"],
        "code": {"then": receipt["code"], "now": again["code"]},
    }


async def _unlike_stored(engine: AsyncEngine, settlement: str, result: Settlement) -> tuple[int, list[str], list[str]]:
    """How many lines are stored, and the codes of those whose line, and whose steps, are not what `result` gives."""
    different: list[str] = []
    retold: list[str] = []
    kept: set[str] = set()

    def look(page: list[asyncpg.Record]) -> None:
        for stored in page:
            code = stored["uscc"]
            row = result.line(code)
            if row is None or _plain(line_dict(result, row)) != _plain(stored["line"]):
                different.append(code)
            elif _plain(working_of(result, code)) != _plain(stored["working"]):
                retold.append(code)
            kept.add(code)

    last = ""
    async with engine.connect() as held:
        connection = await driver(held)
        while True:
            page = await lines_after(connection, settlement, last)
            await asyncio.to_thread(look, page)
            if len(page) < LINES_AT_ONCE:
                break
            last = page[-1]["uscc"]
    different += set(result.lines["uscc"].to_list()) - kept
    return len(kept), sorted(different), retold


def _plain(value: Any) -> Any:
    """A value as it comes back from JSON."""
    return json.loads(json.dumps(value, ensure_ascii=False, default=str)) if value is not None else None
