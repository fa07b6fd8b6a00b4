"""What the digests of registry batches cover, rebuilt from the stored columns: for verifying, not for reading."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import asyncpg

from meter.journal.verify.journal import FactsOfBatch
from meter.registry.record import content_of

_PERIOD = "f.valid_from, f.valid_to"
# kind -> what its items say, and where it is stored
_STORED: Mapping[str, tuple[str, str]] = {
    "entities": (
        f"""p.uscc, f.name, f.kind, f.independent_legal_person, f.region, f.ai_enterprise, f.state_body, {_PERIOD},
        f.bank_account as account""",
        "entity_fact f left join party p on p.id = f.party",
    ),
    "facilities": (
        f"""d.code as id, f.name, f.region, f.intelligent, o.uscc as operator, f.capacity::text as capacity, {_PERIOD},
        (select json_agg(json_build_object('uscc', p.uscc, 'share', w.share::text)) from facility_owner w
         left join party p on p.id = w.party where w.batch = f.batch and w.ordinal = f.ordinal)::text as owners""",
        "facility_fact f left join facility d on d.id = f.facility left join party o on o.id = f.operator",
    ),
    "chips": (
        f"d.code as chip, f.tflops_fp16, f.source, {_PERIOD}",
        "chip_fact f left join chip d on d.id = f.chip",
    ),
    "holdings": (
        'h.uscc as holder, p.uscc as held, f.share, f.document, f.valid_from as "from", f.valid_to as "to"',
        "holding_fact f left join party h on h.id = f.holder left join party p on p.id = f.held",
    ),
    "expenditures": (
        "f.id, p.uscc as consumer, f.kind, f.served_from, f.served_to, f.amount_fen, f.document",
        "expenditure_fact f left join party p on p.id = f.consumer",
    ),
    "control_totals": (
        "f.day, f.records, f.charge_fen, f.source = b.source as said_by",
        "control_total f join batch b on b.batch = f.batch",
    ),
}


async def facts_of_batches(connection: asyncpg.Connection, after: int, last: int) -> dict[int, FactsOfBatch]:
    """Batch -> what its digest covers of registry facts, for the batches after `after` up to `last`.

    Where a stored column disagrees with the stored item, the text says so, and so has another digest.
    """
    found: dict[int, FactsOfBatch] = {}
    for kind, (columns, tables) in _STORED.items():
        rows = await connection.fetch(
            f"""select {columns}, f.batch as in_batch, f.ordinal as in_place, f.content as as_said from {tables}
                where f.batch > $1 and f.batch <= $2 order by f.batch, f.ordinal""",
            after, last,
        )  # fmt: skip
        for row in rows:
            facts = found.setdefault(row["in_batch"], FactsOfBatch())
            facts.lines.append(f"{row['in_place']} {_said(kind, row)} {_account(row)}")
            if kind == "facilities":
                facts.facilities.add(row["id"])
            elif kind == "chips":
                facts.chips.add(row["chip"])
    return found


def _said(kind: str, row: asyncpg.Record) -> str:
    """The item as it was said, when the columns say the same; else what the columns say."""
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
    """An item for comparing: owners in one order, shares in one spelling."""
    if not isinstance(item, dict) or "owners" not in item:
        return item
    owners = sorted((str(owner.get("uscc")), Decimal(owner.get("share") or 0)) for owner in item["owners"])
    return {**item, "owners": owners}


def _account(row: asyncpg.Record) -> str:
    return row.get("account") or ""  # as it is sealed
