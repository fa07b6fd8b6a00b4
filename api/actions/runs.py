"""Asking for settlements and adjustments on somebody's behalf: for keys over HTTP and for people."""

from __future__ import annotations

from dataclasses import asdict, replace

from api.actions.actor import Actor
from api.http.errors import refusal
from api.http.problem import Problem
from api.queue.job import Job, Output
from api.service import Service
from meter.database.connect import driver
from settlement.errors import SettlementRefused
from settlement.jobs import settle
from settlement.store.settlements import get_settlement

SCOPE = "settlement:run"


def refused(error: SettlementRefused) -> Problem:
    """Return a refused settlement as a problem document."""
    return refusal(error.code, error.detail, otherwise=422)


async def run(service: Service, hand: Actor, wanted: settle.Request) -> Job:
    """Ask for a settlement; the job whose result names it. Raises Problem."""
    if SCOPE not in hand.scopes or hand.city is not None:
        raise Problem(403, "scope_missing", f"this needs the scope {SCOPE}, for the whole province")
    try:
        settle.check(wanted)
    except SettlementRefused as error:
        raise refused(error) from None
    return await service.jobs.ask("settle", asdict(wanted))


async def adjust(service: Service, hand: Actor, locked: str) -> Job:
    """Settle what arrived since a lock, under the same order and readings. Raises Problem."""
    async with service.engine.connect() as held:
        found = await get_settlement(await driver(held), locked)
    if found is None:
        raise Problem(404, "no_such_settlement", f"there is no settlement {locked!r}")
    if found["status"] not in ("locked", "paid"):
        raise Problem(409, "STATE_NOT_ALLOWED", "only a locked settlement is adjusted")
    asked, _ = await settle.stored_request(service.engine, locked)
    return await run(service, hand, replace(asked, as_of=None))


async def asked_about(service: Service, kind: str, number: str, output: Output | None = None) -> Job:
    """Ask for a job about a stored settlement, which may give a file. Raises Problem 404."""
    try:
        await settle.stored_request(service.engine, number)
    except SettlementRefused as error:
        raise refused(error) from None
    return await service.jobs.ask(kind, {"settlement": number}, output)
