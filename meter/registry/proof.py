"""What the digests of registry batches cover, rebuilt from the stored columns: for verifying, not for reading."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import asyncpg

from meter.journal.verify.journal import FactsOfBatch
from meter.registry import queries
from meter.registry.items import content_of


async def facts_of_batches(connection: asyncpg.Connection, after: int, last: int) -> dict[int, FactsOfBatch]:
    """Return batch -> what its digest covers of registry facts, for the batches after `after` up to `last`.

    Where a stored column disagrees with the stored item, the text says so, and so has another digest.
    """
    found: dict[int, FactsOfBatch] = {}
    for kind in queries.STORED:
        for row in await queries.stored_facts(connection, kind, after, last):
            facts = found.setdefault(row["in_batch"], FactsOfBatch())
            facts.lines.append(f"{row['in_place']} {_said(kind, row)} {_account(row)}")
            if kind == "facilities":
                facts.facilities.add(row["id"])
            elif kind == "chips":
                facts.chips.add(row["chip"])
    return found


def _said(kind: str, row: asyncpg.Record) -> str:
    """Return the item as it was said, when the columns say the same; else what the columns say."""
    item = {name: value for name, value in dict(row).items() if name not in _ABOUT}
    if kind == "facilities":
        item |= {"owners": json.loads(item["owners"] or "[]"), "capacity": json.loads(item["capacity"] or "null")}
    if kind == "control_totals" and not row["said_by"]:
        item["said_by"] = "somebody else"
    rebuilt = content_of(item)
    try:
        same = _comparable(json.loads(row["as_said"])) == _comparable(json.loads(rebuilt))
    except ValueError:
        same = False
    return str(row["as_said"]) if same else f"{row['as_said']} but the columns say {rebuilt}"


_ABOUT = ("in_batch", "in_place", "as_said", "account", "said_by")


def _comparable(item: Any) -> Any:
    """Return an item for comparing: owners in one order, shares in one spelling."""
    if not isinstance(item, dict) or "owners" not in item:
        return item
    owners = sorted((str(owner.get("uscc")), Decimal(owner.get("share") or 0)) for owner in item["owners"])
    return {**item, "owners": owners}


def _account(row: asyncpg.Record) -> str:
    return row.get("account") or ""  # as it is sealed
