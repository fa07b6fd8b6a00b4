"""Recording registry items: one PUT is one batch; what is new is appended, what repeats the latest is a duplicate."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import zstandard
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.seal import seal_from_environment
from meter.journal.digest_chain import digest_of
from meter.journal.write.transaction import Clock, JournalTransaction, journal_transaction
from meter.registry import store
from meter.registry.accounts import propose_accounts, warn_of_accounts
from meter.registry.body import parse_items
from meter.registry.fields import Item, Rules, Unfit
from meter.registry.holdings import refuse_holdings_above_one
from meter.registry.items import account_text, content_of, parties_of, spell, subject_of
from meter.registry.outcome import Outcome
from meter.registry.shapes import READERS
from meter.registry.warnings import PolicyWords, warn_of_owners, warn_of_superseded

Source = tuple[int, str]
Also = Callable[[JournalTransaction, Outcome], Awaitable[None]]


async def record_items(  # noqa: PLR0913 - whoever records says whose it is, when, by which words, and what else
    engine: AsyncEngine,
    kind: str,
    body: bytes,
    *,
    key_name: str,
    source: Source | None,
    algorithm: str,
    clock: Clock,
    policy: PolicyWords,
    also: Also | None = None,
) -> Outcome:
    """Record the items of a body (JSON array) of one kind of READERS; `also` is done in the same transaction, last.

    Raises NotABatch for a body that is not a batch, JournalUnavailable when nothing could be recorded.
    """
    outcome, items = await asyncio.to_thread(_read, kind, body, policy.rules)  # others are answered meanwhile
    async with journal_transaction(engine, algorithm, clock) as journal:
        latest = await store.latest_words(journal.connection, kind, list(items.values()), source)
        fresh = _sift(latest, kind, items, source, outcome)
        if kind == "holdings":
            await refuse_holdings_above_one(journal, fresh, outcome, policy.rules)
        outcome.accepted = len(fresh)
        outcome.duplicate = outcome.received - outcome.accepted - outcome.conflict - outcome.refused
        outcome.results.sort(key=lambda result: result["index"])
        if fresh:
            await _append(journal, kind, fresh, source, body, key_name, outcome)
        if also is not None:
            await also(journal, outcome)
        outcome.warnings = await warn_of_owners(journal, kind, items, policy.owners)
        outcome.warnings += await warn_of_accounts(journal, items)
        subjects = {index: subject_of(kind, item, source)[:-1] for index, item in items.items()}
        outcome.warnings += warn_of_superseded(kind, items, fresh, subjects, store.known_facts(latest))
    return outcome


def _read(kind: str, body: bytes, rules: Rules) -> tuple[Outcome, dict[int, Item]]:
    """Return the well-formed items of a body by their places, and an outcome that has refused the others."""
    raw = parse_items(body)
    outcome = Outcome(len(raw))
    items: dict[int, Item] = {}
    for index, one in enumerate(raw):
        try:
            items[index] = _sealable(READERS[kind](one))
        except Unfit as unfit:
            outcome.reject(index, None, "refused", unfit.code, unfit.under(rules, kind))
    return outcome, items


def _sealable(item: Item) -> Item:
    """Return the item. Raises Unfit where it brings a bank account and this process has no key to seal it with."""
    if item.get("bank_account") and seal_from_environment() is None:
        raise Unfit("no_sealing_key", "bank accounts are kept sealed only, and this service was started without a key")
    return item


def _sift(
    latest: Mapping[tuple[object, ...], store.Word],
    kind: str,
    items: dict[int, Item],
    source: Source | None,
    outcome: Outcome,
) -> dict[int, Item]:
    """Return the items that say something new, compared with the latest word on the same subject and start."""
    words = {subject: (word.content, word.account) for subject, word in latest.items()}
    fresh: dict[int, Item] = {}
    for index, item in items.items():
        subject, said = subject_of(kind, item, source), (content_of(item), account_text(item))
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


async def _append(
    journal: JournalTransaction,
    kind: str,
    fresh: dict[int, Item],
    source: Source | None,
    body: bytes,
    key_name: str,
    outcome: Outcome,
) -> None:
    """Write the facts and their batch."""
    parties = await journal.number("party", "uscc", (p for item in fresh.values() for p in parties_of(item)))
    codes = await journal.number("facility", "code", (i["id"] for i in fresh.values() if kind == "facilities"))
    codes |= await journal.number("chip", "code", (i["chip"] for i in fresh.values() if kind == "chips"))
    facts = "\n".join(f"{index} {content_of(item)} {account_text(item)}" for index, item in fresh.items())
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
    rows = [
        (recorded.batch, index, content_of(item), *_columns(kind, item, parties, codes, source))
        for index, item in fresh.items()
    ]
    owners = [
        (recorded.batch, index, parties[owner["uscc"]], owner["share"])
        for index, item in fresh.items()
        for owner in item.get("owners", ())
    ]
    await store.append_facts(journal, kind, rows, owners)
    await propose_accounts(journal, recorded, fresh)


def _columns(
    kind: str, item: Item, parties: Mapping[str, int], codes: Mapping[str, int], source: Source | None
) -> tuple[Any, ...]:
    """Return what an item says, in the order of its table's columns; `codes` are the numbers of facilities or chips."""
    match kind:
        case "entities":
            return (
                parties[item["uscc"]], item["name"], item["kind"], item["independent_legal_person"], item["region"],
                item["ai_enterprise"], item["state_body"], account_text(item) or None,
                item["valid_from"], item["valid_to"],
            )  # fmt: skip
        case "facilities":
            operator = parties[item["operator"]] if item["operator"] else None
            capacity = json.dumps(item["capacity"], default=spell) if item["capacity"] else None
            return (
                codes[item["id"]], item["name"], item["region"], item["intelligent"], operator, capacity,
                item["valid_from"], item["valid_to"],
            )  # fmt: skip
        case "chips":
            return codes[item["chip"]], item["tflops_fp16"], item["source"], item["valid_from"], item["valid_to"]
        case "holdings":
            return (
                parties[item["holder"]], parties[item["held"]], item["share"], item["document"],
                item["from"], item["to"],
            )  # fmt: skip
        case "expenditures":
            return (
                item["id"], parties[item["consumer"]], item["kind"], item["served_from"], item["served_to"],
                item["amount_fen"], item["document"],
            )  # fmt: skip
        case _:
            assert source is not None
            return source[0], item["day"], item["records"], item["charge_fen"]
