"""Recording facts: what a PUT asks of those already recorded (the latest words, owners, holders), and appending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import asyncpg

from meter.days import end_day, start_day
from meter.journal.write.transaction import JournalTransaction
from meter.registry.fields import Item
from meter.registry.items import subject_name


@dataclass(frozen=True)
class Said:
    """A fact as the registry has it: its days, and when a fact with its start was first and last recorded."""

    start: int
    end: int
    first_recorded: int
    last_recorded: int


@dataclass(frozen=True)
class Word:
    """The latest word on a subject and start; `said` are its days where it has any."""

    content: str
    account: str
    said: Said | None


def _recorded(subject: str) -> str:
    """Columns: when a fact, and when the first one with its start, was recorded, and its days."""
    return f"""(f.batch << 20 | f.ordinal) as recorded, f.valid_from, f.valid_to,
        min(f.batch << 20 | f.ordinal) over (partition by {subject}, f.valid_from) as first_recorded"""


_QUERIES: Mapping[str, str] = {
    "entities": f"""select distinct on (f.party, f.valid_from) p.uscc as a, f.valid_from as b, f.content,
        f.bank_account as account, {_recorded("f.party")}
        from entity_fact f join party p on p.id = f.party
        where p.uscc = any($1::text[]) order by f.party, f.valid_from, f.batch desc, f.ordinal desc""",
    "facilities": f"""select distinct on (f.facility, f.valid_from) d.code as a, f.valid_from as b, f.content,
        {_recorded("f.facility")} from facility_fact f join facility d on d.id = f.facility
        where d.code = any($1::text[]) order by f.facility, f.valid_from, f.batch desc, f.ordinal desc""",
    "chips": f"""select distinct on (f.chip, f.valid_from) d.code as a, f.valid_from as b, f.content,
        {_recorded("f.chip")} from chip_fact f join chip d on d.id = f.chip
        where d.code = any($1::text[]) order by f.chip, f.valid_from, f.batch desc, f.ordinal desc""",
    "holdings": f"""select distinct on (f.holder, f.held, f.valid_from) h.uscc as a, p.uscc as b, f.valid_from as c,
        f.content, {_recorded("f.holder, f.held")}
        from holding_fact f join party p on p.id = f.held join party h on h.id = f.holder
        where p.uscc = any($1::text[]) order by f.holder, f.held, f.valid_from, f.batch desc, f.ordinal desc""",
    "expenditures": "select id as a, content from expenditure_fact where id = any($1::text[])",
}


async def latest_words(
    journal: JournalTransaction, kind: str, items: Sequence[Item], source: tuple[int, str] | None
) -> dict[tuple[object, ...], Word]:
    """Subject and start -> the latest word on it."""
    if kind == "control_totals":
        assert source is not None
        rows = await journal.connection.fetch(
            """select distinct on (day) source as a, day as b, content from control_total
               where source = $1 and day = any($2::date[]) order by day, batch desc, ordinal desc""",
            source[0], [item["day"] for item in items],
        )  # fmt: skip
    else:
        names = {item["held"] if kind == "holdings" else subject_name(item) for item in items}
        rows = await journal.connection.fetch(_QUERIES[kind], sorted(name for name in names if name))
    found: dict[tuple[object, ...], Word] = {}
    for row in rows:
        subject = tuple(row[name] for name in ("a", "b", "c") if name in row)
        account = row["account"] if row.get("account") else ""
        found[subject] = Word(row["content"], account, _said_of(row))
    return found


def _said_of(row: asyncpg.Record) -> Said | None:
    if "recorded" not in row:
        return None
    return Said(start_day(row["valid_from"]), end_day(row["valid_to"]), row["first_recorded"], row["recorded"])


def known_facts(latest: Mapping[tuple[object, ...], Word]) -> dict[tuple[object, ...], list[Said]]:
    """The facts already recorded about each subject."""
    known: dict[tuple[object, ...], list[Said]] = {}
    for subject, word in latest.items():
        if word.said is not None:
            known.setdefault(subject[:-1], []).append(word.said)
    return known


async def held_at_least(journal: JournalTransaction, codes: Iterable[str], share: Decimal) -> set[str]:
    """Return those of these entities that have, or had, a recorded holder of such a share."""
    rows = await journal.connection.fetch(
        """select distinct p.uscc from holding_fact f join party p on p.id = f.held
           where f.share >= $2 and p.uscc = any($1::text[])""",
        sorted(codes), share,
    )  # fmt: skip
    return {row["uscc"] for row in rows}


async def owners_among(journal: JournalTransaction, codes: Iterable[str]) -> set[str]:
    """Return those of these entities that own, or owned, a facility."""
    rows = await journal.connection.fetch(
        "select distinct p.uscc from facility_owner o join party p on p.id = o.party where p.uscc = any($1::text[])",
        sorted(codes),
    )
    return {row["uscc"] for row in rows}


async def holdings_in(journal: JournalTransaction, codes: Iterable[str]) -> list[asyncpg.Record]:
    """Return every holding recorded in these entities, in order: holder, held, share, valid_from, valid_to."""
    rows = await journal.connection.fetch(
        """select h.uscc as holder, p.uscc as held, f.share, f.valid_from, f.valid_to from holding_fact f
           join party p on p.id = f.held join party h on h.id = f.holder
           where p.uscc = any($1::text[]) order by f.batch, f.ordinal""",
        sorted(codes),
    )
    return list(rows)


_COLUMNS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "entities": (
        "entity_fact",
        ("party", "name", "kind", "independent_legal_person", "region", "ai_enterprise", "state_body", "bank_account",
         "valid_from", "valid_to"),
    ),
    "facilities": (
        "facility_fact",
        ("facility", "name", "region", "intelligent", "operator", "capacity", "valid_from", "valid_to"),
    ),
    "chips": ("chip_fact", ("chip", "tflops_fp16", "source", "valid_from", "valid_to")),
    "holdings": ("holding_fact", ("holder", "held", "share", "document", "valid_from", "valid_to")),
    "expenditures": (
        "expenditure_fact",
        ("id", "consumer", "kind", "served_from", "served_to", "amount_fen", "document"),
    ),
    "control_totals": ("control_total", ("source", "day", "records", "charge_fen")),
}  # fmt: skip


async def append_facts(
    journal: JournalTransaction, kind: str, rows: Sequence[tuple[Any, ...]], owners: Sequence[tuple[Any, ...]]
) -> None:
    """Append facts (batch, ordinal, content and the kind's columns), and the owners of facilities among them."""
    table, columns = _COLUMNS[kind]
    await journal.copy(table, ("batch", "ordinal", "content", *columns), rows)
    await journal.copy("facility_owner", ("batch", "ordinal", "party", "share"), owners)
