"""Entering a fact by hand: what it would change, proposing it, and recording it with another hand's confirmation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from meter.database.errors import refusal_of
from meter.journal.write.transaction import Clock, JournalTransaction
from meter.registry import store
from meter.registry.entries.store import insert_entry, insert_entry_event, one_entry
from meter.registry.fields import Item
from meter.registry.items import content_of, subject_of
from meter.registry.outcome import Outcome
from meter.registry.record import record_items
from meter.registry.shapes import READERS
from meter.registry.warnings import PolicyWords, warn_of_superseded

__all__ = ["Foreseen", "NotEntered", "confirm", "foreseen", "propose", "read_item", "reject"]


class NotEntered(Exception):
    """An entry that is refused: its stable code, and why."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Foreseen:
    """What recording an item would come to: a repeat, a contradiction, or a fact that a later start ends."""

    repeats: bool = False
    contradicts: bool = False
    superseded: str = ""
    """CHANGES_NOTHING in words, where a later start is on record; empty otherwise."""


def read_item(kind: str, said: Mapping[str, Any]) -> Item:
    """Return a well-formed item. Raises Unfit."""
    return READERS[kind]({name: value for name, value in said.items() if value is not None})


async def foreseen(engine: AsyncEngine, kind: str, item: Item) -> Foreseen:
    """Tell what recording an item now would come to."""
    async with engine.connect() as held:
        latest = await store.latest_words(await driver(held), kind, [item], None)
    subject = subject_of(kind, item, None)
    word = latest.get(subject)
    if word is not None and word.content == content_of(item):
        return Foreseen(repeats=True)
    if word is not None and kind == "expenditures":
        return Foreseen(contradicts=True)
    items = {0: item}
    warned = warn_of_superseded(kind, items, items, {0: subject[:-1]}, store.known_facts(latest))
    return Foreseen(superseded=warned[0]["detail"] if warned else "")


async def propose(engine: AsyncEngine, kind: str, item: Item, *, reason: str, actor: str) -> int:
    """Keep an item until another hand has decided about it; its number. Raises NotEntered."""
    what = await foreseen(engine, kind, item)
    if what.repeats:
        raise NotEntered("NOTHING_NEW", "the registry says exactly this already")
    if what.contradicts:
        raise NotEntered("NOTHING_NEW", "evidence of this id is on record with other content, and stands")
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
                return await insert_entry(connection, kind, content_of(item), reason, actor)
        except asyncpg.CheckViolationError as refusal:
            raise NotEntered(*refusal_of(refusal)) from None


async def confirm(
    engine: AsyncEngine, number: int, *, note: str | None, actor: str, algorithm: str, clock: Clock, policy: PolicyWords
) -> Outcome:
    """Record what an entry says, in one transaction with its confirmation. Raises NotEntered."""
    entry = await _open(engine, number)

    async def confirmed(journal: JournalTransaction, outcome: Outcome) -> None:
        refused = next((one for one in outcome.results if one["status"] == "refused"), None)
        if refused is not None:
            raise NotEntered(refused["code"], refused["detail"])
        if outcome.recorded is None:
            raise NotEntered("NOTHING_NEW", "the registry says this already, or refuses it since: reject the entry")
        await insert_entry_event(journal.connection, number, "confirm", outcome.recorded.batch, note, actor)

    item = content_of(read_item(entry["kind"], entry["item"]))
    try:
        return await record_items(
            engine, entry["kind"], f"[{item}]".encode(), key_name=actor, source=None, algorithm=algorithm, clock=clock,
            policy=policy, also=confirmed,
        )  # fmt: skip
    except asyncpg.UniqueViolationError:
        raise NotEntered("ALREADY_DECIDED", "this entry was confirmed or rejected before") from None
    except asyncpg.CheckViolationError as refusal:
        raise NotEntered(*refusal_of(refusal)) from None


async def reject(engine: AsyncEngine, number: int, *, note: str | None, actor: str) -> None:
    """Reject an entry, also one's own. Raises NotEntered."""
    await _open(engine, number)
    async with engine.connect() as held:
        connection = await driver(held)
        try:
            async with connection.transaction(isolation="read_committed"):
                await insert_entry_event(connection, number, "reject", None, note, actor)
        except asyncpg.UniqueViolationError:
            raise NotEntered("ALREADY_DECIDED", "this entry was confirmed or rejected before") from None
        except asyncpg.CheckViolationError as refusal:
            raise NotEntered(*refusal_of(refusal)) from None


async def _open(engine: AsyncEngine, number: int) -> dict[str, Any]:
    async with engine.connect() as held:
        entry = await one_entry(await driver(held), number)
    if entry is None:
        raise NotEntered("NO_SUCH_ENTRY", f"there is no registry entry {number}")
    if entry["status"] != "proposed":
        raise NotEntered("ALREADY_DECIDED", "this entry was confirmed or rejected before")
    return entry
