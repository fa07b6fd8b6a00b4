"""What the answer of a PUT points out though it accepts it: owners with holders, facts that change nothing today."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, NamedTuple

from meter.days import EVER, NEVER, date_of, end_day, start_day
from meter.in_force import periods_in_force
from meter.journal.write.transaction import JournalTransaction
from meter.registry.fields import Item, Rules
from meter.registry.store import Said, held_at_least, owners_among

DATED = ("entities", "facilities", "chips", "holdings")


class OwnersWarning(NamedTuple):
    """From which share on a holder of an owner is pointed out, and in which words; whoever decides says both."""

    share_billionths: int
    words: str
    """With places for the owner's {code} and the {percent}."""

    @property
    def share(self) -> Decimal:
        """The share as it is recorded."""
        return Decimal(self.share_billionths).scaleb(-9)

    def about(self, code: str) -> str:
        """Return the warning about one owner."""
        return self.words.format(code=code, percent=f"{(self.share * 100).normalize():f}")


class PolicyWords(NamedTuple):
    """What whoever decides adds to the answers of a PUT."""

    owners: OwnersWarning
    rules: Rules
    """The rule that is named behind a refusal."""


def warn_of_superseded(
    kind: str,
    items: Mapping[int, Item],
    fresh: Mapping[int, Item],
    subjects: Mapping[int, tuple[object, ...]],
    known: Mapping[tuple[object, ...], list[Said]],
) -> list[dict[str, Any]]:
    """Return CHANGES_NOTHING for each fact of which a later start of the same subject was recorded before it (R-FACTS).

    Such a fact is in force on no day from that later start on; the detail says on which days it is, if on any.
    `known` is what was recorded before these items.
    """
    if kind not in DATED:
        return []
    now = 1 << 62  # the place of this PUT in the order of recording: after everything known
    said: dict[tuple[object, ...], list[Said]] = {subject: list(facts) for subject, facts in known.items()}
    own: dict[int, Said] = {}
    for index, item in sorted(items.items()):
        start, end = _period(kind, item)
        facts = said.setdefault(subjects[index], [])
        if index in fresh:
            own[index] = Said(start, end, now + index, now + index)
            facts.append(own[index])
        else:  # a repeat of the latest word on its start
            own[index] = next((fact for fact in reversed(facts) if fact.start == start), Said(start, end, now, now))
    found = []
    for index, fact in own.items():
        facts = said[subjects[index]]
        if any(other.start > fact.start and other.first_recorded < fact.last_recorded for other in facts) or any(
            other.start == fact.start and other.last_recorded > fact.last_recorded for other in facts
        ):
            found.append({"index": index, "code": "CHANGES_NOTHING", "detail": _detail(fact, facts)})
    return found


def _period(kind: str, item: Item) -> tuple[int, int]:
    start, end = ("from", "to") if kind == "holdings" else ("valid_from", "valid_to")
    return start_day(item[start]), end_day(item[end])


def _detail(fact: Said, facts: list[Said]) -> str:
    recorded = sorted(facts, key=lambda one: one.last_recorded)
    periods = periods_in_force((one.start, one.end, one.last_recorded) for one in recorded)
    own = [(start, end) for start, end, which in periods if which == fact.last_recorded]
    if not own:
        return "this fact is never in force: another with the same start was recorded after it (R-FACTS)"
    start, end = own[0]
    assert end != NEVER, "a later start ends it"
    since = "since ever" if start == EVER else f"from {date_of(start)}"
    follows = min(other.start for other in facts if other.start > fact.start)
    why = "its own end" if fact.end < follows else "a later start is on record"
    return (
        f"this fact is in force {since} until {date_of(end)} only ({why}): it decides about no later day, which the "
        f"facts with starts from {date_of(follows)} on decide (R-FACTS)"
    )


async def warn_of_owners(
    journal: JournalTransaction, kind: str, items: dict[int, Item], warning: OwnersWarning
) -> list[dict[str, Any]]:
    """Return OWNER_HAS_HOLDERS where an owner of a facility has a recorded holder of the warning's share or more."""
    if kind == "facilities":
        named = {owner["uscc"] for item in items.values() for owner in item["owners"]}
        has_holders = await held_at_least(journal, named, warning.share)
        found = {i: sorted({o["uscc"] for o in item["owners"]} & has_holders) for i, item in items.items()}
    elif kind == "holdings":
        named = {item["held"] for item in items.values() if item["share"] >= warning.share}
        owners = await owners_among(journal, named)
        found = {
            i: [item["held"]] if item["held"] in owners and item["share"] >= warning.share else []
            for i, item in items.items()
        }
    else:
        return []
    return [
        {
            "index": index,
            "code": "OWNER_HAS_HOLDERS",
            "detail": warning.about(code),
        }
        for index, codes in sorted(found.items())
        for code in codes
    ]
