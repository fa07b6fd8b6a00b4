"""The payout job against a bank that answers: lease, ask or send, mark; one instruction after another.

Before the bank is called, the lease with its reference is committed. Whatever then happens (a crash, silence, garbage)
leaves the instruction leased or unknown, and whoever leases it next asks the bank first. What the bank does not find is
handed over again only after `resend_after`, and under the same reference, which the bank takes once.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from settlement.errors import Disputed, NotAllowed
from settlement.payout.bank_protocol import FAILED, NOT_FOUND, PAID, RETURNED, WORKING, Answer, Bank, BankSilent
from settlement.payout.instructions import claim, mark, without_account
from settlement.payout.refusals import keep_refusal

RESEND_AFTER = timedelta(hours=24)  # some banks know a payment only the next day


async def work(
    engine: AsyncEngine,
    bank: Bank,
    *,
    worker: str,
    limit: int,
    actor: str,
    clock: Callable[[], datetime],
    resend_after: timedelta = RESEND_AFTER,
    step: Callable[[str], None] = lambda _: None,
) -> list[dict[str, Any]]:
    """One pass over up to `limit` instructions; what became of each.

    `step` is called with the name of each step before it is taken: tests stop there.
    """
    done = []
    step("claim")
    for instruction in await claim(engine, worker, limit, actor, clock()):
        try:
            done.append(await _pay(engine, bank, instruction, worker, actor, clock, resend_after, step))
        except NotAllowed as refusal:  # overtaken, or the bank contradicts us: it is on record, go on with the next
            await _keep(engine, refusal, instruction, actor)
            done.append({**instruction, "status": refusal.code})
        step("marked")
    return done + [{**one, "status": "ACCOUNT_MISSING"} for one in await without_account(engine, limit)]


async def follow_up(
    engine: AsyncEngine, bank: Bank, known: list[dict[str, Any]], *, actor: str, clock: Callable[[], datetime]
) -> list[dict[str, Any]]:
    """Ask again about what is paid or disputed: money may come back (退汇), and a dispute may wait for an outcome."""
    done = []
    for instruction in known:
        try:
            answer = await bank.ask(instruction["reference"])
        except BankSilent:
            continue
        if answer.outcome not in (PAID, FAILED, RETURNED) or (answer.outcome == PAID == instruction["status"]):
            continue
        try:
            done.append(
                await mark(engine, instruction["id"], answer.outcome, said=_said(answer), actor=actor, moment=clock())
            )
        except NotAllowed as refusal:
            await _keep(engine, refusal, instruction, actor)
            done.append({**instruction, "status": refusal.code})
    return done


async def _keep(engine: AsyncEngine, refusal: NotAllowed, instruction: dict[str, Any], actor: str) -> None:
    """Store a refusal; a contradiction is on record as the event that it made."""
    if not isinstance(refusal, Disputed):
        about = instruction["reference"]
        await keep_refusal(engine, refusal, instruction=instruction["id"], about=about, word="answer", actor=actor)


async def _pay(
    engine: AsyncEngine,
    bank: Bank,
    instruction: dict[str, Any],
    worker: str,
    actor: str,
    clock: Callable[[], datetime],
    resend_after: timedelta,
    step: Callable[[str], None],
) -> dict[str, Any]:
    lease = {"worker": worker, "fence": instruction["fence"]}
    try:
        if instruction["ask_first"]:
            step("ask")
            answer = await bank.ask(instruction["reference"])
            sent = instruction["first_sent_at"]
            waited = sent is None or clock() - sent >= resend_after
            if answer.outcome == NOT_FOUND and waited:
                step("send again")
                answer = await bank.send(instruction["reference"], instruction["amount_fen"], instruction["account"])
        else:
            step("send")
            answer = await bank.send(instruction["reference"], instruction["amount_fen"], instruction["account"])
    except BankSilent as silence:
        step("mark unknown")
        return await mark(
            engine, instruction["id"], "unknown", said={**lease, "note": str(silence)}, actor=actor, moment=clock()
        )
    step("mark")
    marked = {PAID: "paid", FAILED: "failed", WORKING: "submitted", NOT_FOUND: "unknown", RETURNED: "returned"}
    after = marked[answer.outcome]
    return await mark(engine, instruction["id"], after, said={**lease, **_said(answer)}, actor=actor, moment=clock())


def _said(answer: Answer) -> dict[str, Any]:
    found = {"bank_reference": answer.bank_reference, "amount_fen": answer.amount_fen, "job": "worker"}
    return {name: value for name, value in found.items() if value is not None}
