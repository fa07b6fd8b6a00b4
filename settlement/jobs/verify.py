"""The job that recomputes a settlement from the records and compares it with what is stored."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import polars as pl
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from settlement.compute.settlement import Settlement
from settlement.explain.stored import told, whole_working
from settlement.explain.story import Setting
from settlement.jobs.progress import Tell, untold
from settlement.jobs.settle import compute, stored_lines, stored_request
from settlement.store.lines import STORED, stored_texts

BESIDE = [name for name in STORED if name not in ("uscc", "line", "working")]


async def verify(engine: AsyncEngine, settlement: str, tell: Tell = untold) -> dict[str, Any]:
    """Recompute a settlement from the records and compare it with what is stored, byte for byte and line by line.

    Use is added up from the records themselves; the rollup, from which the settlement was run, is compared with them on
    the way (`rollup_equal`). What the steps follow from is compared too; where other code computed them they may be
    told in other words, and only say where.
    """
    request, row = await stored_request(engine, settlement)
    receipt = row["receipt"]
    tell(0, None, "records")
    used = str(row["digest"]).partition(":")[0]
    result, again, _, rollup_equal = await compute(
        engine, request, algorithm=used, adjusts=row["adjusts"], from_records=True
    )
    kept, different, retold = await _unlike_stored(engine, settlement, result, tell)
    whole = {"totals": result.totals, "match_lines": [match.as_dict() for match in result.matches]}
    different_whole = sorted(name for name, value in whole.items() if _plain(value) != row[name])
    inputs = sorted(name for name in receipt["inputs"] if receipt["inputs"][name] != again["inputs"].get(name))
    same_words = not retold or receipt["code"] != again["code"]
    return {
        "settlement": settlement,
        "equal": rollup_equal and same_words and not (different or different_whole) and result.digest == row["digest"],
        "digest": row["digest"],
        "recomputed_digest": result.digest,
        "lines": kept,
        "different_lines": different[:100],
        "different_steps": retold[:100],
        "different_sums": different_whole,
        "different_inputs": inputs,
        "rollup_equal": rollup_equal,
        "journal_digest_equal": receipt["journal_digest"] == again["journal_digest"],
        "code": {"then": receipt["code"], "now": again["code"]},
    }


async def _unlike_stored(
    engine: AsyncEngine, settlement: str, result: Settlement, tell: Tell
) -> tuple[int, list[str], list[str]]:
    """Return how many lines are stored, and the codes of those whose line, and whose working, differ from `result`."""
    different: list[str] = []
    retold: list[str] = []
    kept = 0
    seen = []
    async with engine.connect() as held:
        async for block in stored_texts(await driver(held), settlement):
            lines, workings = await asyncio.to_thread(_compare, result, block)
            different += lines
            retold += workings
            kept += block.height
            tell(kept, result.lines.height, "compare")
            seen.append(block["uscc"])
    stored = pl.concat(seen) if seen else pl.Series([], dtype=pl.String)
    different += result.lines.filter(~pl.col("uscc").is_in(stored.implode()))["uscc"].to_list()
    return kept, sorted(different), retold


def _compare(result: Settlement, block: pl.DataFrame) -> tuple[list[str], list[str]]:
    """Return the codes of a block's lines whose line, and whose working alone, differ from what was computed."""
    computed = stored_lines(result.between(block["uscc"][0], block["uscc"][-1]))
    both = block.join(computed, on="uscc", how="left", suffix="_again", maintain_order="left")
    beside = pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{name}_again")) for name in BESIDE)
    unlike = both.filter(
        beside | pl.col("line").ne_missing(pl.col("line_again"))
        | pl.col("working").ne_missing(pl.col("working_again"))
    )  # fmt: skip
    different, retold = [], []
    setting = Setting.of(result)
    for row in unlike.iter_rows(named=True):  # other code may have written the same in other words
        line, working, line_again, working_again = (
            json.loads(row[name] or "null") for name in ("line", "working", "line_again", "working_again")
        )
        if line != line_again or any(row[name] != row[f"{name}_again"] for name in BESIDE):
            different.append(row["uscc"])
        elif not _says(working, line, setting, working_again):
            retold.append(row["uscc"])
    return different, retold


def _says(working: Any, line: Any, setting: Setting, again: Any) -> bool:
    """Return whether a stored working says what was computed again: in whichever form it was kept, or as steps."""
    if working == again:
        return True
    if not isinstance(working, dict) or "values" not in working or "values" not in again:
        return bool(working == _plain(told(setting, line, again)))
    return whole_working(line, working) == whole_working(line, again)


def _plain(value: Any) -> Any:
    """Return a value as it comes back from JSON."""
    return json.loads(json.dumps(value, ensure_ascii=False, default=str)) if value is not None else None
