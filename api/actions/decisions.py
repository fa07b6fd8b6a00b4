"""Decisions about a settlement, by whoever: one door for keys over HTTP and for people in the console.

What may be decided when and by whom, the database says; here stands what a decision has to carry, and which scope.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from api.actions.actor import LARGEST, Actor, require_texts
from api.clock import now
from api.http.errors import refusal
from api.http.problem import Problem
from meter.audit.store import note_refusal
from settlement.errors import NotAllowed
from settlement.jobs.findings import find
from settlement.jobs.verify import verify
from settlement.review.states import move
from settlement.rounds.readings import NOTICE_DAYS_MAX
from settlement.vocabulary import REVIEW_DECISIONS, RULINGS

LOG = structlog.get_logger("suanbu")
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


async def decide(engine: AsyncEngine, hand: Actor, settlement: str, event: str, said: Mapping[str, Any]) -> str:
    """Take a decision; the state reached. Refusals are in the audit log.

    Raises Problem: 403 for who lacks the scope, is bound to another city or took part already; 400 for what a decision
    must carry; 404 for what is not there; 409 for what the state or the conditions do not allow.
    """
    try:
        detail = complete(hand, event, said)
        reached = await move(
            engine, settlement, event, actor=hand.actor, moment=now(), detail=detail,
            check=partial(_reproduced, engine, settlement) if event == "lock" else None,
        )  # fmt: skip
    except NotAllowed as error:
        await note_refusal(engine, hand.actor, f"settlement.{event}", settlement, error.code)
        raise refusal(error.code, error.detail) from None
    except Problem as problem:
        if problem.status == 403:
            await note_refusal(engine, hand.actor, f"settlement.{event}", settlement, problem.code)
        raise
    if event == "submit":
        await _look(engine, settlement)
    return reached


async def _reproduced(engine: AsyncEngine, settlement: str) -> None:
    """Recompute what is about to be locked from the records themselves. Raises NotAllowed where that gives another."""
    verdict = await verify(engine, settlement)
    if not verdict["equal"]:
        unlike = sorted(name for name, value in verdict.items() if name.startswith("different_") and value)
        where = ", ".join([*unlike, *([] if verdict["rollup_equal"] else ["rollup"])]) or "digest"
        raise NotAllowed("NOT_REPRODUCED", f"recomputed from the records it differs in: {where}; see verify")


async def _look(engine: AsyncEngine, settlement: str) -> None:
    """Look for what the reviewers should look at. That it fails takes nothing back: they can have it done again."""
    try:
        await find(engine, settlement, now())
    except Exception:
        LOG.exception("the sweeps of a submitted settlement failed", settlement=settlement)


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
