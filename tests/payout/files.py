"""The payout job's files in a test: a pass of it so many seconds from now, and the bank's answers."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from meter.database.connect import driver
from meter.database.scope import PROVINCE, acting
from settlement.payout.bank_files import exchange
from settlement.store.instructions import events_of, ledger, list_instructions
from settlement.store.payout_refusals import list_refusals
from tests.payout.conftest import Paying
from tests.support.clock import later

EVERYTHING = 1000


async def run_job(
    paying: Paying,
    folder: Path,
    *,
    limit: int = EVERYTHING,
    seconds: int = 0,
    step: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """One pass of the job so many seconds from now; what it said."""
    async with later(paying.owner, seconds=seconds):
        with acting(PROVINCE):
            return await exchange(
                paying.door.engine, folder, worker="w", limit=limit, actor="command line", step=step,
                clock=lambda: datetime.now(UTC),
            )  # fmt: skip


def answer(folder: Path, reference: str, status: str = "paid", **said: object) -> None:
    """Drop an answer of the bank, with a reference of its own and the amount of the instruction."""
    sent = json.loads((folder / "out" / f"{reference}.json").read_bytes())
    body = {"status": status, "bank_reference": f"B-{reference}"[-64:], "amount_fen": sent["amount_fen"], **said}
    (folder / "in" / f"{reference}.json").write_text(json.dumps(body))


async def instructions(paying: Paying) -> list[dict[str, Any]]:
    """All instructions of the settlement, in order of their numbers."""
    with acting(PROVINCE):
        async with paying.door.engine.connect() as held:
            return await list_instructions(await driver(held), None, paying.settlement, 0, EVERYTHING)


async def instruction(paying: Paying, number: int) -> dict[str, Any]:
    """One instruction as it is now."""
    with acting(PROVINCE):
        async with paying.door.engine.connect() as held:
            [found] = await list_instructions(await driver(held), None, paying.settlement, number - 1, 1)
    return found


async def events(paying: Paying, number: int) -> list[dict[str, Any]]:
    """What happened to an instruction."""
    with acting(PROVINCE):
        async with paying.door.engine.connect() as held:
            return await events_of(await driver(held), number)


async def balance(paying: Paying) -> dict[str, int]:
    """Our ledger: the bank's reference -> fen."""
    with acting(PROVINCE):
        async with paying.door.engine.connect() as held:
            return await ledger(await driver(held), paying.settlement)


async def refusals(paying: Paying) -> list[dict[str, Any]]:
    """What was not booked, the newest first."""
    with acting(PROVINCE):
        async with paying.door.engine.connect() as held:
            return await list_refusals(await driver(held), None, EVERYTHING)
