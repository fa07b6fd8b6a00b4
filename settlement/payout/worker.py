"""The payout job against a bank that answers: lease, ask or send, mark.

Before the bank is called, the lease with its reference is committed. Whatever then happens (a crash, silence, garbage)
leaves the instruction leased or unknown, and whoever leases it next asks the bank first. What the bank does not find is
handed over again only after `resend_after`, and under the same reference, which the bank takes once. Answers of a lot
are booked in one transaction; those that a crash takes with it are asked for again.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from settlement.errors import Disputed, NotAllowed
from settlement.payout.bank_protocol import (
    FAILED,
    NOT_FOUND,
    PAID,
    RETURNED,
    WORKING,
    Answer,
    AnswerRefused,
    Bank,
    BankSilent,
)
from settlement.payout.booking import Mark
from settlement.payout.boundary import crossing
from settlement.payout.instructions import LEASE_SECONDS, claim, without_account
from settlement.payout.marks import mark_all
from settlement.payout.refusals import keep_refusal
from settlement.store.payout_files import issues_to_follow

RESEND_AFTER = timedelta(hours=24)  # some banks know a payment only the next day
FOLLOW_FOR = timedelta(days=30)  # money comes back within days
LOT: Final = 20
LOT_SECONDS: Final = LEASE_SECONDS / 3  # what a lot may take: its answers are booked while its leases live
FOLLOWED_AT_ONCE: Final = 100
_MARKED: Final = {PAID: "paid", FAILED: "failed", WORKING: "submitted", NOT_FOUND: "unknown", RETURNED: "returned"}


@dataclass
class _Pass:
    """One pass: through which bank, who works, and what came of it so far."""

    engine: AsyncEngine
    bank: Bank
    worker: str
    actor: str
    clock: Callable[[], datetime]
    resend_after: timedelta
    step: Callable[[str], None]
    done: list[dict[str, Any]] = field(default_factory=list)
    halted: bool = False


async def work(  # noqa: PLR0913 - who pays, through what, how much, by which clock
    engine: AsyncEngine,
    bank: Bank,
    *,
    worker: str,
    limit: int,
    actor: str,
    clock: Callable[[], datetime],
    resend_after: timedelta = RESEND_AFTER,
    step: Callable[[str], None] = lambda _: None,
    gateway: str | None = None,
) -> list[dict[str, Any]]:
    """One pass over up to `limit` instructions; what became of each. Another amount than was due ends the pass.

    `gateway` is whose leases these are, as `claim` says. `step` is called with the name of each step before it is
    taken: tests stop there.
    """
    now = _Pass(engine, bank, worker, actor, clock, resend_after, step)
    left, lot = limit, min(limit, LOT)
    while left > 0 and not now.halted:
        step("claim")
        started = time.monotonic()
        leased = await claim(engine, worker, min(left, lot), actor, clock(), gateway=gateway)
        if not leased:
            break
        left -= len(leased)
        await _pay_lot(now, leased, started)
        took = max(time.monotonic() - started, 0.001)  # float: a duration, not a quantity
        lot = max(1, min(LOT, int(len(leased) * LOT_SECONDS / took)))  # a slow bank is handed fewer at a time
    return now.done + [{**one, "status": "ACCOUNT_MISSING"} for one in await without_account(engine, limit)]


async def follow_up(
    engine: AsyncEngine, bank: Bank, known: list[dict[str, Any]], *, actor: str, clock: Callable[[], datetime]
) -> list[dict[str, Any]]:
    """Ask again about what is paid, refused, replaced or disputed: money may come back (退汇), or have moved after all.

    `known` says of each `id`, `status` and `reference`; of an issue that was replaced that of the issue as `issue`.
    """
    marks, asked = [], []
    for instruction in known:
        issue = instruction.get("issue") or instruction["reference"]
        try:
            with crossing("ask again"):
                answer = await bank.ask(issue)
        except AnswerRefused as refusal:
            await _keep(engine, NotAllowed("ANSWER_NOT_UNDERSTOOD", str(refusal)), instruction, actor)
            continue
        except BankSilent:
            continue
        present = issue == instruction["reference"]
        if answer.outcome not in (PAID, FAILED, RETURNED) or (
            present and answer.outcome == instruction["status"] == PAID
        ):
            continue
        marks.append(Mark(instruction["id"], answer.outcome, _said(answer), issue))
        asked.append(instruction)
    return await _book(engine, marks, asked, actor, clock)


async def follow_all(
    engine: AsyncEngine, bank: Bank, *, actor: str, clock: Callable[[], datetime], follow_for: timedelta = FOLLOW_FOR
) -> list[dict[str, Any]]:
    """Ask about every issue of which there was news of late, earlier issues too; what changed."""
    done: list[dict[str, Any]] = []
    after = (0, "")
    while True:
        async with engine.connect() as held:
            rows = await issues_to_follow(await driver(held), clock() - follow_for, after, FOLLOWED_AT_ONCE)
        if not rows:
            return done
        after = (rows[-1]["id"], rows[-1]["issue"])
        known = [dict(row) for row in rows]
        changed = await follow_up(engine, bank, known, actor=actor, clock=clock)
        before = {one["id"]: one["status"] for one in known}
        done += [one for one in changed if one["status"] != before[one["id"]]]


async def _pay_lot(now: _Pass, leased: list[dict[str, Any]], started: float) -> None:
    """Ask or send one after the other, and book what the bank said; stop where the leases would not outlast it."""
    marks: list[Mark] = []
    asked: list[dict[str, Any]] = []
    for instruction in leased:
        if asked and time.monotonic() - started > LOT_SECONDS:
            break  # the rest is leased again when its time has come
        lease = {"worker": now.worker, "fence": instruction["fence"]}
        try:
            answer = await _asked_or_sent(now, instruction)
        except BankSilent as silence:
            now.step("mark unknown")
            if isinstance(silence, AnswerRefused):
                await _keep(now.engine, NotAllowed("ANSWER_NOT_UNDERSTOOD", str(silence)), instruction, now.actor)
            marks.append(Mark(instruction["id"], "unknown", {**lease, "note": str(silence)[:500]}))
        else:
            now.step("mark")
            marks.append(Mark(instruction["id"], _MARKED[answer.outcome], {**lease, **_said(answer)}))
            if answer.outcome in (PAID, RETURNED) and answer.amount_fen != instruction["amount_fen"]:
                now.halted = True
        asked.append(instruction)
        if now.halted:
            break
    now.done += await _book(now.engine, marks, asked, now.actor, now.clock)
    now.step("marked")


async def _asked_or_sent(now: _Pass, instruction: dict[str, Any]) -> Answer:
    """What the bank says: asked first where it may have the payment already. Raises BankSilent."""
    reference, may_send = instruction["reference"], instruction.get("may_send", True)
    if instruction["ask_first"]:
        now.step("ask")
        with crossing("ask"):
            answer = await now.bank.ask(reference)
        sent = instruction["first_sent_at"]
        waited = sent is None or now.clock() - sent >= now.resend_after
        if answer.outcome != NOT_FOUND or not waited or not may_send:
            return answer
        now.step("send again")
    else:
        if not may_send:
            raise BankSilent("the run was stopped before this was sent")
        now.step("send")
    with crossing("send"):
        return await now.bank.send(reference, instruction["amount_fen"], instruction["account"])


async def _book(
    engine: AsyncEngine,
    marks: list[Mark],
    asked: list[dict[str, Any]],
    actor: str,
    clock: Callable[[], datetime],
) -> list[dict[str, Any]]:
    """Book the marks together; what became of each. Whoever was overtaken or contradicted is on record, and told."""
    if not marks:
        return []
    done = []
    for instruction, found in zip(asked, await mark_all(engine, marks, actor=actor, moment=clock()), strict=True):
        if isinstance(found, NotAllowed):
            await _keep(engine, found, instruction, actor)
            done.append({**instruction, "status": found.code})
        else:
            done.append(found)
    return done


async def _keep(engine: AsyncEngine, refusal: NotAllowed, instruction: dict[str, Any], actor: str) -> None:
    """Store a refusal; a contradiction is on record as the event that it made."""
    if not isinstance(refusal, Disputed):
        about = instruction["reference"]
        await keep_refusal(
            engine, refusal, instruction=instruction["id"], about=about, word="answer", actor=actor, once=True
        )


def _said(answer: Answer) -> dict[str, Any]:
    found = {
        "bank_reference": answer.bank_reference, "amount_fen": answer.amount_fen, "note": answer.reason,
        "job": "worker",
    }  # fmt: skip
    return {name: value for name, value in found.items() if value is not None}
