"""Recording facts: what a PUT asks of those already recorded (the latest words, owners, holders), and appending."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, NamedTuple

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


class ProposedAccount(NamedTuple):
    """A bank account as a recorded fact states it, sealed and masked, with the days of the fact."""

    batch: int
    ordinal: int
    uscc: str
    account: str
    masked: str
    holder_differs: bool
    valid_from: date | None
    valid_to: date | None


def _recorded(subject: str) -> str:
    """Return columns: when a fact, and when the first one with its start, was recorded, and its days."""
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
    connection: asyncpg.Connection, kind: str, items: Sequence[Item], source: tuple[int, str] | None
) -> dict[tuple[object, ...], Word]:
    """Return subject and start -> the latest word on it."""
    if kind == "control_totals":
        assert source is not None
        rows = await connection.fetch(
            """select distinct on (day) source as a, day as b, content from control_total
               where source = $1 and day = any($2::date[]) order by day, batch desc, ordinal desc""",
            source[0], [item["day"] for item in items],
        )  # fmt: skip
    else:
        names = {item["held"] if kind == "holdings" else subject_name(item) for item in items}
        rows = await connection.fetch(_QUERIES[kind], sorted(name for name in names if name))
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
    """Return the facts already recorded about each subject."""
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


async def latest_names(journal: JournalTransaction, before: int, codes: Iterable[str]) -> dict[str, str]:
    """Return entity code -> the name in the last fact about it from before a batch."""
    rows = await journal.connection.fetch(
        """select distinct on (p.uscc) p.uscc, f.name from entity_fact f join party p on p.id = f.party
           where p.uscc = any($1::text[]) and f.batch < $2 order by p.uscc, f.batch desc, f.ordinal desc""",
        sorted(set(codes)), before,
    )  # fmt: skip
    return {row["uscc"]: row["name"] for row in rows}


async def insert_account_proposals(journal: JournalTransaction, accounts: Sequence[ProposedAccount]) -> None:
    """Propose those of these accounts that are neither in force from their start (or today) on, nor wait already."""
    if not accounts:
        return
    await journal.connection.execute(
        """insert into account_proposal
           (party, batch, ordinal, account, masked, holder_differs, valid_from, valid_to, actor, at, digest)
           select p.id, a.batch, a.ordinal, a.account, a.masked, a.differs, a.starts, a.ends, '', now(), ''
           from unnest($1::bigint[], $2::int[], $3::text[], $4::text[], $5::text[], $6::bool[], $7::date[], $8::date[])
                as a (batch, ordinal, uscc, account, masked, differs, starts, ends)
           join party p on p.uscc = a.uscc
           where not exists (
               select from account_proposal known
               where known.id = account_on(a.uscc, greatest(a.starts, suanbu_today())) and known.account = a.account
               and coalesce(known.valid_to, 'infinity') >= coalesce(a.ends, 'infinity'))
           and not exists (
               select from account_proposal known where known.party = p.id and known.account = a.account
               and known.holder_differs = a.differs and known.valid_from is not distinct from a.starts
               and known.valid_to is not distinct from a.ends
               and not exists (select from account_event e where e.proposal = known.id))
           order by a.ordinal""",
        *map(list, zip(*accounts, strict=True)),
    )  # fmt: skip


async def waiting_accounts(
    journal: JournalTransaction, codes: Iterable[str]
) -> dict[tuple[str, str, date | None, date | None], int]:
    """Return code, sealed account and days -> the last proposal of it that nobody has decided about yet."""
    rows = await journal.connection.fetch(
        """select p.uscc, a.account, a.valid_from, a.valid_to, a.id from account_proposal a
           join party p on p.id = a.party where p.uscc = any($1::text[])
           and not exists (select from account_event e where e.proposal = a.id) order by a.id""",
        sorted(set(codes)),
    )
    return {(row["uscc"], row["account"], row["valid_from"], row["valid_to"]): row["id"] for row in rows}
