"""Deciding about two versions of one record: a word on record that moves nothing, so one hand is enough."""

from __future__ import annotations

from typing import Final

from api.actions.actor import Actor, require_of_the_province, require_texts
from api.http.problem import Problem
from api.service import Service
from meter.audit.store import note_refusal
from meter.database.connect import driver
from meter.journal.quarantine.queries import quarantined_one
from meter.journal.quarantine.store import NotDecided
from meter.journal.quarantine.store import decide as keep
from meter.journal.queries import find_record
from meter.vocabulary import CONFLICT_DECISIONS

SCOPE: Final = "registry:write"
"""Who replays what waits also says what became of a conflict."""


async def decide(service: Service, hand: Actor, quarantine: int, decision: str, reason: str) -> None:
    """Say that the first stands, that its source has corrected it, or that the source was asked. Raises Problem."""
    require_of_the_province(hand, SCOPE)
    require_texts({"reason": reason})
    if decision not in CONFLICT_DECISIONS:
        raise Problem(400, "bad_request", f"a conflict is decided as one of {', '.join(CONFLICT_DECISIONS)}")
    if not reason.strip():
        raise Problem(400, "missing_field", "a decision says why")
    try:
        if decision == "source_corrected" and not await _corrected(service, quarantine):
            raise NotDecided("NOT_CORRECTED", "no correction of the record is in the journal")
        async with service.engine.connect() as held:
            await keep(await driver(held), quarantine, decision, reason.strip(), hand.actor)
    except NotDecided as error:
        await note_refusal(service.engine, hand.actor, "conflict.decide", str(quarantine), error.code)
        raise Problem(404 if error.code == "NO_SUCH_CONFLICT" else 409, error.code, error.detail) from None


async def _corrected(service: Service, quarantine: int) -> bool:
    """Return whether the journal has a correction of the version that was recorded first."""
    async with service.engine.connect() as held:
        connection = await driver(held)
        item = await quarantined_one(connection, quarantine, 0)
        if item is None or not item["id"]:
            return False
        first = await find_record(connection, service.recorder.keys, item["source"], item["id"])
    return first is not None and first["corrected_by"] is not None
