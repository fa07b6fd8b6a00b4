"""The payout job against a bank that exchanges files: one file an instruction out, one file an answer in.

`out/REFERENCE.json` is an instruction; its name is the bank's unique reference, so handing it over again is the same
file with the same bytes. `in/REFERENCE.json` is the bank's answer: {"status": "paid" | "failed" | "returned",
"bank_reference": "...", "amount_fen": ...}. The lease is committed before a file is written, and the mark after it: the
instruction is `handed_over` then, is not leased again, and waits for its answer however long that takes. A crash
between the two leaves a file that a later run finds and does not write a second time. What cannot be booked goes to
`in/set-aside/`, its reason beside it, and into the database for a person to read; the rest goes on.
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
from settlement.errors import Disputed, NotAllowed
from settlement.payout.answers import answer_files, contents_of, read_answer, set_aside, write_durably
from settlement.payout.instructions import claim, without_account
from settlement.payout.marks import mark
from settlement.payout.refusals import keep_refusal, printable
from settlement.store.instructions import instruction_of_issue


async def exchange(
    engine: AsyncEngine,
    folder: Path,
    *,
    worker: str,
    limit: int,
    actor: str,
    clock: Callable[[], datetime],
    step: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """Make one pass: take in the bank's answers, then hand over what is ready. Return what changed, one mapping each.

    `step` is called with the name of each step before it is taken: tests stop there.
    """
    for name in ("out", "in"):
        (folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
    done = []
    for name in answer_files(folder / "in"):
        step("answer")
        changed = await _take_in(engine, folder / "in", name, actor, clock)
        done += [changed] if changed else []
    step("claim")
    for instruction in await claim(engine, worker, limit, actor, clock()):
        try:
            step("write")
            name = _hand_over(folder / "out", instruction)
            step("mark")
            said = {"worker": worker, "fence": instruction["fence"], "handed_over_as": name}
            done.append(await mark(engine, instruction["id"], "handed_over", said=said, actor=actor, moment=clock()))
        except NotAllowed as refusal:
            about = instruction["reference"]
            await keep_refusal(
                engine, refusal, instruction=instruction["id"], about=about, word="handed_over", actor=actor
            )
            done.append({"reference": about, "status": refusal.code, "amount_fen": instruction["amount_fen"]})
        step("marked")
    return done + [{**one, "status": "ACCOUNT_MISSING"} for one in await without_account(engine, limit)]


def _hand_over(folder: Path, instruction: dict[str, Any]) -> str:
    """Write the instruction's file once, durably; its name. Raises NotAllowed: FILE_DIFFERS."""
    path = folder / f"{instruction['reference']}.json"
    text = json.dumps(
        {name: instruction[name] for name in ("reference", "uscc", "amount_fen", "account")},
        ensure_ascii=False, sort_keys=True,
    ).encode()  # fmt: skip
    if not os.path.lexists(path):
        write_durably(path, text)
    elif contents_of(path, len(text) + 1) != text:
        raise NotAllowed("FILE_DIFFERS", f"{path.name} is there already, and is not what would be handed over")
    return path.name


async def _take_in(
    engine: AsyncEngine, folder: Path, name: str, actor: str, clock: Callable[[], datetime]
) -> dict[str, Any] | None:
    """Book one answer, or set it aside; what changed, if anything did."""
    number = None
    word = "answer"
    try:
        answer = read_answer(folder, name)
        word = answer.status
        async with engine.connect() as held:
            known = await instruction_of_issue(await driver(held), answer.reference)
        if known is None:
            raise NotAllowed("NO_SUCH_REFERENCE", "no instruction has, or had, this reference")
        number = known["id"]
        said = {
            "bank_reference": answer.bank_reference, "amount_fen": answer.amount_fen, "file": name, "job": "files",
        }  # fmt: skip
        after = await mark(engine, number, word, said=said, actor=actor, moment=clock(), issue=answer.reference)
    except Disputed as contradiction:
        said_of = {"reference": answer.reference, "amount_fen": answer.amount_fen}
        return {**said_of, "status": f"disputed: {contradiction.code}"}
    except NotAllowed as refusal:
        await keep_refusal(engine, refusal, instruction=number, about=name, word=word, actor=actor, file=name)
        return {"reference": printable(name), "status": _aside(folder, name, refusal), "amount_fen": 0}
    return after if after["status"] != known["status"] else None


def _aside(folder: Path, name: str, refusal: NotAllowed) -> str:
    try:
        set_aside(folder, name, refusal.code, refusal.detail)
    except OSError as error:
        return f"could not be set aside ({error.strerror}): {refusal.code}"
    return f"set aside: {refusal.code}"
