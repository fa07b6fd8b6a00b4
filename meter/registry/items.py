"""What a registry item says: its subject, the parties it names, and the one spelling by which repeats are found."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

from meter.database.seal import seal_from_environment
from meter.registry.fields import Item


def content_of(item: Item) -> str:
    """Return the item in the one spelling by which repeats are compared; bank accounts are kept apart."""
    return json.dumps(
        _stated({name: value for name, value in item.items() if name != "bank_account"}),
        sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=spell,
    )  # fmt: skip


def _stated(value: Any) -> Any:
    """Return a value without the fields, however deep, that state nothing."""
    if isinstance(value, dict):
        return {name: _stated(part) for name, part in value.items() if part is not None}
    return [_stated(part) for part in value] if isinstance(value, list) else value


def spell(value: object) -> str:
    """Return a decimal without trailing zeros, or a date, as JSON text."""
    if isinstance(value, Decimal):
        text = f"{value:f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    assert isinstance(value, date)
    return value.isoformat()


def subject_name(item: Item) -> str | None:
    """Return what an item is about, in its own words."""
    if "held" in item:
        return f"{item['holder']}>{item['held']}"
    return item.get("id") or item.get("uscc") or item.get("chip")


def subject_of(kind: str, item: Item, source: tuple[int, str] | None) -> tuple[object, ...]:
    """Return the subject and start of an item, in its own words."""
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


def parties_of(item: Item) -> list[str]:
    """Return every entity code that an item names."""
    found = [item[name] for name in ("uscc", "operator", "holder", "held", "consumer") if item.get(name)]
    return found + [owner["uscc"] for owner in item.get("owners", ())]


def account_text(item: Item) -> str:
    """Return the item's bank account, sealed: equal accounts of one entity are sealed alike, so repeats are
    recognised.
    """
    account = item.get("bank_account")
    if not account:
        return ""
    seal = seal_from_environment()
    assert seal is not None, "an item with an account and no key to seal it was refused before"
    return seal.seal(json.dumps(account, sort_keys=True, ensure_ascii=False), account_owner(item["uscc"]))


def account_owner(uscc: str) -> str:
    """Return to what a sealed bank account is bound."""
    return f"account {uscc}"
