"""Recording registry items: one PUT is one batch; what is new is appended, what repeats the latest is a duplicate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Any

import zstandard
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.seal import seal_from_environment
from meter.days import EVER, date_of, end_day, start_day
from meter.journal.digest_chain import digest_of
from meter.journal.write.transaction import Clock, JournalTransaction, Recorded, journal_transaction
from meter.registry.facts import held_above_one
from meter.registry.shapes import READERS, Item, Unfit, parse_items
from meter.registry.store import Word, known_facts, latest_words, subject_name
from meter.registry.warnings import warn_of_owners, warn_of_superseded


@dataclass
class Outcome:
    """What became of each item of a PUT: the counts, what was not accepted, and warnings."""

    received: int
    accepted: int = 0
    duplicate: int = 0
    conflict: int = 0
    refused: int = 0
    results: list[dict[str, Any]] = field(default_factory=list)
    warnings: list[dict[str, Any]] = field(default_factory=list)
    recorded: Recorded | None = None

    @property
    def counts(self) -> dict[str, int]:
        """received = accepted + duplicate + conflict + refused."""
        return {name: getattr(self, name) for name in ("received", "accepted", "duplicate", "conflict", "refused")}

    def reject(self, index: int, item: Item | None, status: str, code: str, detail: str) -> None:
        """Count an item that was not accepted and say why."""
        setattr(self, status, getattr(self, status) + 1)
        result: dict[str, Any] = {"index": index, "status": status, "code": code, "detail": detail}
        name = subject_name(item) if item else None
        if name:
            result["id"] = name
        self.results.append(result)


async def record_items(
    engine: AsyncEngine,
    kind: str,
    body: bytes,
    *,
    key_name: str,
    source: tuple[int, str] | None,
    algorithm: str,
    clock: Clock,
) -> Outcome:
    """Record the items of a body (JSON array) of one kind of READERS.

    Raises NotABatch for a body that is none, JournalUnavailable when nothing could be recorded.
    """
    outcome, items = await asyncio.to_thread(_read, kind, body)  # others are answered meanwhile
    async with journal_transaction(engine, algorithm, clock) as journal:
        latest = await latest_words(journal, kind, list(items.values()), source)
        fresh = _sift(latest, kind, items, source, outcome)
        if kind == "holdings":
            await _refuse_holdings_above_one(journal, fresh, outcome)
        outcome.accepted = len(fresh)
        outcome.duplicate = outcome.received - outcome.accepted - outcome.conflict - outcome.refused
        outcome.results.sort(key=lambda result: result["index"])
        if fresh:
            await _append(journal, kind, fresh, source, body, key_name, outcome)
        outcome.warnings = await warn_of_owners(journal, kind, items)
        outcome.warnings += warn_of_superseded(
            kind,
            items,
            fresh,
            {index: _subject(kind, item, source)[:-1] for index, item in items.items()},
            known_facts(latest),
        )
    return outcome


def _read(kind: str, body: bytes) -> tuple[Outcome, dict[int, Item]]:
    """The well-formed items of a body by their places, and an outcome that has refused the others."""
    raw = parse_items(body)
    outcome = Outcome(len(raw))
    items: dict[int, Item] = {}
    for index, one in enumerate(raw):
        try:
            items[index] = _sealable(READERS[kind](one))
        except Unfit as unfit:
            outcome.reject(index, None, "refused", unfit.code, unfit.detail)
    return outcome, items


def _sealable(item: Item) -> Item:
    """The item. Raises Unfit where it brings a bank account and this process has no key to seal it with."""
    if item.get("bank_account") and seal_from_environment() is None:
        raise Unfit("no_sealing_key", "bank accounts are kept sealed only, and this service was started without a key")
    return item


def content_of(item: Item) -> str:
    """The item in the one spelling by which repeats are compared; bank accounts are kept apart."""
    return json.dumps(
        _stated({name: value for name, value in item.items() if name != "bank_account"}),
        sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_spell,
    )  # fmt: skip


def _stated(value: Any) -> Any:
    """A value without the fields, however deep, that state nothing."""
    if isinstance(value, dict):
        return {name: _stated(part) for name, part in value.items() if part is not None}
    return [_stated(part) for part in value] if isinstance(value, list) else value


def _spell(value: object) -> str:
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    assert isinstance(value, date)
    return value.isoformat()


def parties_of(item: Item) -> list[str]:
    """Every entity code that an item names."""
    found = [item[name] for name in ("uscc", "operator", "holder", "held", "consumer") if item.get(name)]
    return found + [owner["uscc"] for owner in item.get("owners", ())]


def _subject(kind: str, item: Item, source: tuple[int, str] | None) -> tuple[object, ...]:
    """The subject and start of an item, in its own words."""
    match kind:
        case "entities":
            return item["uscc"], item["valid_from"]
        case "facilities":
            return item["id"], item["valid_from"]
        case "chips":
            return item["chip"], item["valid_from"]
        case "holdings":
            return item["holder"], item["held"], item["from"]
        case "expenditures":
            return (item["id"],)
        case _:
            assert source is not None
            return source[0], item["day"]


def _sift(
    latest: Mapping[tuple[object, ...], Word],
    kind: str,
    items: dict[int, Item],
    source: tuple[int, str] | None,
    outcome: Outcome,
) -> dict[int, Item]:
    """The items that say something new, compared with the latest word on the same subject and start."""
    words = {subject: (word.content, word.account) for subject, word in latest.items()}
    fresh: dict[int, Item] = {}
    for index, item in items.items():
        subject, said = _subject(kind, item, source), _said(item)
        if words.get(subject) == said:
            continue  # a duplicate
        if kind == "expenditures" and subject in words:
            outcome.reject(
                index, item, "conflict", "id_already_recorded_with_other_content",
                "the first version stands; take amounts back with a negative fact of its own",
            )  # fmt: skip
            continue
        words[subject] = said
        fresh[index] = item
    return fresh


def _said(item: Item) -> tuple[str, str]:
    return content_of(item), _account_text(item)


def _account_text(item: Item) -> str:
    """The item's bank account, sealed: equal accounts of one entity are sealed alike, so repeats are recognised."""
    account = item.get("bank_account")
    if not account:
        return ""
    seal = seal_from_environment()
    assert seal is not None, "who has no key was refused before"
    return seal.seal(json.dumps(account, sort_keys=True, ensure_ascii=False), account_owner(item["uscc"]))


def account_owner(uscc: str) -> str:
    """To what a sealed bank account is bound."""
    return f"account {uscc}"


async def _refuse_holdings_above_one(journal: JournalTransaction, fresh: dict[int, Item], outcome: Outcome) -> None:
    """Take out the items that would leave an entity held above 100 % on some day."""
    held = sorted({item["held"] for item in fresh.values()})
    rows = await journal.connection.fetch(
        """select h.uscc as holder, p.uscc as held, f.share, f.valid_from, f.valid_to from holding_fact f
           join party p on p.id = f.held join party h on h.id = f.holder
           where p.uscc = any($1::text[]) order by f.batch, f.ordinal""",
        held,
    )
    facts: dict[str, list[tuple[Any, int, int, Decimal]]] = {}
    for row in rows:
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
            outcome.reject(
                index, item, "refused", "holdings_above_one",
                f"with this, {item['held']} would be held above 100 % {when} (R-RELATED)",
            )  # fmt: skip


# long: one kind of fact after the other
async def _append(
    journal: JournalTransaction,
    kind: str,
    fresh: dict[int, Item],
    source: tuple[int, str] | None,
    body: bytes,
    key_name: str,
    outcome: Outcome,
) -> None:
    """Write the facts and their batch."""
    parties = await journal.number("party", "uscc", (p for item in fresh.values() for p in parties_of(item)))
    places = await journal.number("facility", "code", (i["id"] for i in fresh.values() if kind == "facilities"))
    models = await journal.number("chip", "code", (i["chip"] for i in fresh.values() if kind == "chips"))
    facts = "\n".join(f"{index} {content_of(item)} {_account_text(item)}" for index, item in fresh.items())
    recorded = journal.append(
        kind=kind,
        source=source,
        counts=outcome.counts,
        key_name=key_name,
        contents={
            "facts": digest_of(journal.algorithm, facts.encode()),
            "body": digest_of(journal.algorithm, body),
        },
        body=("application/json", "zstd", zstandard.compress(body, 3)) if kind != "entities" else None,
        changes_registry=kind != "control_totals",
    )
    outcome.recorded = recorded
    await journal.flush()
    rows: list[tuple[Any, ...]] = []
    owners: list[tuple[Any, ...]] = []
    for index, item in fresh.items():
        start = (recorded.batch, index, content_of(item))
        row: tuple[Any, ...]
        match kind:
            case "entities":
                row = (
                    parties[item["uscc"]], item["name"], item["kind"], item["independent_legal_person"], item["region"],
                    item["ai_enterprise"], item["state_body"], _account_text(item) or None,
                    item["valid_from"], item["valid_to"],
                )  # fmt: skip
            case "facilities":
                operator = parties[item["operator"]] if item["operator"] else None
                capacity = json.dumps(item["capacity"], default=_spell) if item["capacity"] else None
                row = (
                    places[item["id"]], item["name"], item["region"], item["intelligent"], operator, capacity,
                    item["valid_from"], item["valid_to"],
                )  # fmt: skip
                owners += [(recorded.batch, index, parties[o["uscc"]], o["share"]) for o in item["owners"]]
            case "chips":
                row = (models[item["chip"]], item["tflops_fp16"], item["source"], item["valid_from"], item["valid_to"])
            case "holdings":
                row = (
                    parties[item["holder"]], parties[item["held"]], item["share"], item["document"],
                    item["from"], item["to"],
                )  # fmt: skip
            case "expenditures":
                row = (
                    item["id"], parties[item["consumer"]], item["kind"], item["served_from"], item["served_to"],
                    item["amount_fen"], item["document"],
                )  # fmt: skip
            case _:
                assert source is not None
                row = (source[0], item["day"], item["records"], item["charge_fen"])
        rows.append(start + row)
    table, columns = _COLUMNS[kind]
    await journal.copy(table, ("batch", "ordinal", "content", *columns), rows)
    await journal.copy("facility_owner", ("batch", "ordinal", "party", "share"), owners)


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


# long: still one file for all kinds of facts; to be cut by kind
