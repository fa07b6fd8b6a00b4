"""Moving a settlement from state to state: a decision is written down, and the database lets it happen or refuses."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from meter.names import folded
from settlement.errors import NotAllowed
from settlement.store.decisions import insert_decision

# decision -> the states in which it is possible: what the table settlement_transition says, for those who show choices
POSSIBLE: Final[Mapping[str, tuple[str, ...]]] = {
    "submit": ("computed", "returned"),
    "review": ("submitted", "reviewed"),
    "return": ("reviewed", "approved"),
    "approve": ("reviewed", "approved", "published"),  # again, when accounts have changed since
    "publish": ("approved",),
    "objection": ("published",),
    "ruling": ("published",),
    "lock": ("approved", "published"),
    "cancel": ("computed", "submitted", "returned", "reviewed", "approved", "published"),
}
# decision -> who cannot take it: whoever took one of these before (the database refuses SAME_PERSON)
_NOT_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "review": ("run", "submit", "approve"),
    "return": ("run", "submit", "review"),
    "approve": ("run", "submit", "review"),
    "publish": ("run", "submit"),
    "ruling": ("run", "submit"),
    "lock": ("run", "submit", "review"),
}
_RACES = {
    "settlement_first_locked_idx": "another settlement of this round was locked since this one was computed",
    "settlement_next_locked_idx": "another adjustment was locked since this one was computed",
}


async def move(
    engine: AsyncEngine,
    settlement: str,
    event: str,
    *,
    actor: str,
    moment: datetime,
    detail: Mapping[str, Any],
    check: Callable[[asyncpg.Connection], Awaitable[None]] | None = None,
) -> str:
    """Apply an event (submit, review, return, approve, publish, objection, ruling, lock, cancel); the state reached.

    Raises NotAllowed with the code that the database gives: NO_SUCH_SETTLEMENT, STATE_NOT_ALLOWED, SAME_PERSON,
    NOT_PAYABLE, DIGEST_CHANGED, FACT_BY_APPROVER, ACCOUNT_CHANGED, ACCOUNT_MISSING, REVIEW_MISSING, NOTICE_MISSING,
    NOTICE_RUNNING, OBJECTION_OPEN, CLAIM_ABOVE_PAID and the like; ROUND_LOCKED when another settlement of the round was
    faster. `check` is awaited in its transaction, between the decision and the commit; what it raises undoes the
    decision.
    """
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
                reached = await insert_decision(
                    connection, settlement, event, actor=actor, moment=moment, detail=detail
                )
                if check is not None:
                    await check(connection)
                return reached
        except asyncpg.UniqueViolationError as refusal:
            why = _RACES.get(refusal.constraint_name or "")
            if why is None:
                raise
            raise NotAllowed("ROUND_LOCKED", f"{why}: run it again") from None
        except asyncpg.CheckViolationError as refusal:
            raise NotAllowed(*refusal_of(refusal)) from None
        except asyncpg.InsufficientPrivilegeError:
            raise NotAllowed("OTHER_CITY", "who is bound to a city decides about its own lines only") from None


class _Possible(Exception):
    """Undoes a decision that was only tried."""


async def check_possible(
    engine: AsyncEngine, settlement: str, event: str, *, actor: str, moment: datetime, detail: Mapping[str, Any]
) -> None:
    """Try a decision and undo it, so that what stands against it is told before any long work. Raises NotAllowed."""

    async def undo(_: asyncpg.Connection) -> None:
        raise _Possible

    with contextlib.suppress(_Possible):
        await move(engine, settlement, event, actor=actor, moment=moment, detail=detail, check=undo)


def hand_of(actor: str) -> str:
    """Return whose hand it is, as the database's suanbu_hand says: a key and a person of one name are one hand."""
    return folded(re.sub(r"^(key|person):", "", actor))


def taken_part(event: str, actor: str, events: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether somebody has already done what keeps him from taking this decision."""
    others = _NOT_BY.get(event, ())
    return any(one["event"] in others and hand_of(one["actor"]) == hand_of(actor) for one in events)
