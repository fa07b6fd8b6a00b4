"""No entity is held above 100 %: what a PUT of holdings would bring about, with all that is recorded."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from meter.days import EVER, date_of, end_day, start_day
from meter.journal.write.transaction import JournalTransaction
from meter.registry.facts import held_above_one
from meter.registry.fields import Item, Rules, Unfit
from meter.registry.outcome import Outcome
from meter.registry.store import holdings_in


async def refuse_holdings_above_one(
    journal: JournalTransaction, fresh: dict[int, Item], outcome: Outcome, rules: Rules
) -> None:
    """Take out the items that would leave an entity held above 100 % on some day; `rules` as in Rules."""
    held = sorted({item["held"] for item in fresh.values()})
    facts: dict[str, list[tuple[Any, int, int, Decimal]]] = {}
    for row in await holdings_in(journal, held):
        facts.setdefault(row["held"], []).append(
            (row["holder"], start_day(row["valid_from"]), end_day(row["valid_to"]), row["share"])
        )
    for item in fresh.values():
        facts.setdefault(item["held"], []).append(
            (item["holder"], start_day(item["from"]), end_day(item["to"]), item["share"])
        )
    above = {name: day for name in held if (day := held_above_one(facts[name])) is not None}
    for index, item in list(fresh.items()):
        if item["held"] in above:
            day = above[item["held"]]
            when = "since ever" if day == EVER else f"on {date_of(day)}"
            del fresh[index]
            unfit = Unfit("holdings_above_one", f"with this, {item['held']} would be held above 100 % {when}")
            outcome.reject(index, item, "refused", unfit.code, unfit.under(rules, "holdings"))
