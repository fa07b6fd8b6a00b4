"""Entering facts of the registry by hand: one person proposes, another confirms with proof, and it is recorded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.actions.actor import LARGEST, Actor, require_of_the_province, require_texts
from api.clock import now
from api.http.errors import refusal
from api.http.problem import Problem
from api.service import Service
from meter.audit.store import note_refusal
from meter.registry.entries import enter
from meter.registry.fields import Unfit
from meter.registry.warnings import OwnersWarning, PolicyWords
from settlement.rounds import lowest_insider_share_billionths
from settlement.vocabulary import OWNER_HAS_HOLDERS, RULE_BEHIND

ENTRY_SCOPE: Final = "registry:write"
WORDS: Final = ("confirm", "reject")


def policy_words() -> PolicyWords:
    """Return what the policy adds to the answers of the registry."""
    return PolicyWords(OwnersWarning(lowest_insider_share_billionths(), OWNER_HAS_HOLDERS), RULE_BEHIND)


async def propose(service: Service, hand: Actor, kind: str, said: Mapping[str, Any], reason: str) -> int:
    """Propose a fact; the number of the entry. Raises Problem."""
    require_of_the_province(hand, ENTRY_SCOPE)
    require_texts({"reason": reason})
    if not reason.strip():
        raise Problem(400, "missing_field", "an entry says why it is right: a document, a certificate, a correction")
    try:
        item = enter.read_item(kind, said)
        return await enter.propose(service.engine, kind, item, reason=reason.strip(), actor=hand.actor)
    except Unfit as unfit:
        raise Problem(422, unfit.code, unfit.detail) from None
    except enter.NotEntered as error:
        raise refusal(error.code, error.detail) from None


async def decide(service: Service, hand: Actor, number: int, word: str, note: str | None) -> int | None:
    """Confirm an entry, which records it, or reject it; the batch. Refusals are in the audit log. Raises Problem."""
    require_of_the_province(hand, ENTRY_SCOPE)
    require_texts({"note": note})
    if not 0 < number < LARGEST:
        raise Problem(404, "NO_SUCH_ENTRY", f"there is no registry entry {number}")
    try:
        if word == "reject":
            await enter.reject(service.engine, number, note=note, actor=hand.actor)
            return None
        outcome = await enter.confirm(
            service.engine, number, note=note, actor=hand.actor, algorithm=service.settings.algorithm, clock=now,
            policy=policy_words(),
        )  # fmt: skip
    except enter.NotEntered as error:
        await note_refusal(service.engine, hand.actor, f"entry.{word}", str(number), error.code)
        raise refusal(error.code, error.detail) from None
    assert outcome.recorded is not None, "it was confirmed with its batch"
    await service.recorder.know(outcome.recorded.batch)
    return outcome.recorded.batch
