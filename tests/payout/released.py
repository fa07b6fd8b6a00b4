"""Payments that two people released, and passes of our own job over them, in a test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from meter.database.scope import PROVINCE, acting
from settlement.payout.gateways import Gateway, Worker
from tests.payout.conftest import Paying
from tests.support.api_client import KeyClient, good
from tests.support.clock import later
from tests.support.worlds import post

EVERYTHING = 1000


async def made(payer: KeyClient, path: str, said: dict[str, Any]) -> dict[str, Any]:
    """What was made: the answer is 201."""
    answer = await post(payer, path, said)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def proposed(paying: Paying, instructions: Sequence[int] | None = None) -> dict[str, Any]:
    """A run that the payer proposes."""
    said = {"settlement": paying.settlement, "note": "第一批"}
    more = {} if instructions is None else {"instructions": list(instructions)}
    return await made(paying.people.payer, "/payout-runs", {**said, **more})


async def released(paying: Paying, instructions: Sequence[int] | None = None) -> dict[str, Any]:
    """A run that the payer proposes and the approver releases."""
    run = await proposed(paying, instructions)
    done = good(await post(paying.people.approver, f"/payout-runs/{run['id']}/approve", {"digest": run["digest"]}))
    assert done["status"] == "released"
    return done


async def a_pass(
    paying: Paying, gateway: Gateway, *, hours: int = 0, limit: int = EVERYTHING, name: str = "w"
) -> list[dict[str, Any]]:
    """One pass of our own job, so many hours from now."""
    ahead = timedelta(hours=hours)
    worker = Worker(name, limit, "command line", lambda: datetime.now(UTC) + ahead)
    async with later(paying.owner, hours=hours):
        with acting(PROVINCE):
            return await gateway.one_pass(paying.door.engine, worker)
