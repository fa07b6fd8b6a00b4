"""The payout job against a bank that exchanges files: one file an instruction out, one file an answer in.

`out/REFERENCE.json` is an instruction; its name is the bank's unique reference, so handing it over again is the same
file with the same bytes. `in/REFERENCE.json` is the bank's answer: {"status": "paid" | "failed" | "returned",
"bank_reference": "...", "amount_fen": ...}. The lease is committed before a file is written, and the mark after it; a
crash between the two leaves a file that the next run finds and does not write a second time.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.private_files import opened_privately
from settlement.errors import NotAllowed
from settlement.payout.instructions import claim, mark
from settlement.store.instructions import list_instructions

ANSWERS = ("paid", "failed", "returned")


async def exchange(
    engine: AsyncEngine, folder: Path, *, worker: str, limit: int, actor: str, clock: Callable[[], datetime]
) -> list[dict[str, Any]]:
    """One pass: take in the bank's answers, then hand over what is ready. What changed, one mapping each."""
    (folder / "out").mkdir(parents=True, exist_ok=True)
    (folder / "in").mkdir(parents=True, exist_ok=True)
    done = await _take_in(engine, folder / "in", actor, clock)
    for instruction in await claim(engine, worker, limit, actor, clock()):
        _hand_over(folder / "out", instruction)
        if instruction["status"] == "submitted":
            continue  # the bank has it; its answer will come as a file
        said = {"worker": worker, "fence": instruction["fence"]}
        done.append(await mark(engine, instruction["id"], "submitted", said=said, actor=actor, moment=clock()))
    return done


def _hand_over(folder: Path, instruction: dict[str, Any]) -> None:
    """Write the instruction's file once, durably; one that is there already is left as it is."""
    path = folder / f"{instruction['reference']}.json"
    text = json.dumps(
        {name: instruction[name] for name in ("reference", "uscc", "amount_fen", "account")},
        ensure_ascii=False, sort_keys=True,
    ).encode()  # fmt: skip
    if path.exists():
        return
    fresh = path.with_suffix(".part")
    with opened_privately(fresh) as file:  # it has an account in it
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    fresh.rename(path)


async def _take_in(
    engine: AsyncEngine, folder: Path, actor: str, clock: Callable[[], datetime]
) -> list[dict[str, Any]]:
    """Mark what the bank has answered. An answer that does not fit is left where it is and reported as such."""
    done: list[dict[str, Any]] = []
    answers = sorted(folder.glob("*.json"))  # noqa: ASYNC240 - a command line's own folder, nobody else waits
    for path in answers:
        async with engine.connect() as held:
            known = await list_instructions(await driver(held), None, None, 0, 1, reference=path.stem)
        try:
            answer = json.loads(path.read_bytes())
            status, reference, amount = answer["status"], str(answer["bank_reference"]), answer["amount_fen"]
        except (ValueError, KeyError, TypeError):
            answer = None
        if not known or answer is None or status not in ANSWERS or type(amount) is not int:
            done.append({"reference": path.stem, "status": "answer not understood", "amount_fen": 0})
            continue
        if known[0]["status"] == status:
            continue
        said = {"bank_reference": reference, "amount_fen": amount}
        try:
            done.append(await mark(engine, known[0]["id"], status, said=said, actor=actor, moment=clock()))
        except NotAllowed as error:
            done.append({"reference": path.stem, "status": f"answer refused: {error.code}", "amount_fen": amount})
    return done
