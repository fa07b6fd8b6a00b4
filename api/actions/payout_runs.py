"""Payout runs and their rule, by whoever: one door for keys over HTTP and for people in the console."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy.ext.asyncio import AsyncEngine

from api.actions.actor import LARGEST, Actor, require_texts
from api.clock import now
from api.http.errors import refusal
from api.http.problem import Problem
from meter.audit.store import note_refusal
from meter.database.connect import driver
from settlement.errors import NotAllowed
from settlement.payout.batch_format import ENCODINGS
from settlement.payout.desk_file import file_again, hand_over_run
from settlement.payout.runs import RUN_MAX, confirm, decide_run, propose_rule, propose_run
from settlement.report.payment_list import payment_list_csv, payment_list_xlsx
from settlement.store.payout_runs import note_payment_list, payments_of, run_of
from settlement.vocabulary import PAYOUT_LEASES

Done = TypeVar("Done")
SCOPES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "propose": ("payout:run",), "approve": ("settlement:approve",), "reject": ("settlement:approve", "payout:run"),
    "stop": ("settlement:approve", "payout:run"), "propose_rule": ("payout:run", "settlement:approve"),
    "confirm": ("settlement:approve",), "hand_over": ("payout:run",),
}  # fmt: skip
"""Who may: each of these scopes is enough."""
LISTS: Final[Mapping[str, tuple[Callable[..., bytes], str]]] = {
    "xlsx": (payment_list_xlsx, "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"),
    "csv": (payment_list_csv, "text/csv; charset=utf-8"),
}


async def propose(
    engine: AsyncEngine, hand: Actor, settlement: str, instructions: Sequence[int] | None, note: str | None
) -> dict[str, Any]:
    """Propose a run of a settlement; the run. Refusals are in the audit log. Raises Problem."""
    _admitted(hand, "propose", note)
    if instructions is not None and not 1 <= len(instructions) <= RUN_MAX:
        raise Problem(400, "out_of_range", f"instructions names 1 to {RUN_MAX} payments")
    if any(not 0 < one < LARGEST for one in instructions or ()):
        raise Problem(400, "out_of_range", "an instruction's number is out of range")
    return await _kept(
        engine, hand, "payout_run.propose", settlement,
        propose_run(engine, settlement, instructions, note=note, actor=hand.actor),
    )  # fmt: skip


async def decide(
    engine: AsyncEngine, hand: Actor, run: int, event: str, digest: str | None, note: str | None
) -> dict[str, Any]:
    """Release, reject or stop a run; the run. Refusals are in the audit log. Raises Problem."""
    _admitted(hand, event, note)
    if not 0 < run < LARGEST:
        raise Problem(404, "NO_SUCH_RUN", f"there is no payout run {run}")
    return await _kept(
        engine, hand, f"payout_run.{event}", str(run),
        decide_run(engine, run, event, digest=digest, note=note, actor=hand.actor),
    )  # fmt: skip


async def payment_list(engine: AsyncEngine, hand: Actor, run: int, kind: str) -> tuple[bytes, str]:
    """The payment list of a released run and its media type; handing it out is in the audit log. Raises Problem."""
    _admitted(hand, "propose", None)
    if kind not in LISTS:
        raise Problem(404, "no_such_report", f"a payment list comes as {' or '.join(LISTS)}")
    async with engine.connect() as held:
        connection = await driver(held)
        found = await run_of(connection, run) if 0 < run < LARGEST else None
        if found is None or found["status"] != "released":
            raise Problem(404, "NO_SUCH_RUN", f"there is no released payout run {run}")
        payments = await payments_of(connection, run)
        await note_payment_list(connection, run, kind, len(payments))
    write, media_type = LISTS[kind]
    return await asyncio.to_thread(write, found, payments), media_type


async def bank_file(engine: AsyncEngine, hand: Actor, run: int, encoding: str) -> str:
    """Hand over what waits of a released run in a file that a person takes to the bank; its name. Raises Problem."""
    _admitted(hand, "hand_over", None)
    if encoding not in ENCODINGS:
        raise Problem(400, "bad_request", f"encoding is one of {', '.join(ENCODINGS)}")
    return await _kept(
        engine, hand, "payout_run.hand_over", str(run),
        hand_over_run(engine, run, encoding, actor=hand.actor, clock=now),
    )  # fmt: skip


async def bank_file_again(engine: AsyncEngine, hand: Actor, name: str) -> bytes:
    """A file that was handed over, written again; handing it out is in the audit log. Raises Problem."""
    _admitted(hand, "hand_over", None)
    try:
        return await file_again(engine, name)
    except NotAllowed as error:
        raise refusal(error.code, error.detail) from None


async def rule(engine: AsyncEngine, hand: Actor, said: Mapping[str, Any]) -> dict[str, Any]:
    """Propose a rule; it. Raises Problem."""
    note = said.get("note")
    _admitted(hand, "propose_rule", note)
    leases, limits = said.get("leases", "own"), (said.get("run_limit_fen"), said.get("payee_limit_fen"))
    if leases not in PAYOUT_LEASES or any(one is not None and not 0 < one < LARGEST for one in limits):
        raise Problem(400, "out_of_range", f"leases is {' or '.join(PAYOUT_LEASES)}; a limit is above 0")
    return await _kept(
        engine, hand, "payout_rule.propose", leases, propose_rule(engine, leases, *limits, note=note, actor=hand.actor)
    )


async def confirm_rule(engine: AsyncEngine, hand: Actor, number: int, note: str | None) -> dict[str, Any]:
    """Put a rule in force that another hand proposed; it. Raises Problem."""
    _admitted(hand, "confirm", note)
    if not 0 < number < LARGEST:
        raise Problem(404, "NO_SUCH_RULE", f"there is no payout rule {number}")
    return await _kept(
        engine, hand, "payout_rule.confirm", str(number), confirm(engine, number, note=note, actor=hand.actor)
    )


def _admitted(hand: Actor, word: str, note: str | None) -> None:
    if not hand.scopes & set(SCOPES_OF[word]) or hand.city is not None:
        wanted = " or ".join(SCOPES_OF[word])
        raise Problem(403, "scope_missing", f"this needs the scope {wanted}, for the whole province")
    require_texts({"note": note})


async def _kept(engine: AsyncEngine, hand: Actor, action: str, about: str, doing: Awaitable[Done]) -> Done:
    """Do it, and keep that somebody was refused."""
    try:
        return await doing
    except NotAllowed as error:
        await note_refusal(engine, hand.actor, action, about, error.code)
        raise refusal(error.code, error.detail) from None
