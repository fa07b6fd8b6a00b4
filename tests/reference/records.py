"""Which usage records count: fields, repeats, conflicts, corrections (docs/contract.md, section 1, R-DUP, R-CORR)."""

import re
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from tests.reference import uscc
from tests.reference.days import day_of, instant_from_text
from tests.reference.facts import Item, Registry

FIELDS = {
    "id", "consumer", "facility", "chip", "cards", "started_at", "ended_at", "charge_fen", "purpose",
    "via_platform", "order", "evidence", "corrects", "action", "source",
}  # fmt: skip
RECORD_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
CARDS = re.compile(r"(0|[1-9][0-9]*)(\.[0-9]{1,3})?")
MOST_CARDS = 10**6
MOST_CHARGE_FEN = 10**15
LONGEST_SECONDS = 100 * 86_400


class RefusedError(Exception):
    """This record is refused; the message says why."""


@dataclass(frozen=True)
class Record:
    """One record, read. Two records with equal fields have the same content, whatever their spelling."""

    source: str
    id: str
    consumer: str | None = None  # a void has nothing from here to via_platform
    facility: str | None = None
    chip: str | None = None
    cards: Fraction = Fraction(0)
    started: int = 0
    ended: int = 0
    charge_fen: int = 0
    purpose: str | None = None
    via_platform: bool = True
    order: str | None = None
    evidence: str | None = None
    corrects: str | None = None
    action: str | None = None


@dataclass
class Ingest:
    """What became of the records of a world, in order of arrival."""

    received: int = 0
    duplicate: int = 0
    refused: int = 0
    accepted: dict[tuple[str, str], Record] = field(default_factory=dict)
    conflicts: list[tuple[Record, Record]] = field(default_factory=list)
    corrected: set[tuple[str, str]] = field(default_factory=set)

    def counts(self) -> dict[str, int]:
        """The figures of a receipt."""
        return {
            "received": self.received,
            "accepted": len(self.accepted),
            "duplicate": self.duplicate,
            "conflict": len(self.conflicts),
            "refused": self.refused,
        }

    def counting(self) -> list[Record]:
        """A record counts iff it is accepted, is no void, and no accepted record corrects it."""
        return [r for key, r in self.accepted.items() if r.action != "void" and key not in self.corrected]


def take_in(usage: list[Any], registry: Registry) -> Ingest:
    """Receive records one by one."""
    ingest = Ingest()
    for item in usage:
        ingest.received += 1
        try:
            record = read_record(item, registry)
        except RefusedError:
            ingest.refused += 1  # it does not use up its id
            continue
        key = (record.source, record.id)
        if key in ingest.accepted:
            if ingest.accepted[key] == record:
                ingest.duplicate += 1
            else:
                ingest.conflicts.append((ingest.accepted[key], record))  # the first stands
            continue
        if record.corrects is not None:
            target = (record.source, record.corrects)
            unknown = target not in ingest.accepted
            if unknown or ingest.accepted[target].action == "void" or target in ingest.corrected:
                ingest.refused += 1
                continue
            ingest.corrected.add(target)
        ingest.accepted[key] = record
    return ingest


def read_record(  # noqa: C901 - one rule after the other, as the rules page has them
    item: Any, registry: Registry
) -> Record:
    """Read one record strictly. Raises RefusedError."""
    if not isinstance(item, dict) or not set(item) <= FIELDS:
        raise RefusedError("not a record, or unknown fields")
    source = item.get("source", "")
    record_id = item.get("id")
    if not isinstance(record_id, str) or RECORD_ID.fullmatch(record_id) is None:
        raise RefusedError("id")
    action, corrects = item.get("action"), item.get("corrects")
    if action not in (None, "void", "replace") or (action is None) != (corrects is None):
        raise RefusedError("action")
    if corrects is not None and (not isinstance(corrects, str) or RECORD_ID.fullmatch(corrects) is None):
        raise RefusedError("corrects")
    if action == "void":
        return Record(source, record_id, corrects=corrects, action=action)
    started, ended = read_instant(item.get("started_at")), read_instant(item.get("ended_at"))
    if ended < started or ended - started > LONGEST_SECONDS:
        raise RefusedError("ends before it starts, or is too long")
    consumer = item.get("consumer")
    if not isinstance(consumer, str) or not uscc.is_valid(consumer):
        raise RefusedError("consumer")  # a valid code not yet registered is metered
    facility, chip = item.get("facility"), item.get("chip")
    if not isinstance(facility, str) or registry.facilities.on(facility, day_of(started)) is None:
        raise RefusedError("no fact about the facility on the day the record starts")
    if not isinstance(chip, str) or registry.chips.on(chip, day_of(started)) is None:
        raise RefusedError("no fact about the chip on the day the record starts")
    charge_fen = item.get("charge_fen")
    if not isinstance(charge_fen, int) or isinstance(charge_fen, bool) or not 0 <= charge_fen <= MOST_CHARGE_FEN:
        raise RefusedError("charge_fen")
    purpose = item.get("purpose")
    if purpose not in (None, "research", "commercial"):
        raise RefusedError("purpose")
    via_platform = True if item.get("via_platform") is None else item["via_platform"]
    if not isinstance(via_platform, bool):
        raise RefusedError("via_platform")
    return Record(
        source=source,
        id=record_id,
        consumer=consumer,
        facility=facility,
        chip=chip,
        cards=read_cards(item.get("cards")),
        started=started,
        ended=ended,
        charge_fen=charge_fen,
        purpose=purpose,
        via_platform=via_platform,
        order=read_text(item, "order", r".{0,64}"),
        evidence=lowered(read_text(item, "evidence", r"[0-9a-fA-F]{0,128}")),
        corrects=corrects,
        action=action,
    )


def read_instant(value: object) -> int:
    """Whole seconds of an RFC 3339 instant of the years 2000 to 2099."""
    if not isinstance(value, str):
        raise RefusedError("instant")
    try:
        instant = instant_from_text(value)
    except ValueError:
        raise RefusedError("instant") from None
    if not instant_from_text("2000-01-01T00:00:00Z") <= instant < instant_from_text("2100-01-01T00:00:00Z"):
        raise RefusedError("instant out of range")
    return instant


def read_cards(value: object) -> Fraction:
    """An integer or a decimal string, above 0, at most 3 decimals."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    decimal = isinstance(value, str) and CARDS.fullmatch(value) is not None
    if not (whole or decimal):
        raise RefusedError("cards")
    cards = Fraction(str(value))
    if not 0 < cards <= MOST_CARDS:
        raise RefusedError("cards")
    return cards


def read_text(item: Item, name: str, pattern: str) -> str | None:
    """A text field that may be left out; null leaves it out as well."""
    value = item.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
        raise RefusedError(name)
    return value


def lowered(text: str | None) -> str | None:
    """A digest in hexadecimal says the same in either case."""
    return None if text is None else text.lower()
