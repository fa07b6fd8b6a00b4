"""Running settlements and adjustments on somebody's behalf, one at a time: for keys over HTTP and for people."""

from __future__ import annotations

import time
from dataclasses import replace

from api.actions.actor import Actor
from api.clock import now
from api.http import metrics
from api.http.errors import refusal
from api.http.problem import Problem
from api.service import Service
from meter.database.connect import driver
from settlement.errors import SettlementRefused
from settlement.jobs import settle
from settlement.store.settlements import get_settlement

SCOPE = "settlement:run"


def refused(error: SettlementRefused) -> Problem:
    """Return a refused settlement as a problem document."""
    return refusal(error.code, error.detail, otherwise=422)


async def run(service: Service, hand: Actor, wanted: settle.Request) -> str:
    """Run a settlement; its number. Raises Problem."""
    if SCOPE not in hand.scopes or hand.city is not None:
        raise Problem(403, "scope_missing", f"this needs the scope {SCOPE}, for the whole province")
    started = time.perf_counter()
    try:
        async with service.settling:
            number, _ = await settle.run(
                service.engine, wanted, actor=hand.actor, algorithm=service.settings.algorithm, moment=now()
            )
    except SettlementRefused as error:
        raise refused(error) from None
    metrics.SETTLE_SECONDS.observe(time.perf_counter() - started)
    return number


async def adjust(service: Service, hand: Actor, locked: str) -> str:
    """Settle what arrived since a lock, under the same order and readings; the new settlement. Raises Problem."""
    async with service.engine.connect() as held:
        found = await get_settlement(await driver(held), locked)
    if found is None:
        raise Problem(404, "no_such_settlement", f"there is no settlement {locked!r}")
    if found["status"] not in ("locked", "paid"):
        raise Problem(409, "STATE_NOT_ALLOWED", "only a locked settlement is adjusted")
    asked, _ = await settle.stored_request(service.engine, locked)
    return await run(service, hand, replace(asked, as_of=None))
