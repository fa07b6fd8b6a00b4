"""Decisions about a settlement, by whoever: one door for keys over HTTP and for people in the console.

What may be decided when and by whom, the database says; here stands what a decision has to carry, and which scope.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from api.actions.actor import LARGEST, Actor, require_texts
from api.clock import now
from api.http.errors import refusal
from api.http.problem import Problem
from api.queue.job import Job
from api.service import Service
from meter.audit.store import note_refusal
from meter.database.connect import driver
from meter.journal.queries import unlike_its_receipt
from settlement.errors import NotAllowed
from settlement.jobs.progress import Tell
from settlement.jobs.verify import verify
from settlement.review.states import check_possible, move
from settlement.rounds.readings import NOTICE_DAYS_MAX
from settlement.store.settlements import Basis, basis_of, stored_settlement
from settlement.vocabulary import REVIEW_DECISIONS, RULINGS

Within = Callable[[asyncpg.Connection], Awaitable[None]]
DECISION_SCOPE: Final[Mapping[str, str]] = {
    "submit": "settlement:run", "review": "settlement:review", "approve": "settlement:approve",
    "return": "settlement:approve",
    "publish": "settlement:approve", "objection": "settlement:review", "ruling": "settlement:approve",
    "lock": "settlement:approve", "cancel": "settlement:run",
}  # fmt: skip
OF_A_CITY: Final = ("review", "objection")  # open to who is bound to a city, for its own lines
FIELDS: Final[Mapping[str, Mapping[str, type]]] = {
    "submit": {"note": str},
    "review": {"city": str, "decision": str, "note": str},
    "approve": {"note": str, "digest": str},
    "return": {"note": str},
    "publish": {"days": int, "note": str},
    "objection": {"uscc": str, "note": str, "by": str},
    "ruling": {"decision": str, "note": str, "objection": int},
    "lock": {"note": str},
    "cancel": {"note": str},
}
CHOICES: Final[Mapping[str, tuple[str, ...]]] = {"review": REVIEW_DECISIONS, "ruling": RULINGS}


async def decide(service: Service, hand: Actor, settlement: str, event: str, said: Mapping[str, Any]) -> Job | None:
    """Take a decision; the job that belongs to it, if any. Refusals are in the audit log.

    A lock is decided in its job, which recomputes first. With a submission goes a job that looks for findings.
    Raises Problem: 403 for who lacks the scope, is bound to another city or took part already; 400 for what a decision
    must carry; 404 for what is not there; 409 for what the state or the conditions do not allow.
    """
    asked: list[int] = []

    async def sweep(connection: asyncpg.Connection) -> None:
        asked.append(await service.jobs.ask_within(connection, "findings", {"settlement": settlement}))

    async with _refusals_noted(service.engine, hand, settlement, event):
        detail = complete(hand, event, said)
        if event == "lock":
            return await service.jobs.ask("lock", {"settlement": settlement, "said": dict(said)})
        await move(
            service.engine, settlement, event, actor=hand.actor, moment=now(), detail=detail,
            check=sweep if event == "submit" else None,
        )  # fmt: skip
    return await service.jobs.get(asked[0]) if asked else None


async def lock(
    engine: AsyncEngine, hand: Actor, settlement: str, said: Mapping[str, Any], *, tell: Tell, within: Within
) -> None:
    """Recompute a settlement from the records themselves, then lock it, if nothing has changed meanwhile.

    What stands against the lock is told before anything is computed. No connection is held while it is computed.
    `within` is awaited in the transaction of the lock. Raises Problem.
    """
    async with _refusals_noted(engine, hand, settlement, "lock"):
        detail, moment = complete(hand, "lock", said), now()
        await check_possible(engine, settlement, "lock", actor=hand.actor, moment=moment, detail=detail)
        seen = await _reproduced(engine, settlement, tell)
        tell(0, None, "lock")

        async def unchanged(connection: asyncpg.Connection) -> None:
            if await basis_of(connection, settlement) != seen:
                raise NotAllowed("NOT_REPRODUCED", "what it stands on has changed since it was recomputed: lock again")
            await within(connection)

        await move(engine, settlement, "lock", actor=hand.actor, moment=moment, detail=detail, check=unchanged)


@asynccontextmanager
async def _refusals_noted(engine: AsyncEngine, hand: Actor, settlement: str, event: str) -> AsyncIterator[None]:
    """Keep on record that somebody was refused a decision, and answer it as a Problem."""
    try:
        yield
    except NotAllowed as error:
        await note_refusal(engine, hand.actor, f"settlement.{event}", settlement, error.code)
        raise refusal(error.code, error.detail) from None
    except Problem as problem:
        if problem.status == 403:
            await note_refusal(engine, hand.actor, f"settlement.{event}", settlement, problem.code)
        raise


async def _reproduced(engine: AsyncEngine, settlement: str, tell: Tell) -> Basis:
    """Recompute what is about to be locked; what it stood on. Raises NotAllowed where that gives another."""
    async with engine.connect() as held:
        connection = await driver(held)
        seen = await basis_of(connection, settlement)
        as_of = (await stored_settlement(connection, settlement))["as_of"]
        if foreign := await unlike_its_receipt(connection, as_of):
            detail = f"batch {foreign} holds other records than its receipt says; see suanbu verify journal"
            raise NotAllowed("NOT_REPRODUCED", detail)
    verdict = await verify(engine, settlement, tell)
    if not verdict["equal"] or verdict["recomputed_digest"] != seen.digest:
        unlike = sorted(name for name, value in verdict.items() if name.startswith("different_") and value)
        where = ", ".join([*unlike, *([] if verdict["rollup_equal"] else ["rollup"])]) or "digest"
        raise NotAllowed("NOT_REPRODUCED", f"recomputed from the records it differs in: {where}; see verify")
    return seen


def complete(hand: Actor, event: str, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a decision carries, as it is written down. Raises Problem 400 or 403."""
    if DECISION_SCOPE[event] not in hand.scopes:
        raise Problem(403, "scope_missing", f"this needs the scope {DECISION_SCOPE[event]}")
    if hand.city is not None and event not in OF_A_CITY:
        raise Problem(403, "city_limited", "this is not open to who is bound to one city")
    given = dict(said)
    require_texts(given)
    choices = CHOICES.get(event)
    if choices and given.get("decision") not in choices:
        raise Problem(400, "bad_request", f"decision is {' or '.join(choices)}")
    if (event in ("return", "objection", "ruling") or given.get("decision") == "return") and not given.get("note"):
        raise Problem(400, "missing_field", "this decision needs a note")
    if not 0 <= given.get("days", 0) <= NOTICE_DAYS_MAX:
        raise Problem(400, "out_of_range", f"days must lie between 0 and {NOTICE_DAYS_MAX}")
    if event == "ruling" and not 0 < given.get("objection", 0) < LARGEST:
        raise Problem(404, "NO_SUCH_OBJECTION", "there is no such objection")
    if hand.city is not None and given.setdefault("city", hand.city) != hand.city:
        raise Problem(403, "OTHER_CITY", "who is bound to a city decides about its own lines only")
    if event == "approve" and "digest" in given:
        given["approved_digest"] = given.pop("digest")
    return given
