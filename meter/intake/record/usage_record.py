"""What a usage record means: the one authority on which records are well-formed and what their fields say.

Plain Python over one record at a time, written to be read. The kernels may accept only what this accepts, with the
same values; whatever they do not accept comes here for the verdict.
"""

import json
import re
from typing import NamedTuple, TypeAlias

from meter.days import DAY_SECONDS, day_number
from meter.intake.codes import Code, RecordRefused
from meter.intake.limits import (
    CHARGE_FEN,
    DETAIL_CHARACTERS,
    EVIDENCE_CHARACTERS,
    MILLICARDS,
    SPAN_SECONDS,
    TEXT_CHARACTERS,
)
from meter.intake.record.instants import seconds_of_instant
from meter.intake.registry_view.registered import Registered
from meter.uscc import check_digit, is_well_formed
from meter.vocabulary import ACTIONS, PURPOSES, RECORD, VOID

ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
INTEGER = re.compile(r"-?[0-9]+")
DECIMAL = re.compile(r"(-?)(0|[1-9][0-9]*)(?:\.([0-9]+))?")
HEXADECIMAL = re.compile(r"[0-9A-Fa-f]*")
UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")  # control characters (Unicode Cc), halves of pairs

MEASURED = ("consumer", "facility", "chip", "cards", "started_at", "ended_at", "charge_fen")
FIELDS = ("id", *MEASURED, "purpose", "via_platform", "order", "evidence", "corrects", "action")


class Number(NamedTuple):
    """A JSON number, or NaN, Infinity, -Infinity, as it was written."""

    text: str


class Foreign(NamedTuple):
    """A value of a kind JSON does not have, such as an Arrow date: in place of it, the name of its kind."""

    kind: str


class Pairs(list[tuple[str, "Value"]]):
    """A JSON object as it was written: order and repeats kept."""


Value: TypeAlias = "bool | str | Number | Foreign | Pairs | list[Value] | None"


class Checked(NamedTuple):
    """A well-formed record the registry can place. Instants are epoch seconds; a void is zero but for its ids."""

    id: str
    action: int
    corrects: str | None
    consumer: str = ""
    facility: int = 0
    chip: int = 0
    millicards: int = 0
    started: int = 0
    ended: int = 0
    charge_fen: int = 0
    purpose: int = 0
    via_platform: bool = False
    order: str | None = None
    evidence: str | None = None
    event_source: str | None = None  # of a CloudEvents event


# long: one rule after the other, in the order in which they are told
def judge(  # noqa: C901 - one rule after the other, in the order told
    value: Value, registered: Registered
) -> Checked:
    """Return the record that `value` states; raises `RecordRefused` with the first rule it breaks.

    The order is fixed, so that every format gives one code: an object, no repeated key, no unknown field, nothing
    missing, then field by field in the contract's order, then what fields say about each other, then the registry.
    """
    written = fields_of(value, FIELDS, "a usage record")
    # null is the field left out
    stated: dict[str, Value] = {name: item for name, item in written.items() if item is not None}
    void = stated.get("action") == "void"
    corrected = "corrects" in stated or "action" in stated
    required = ("id", *(() if void else MEASURED), *(("corrects", "action") if corrected else ()))
    for name in required:
        if name not in stated:
            raise RecordRefused(Code.MISSING_FIELD, f"{name} is {'null' if name in written else 'missing'}")

    identity = record_id("id", stated["id"])
    if "consumer" in stated:
        check_consumer(text_of("consumer", stated))
    facility = code_of("facility", stated)
    chip = code_of("chip", stated)
    millicards = millicards_of(stated["cards"]) if "cards" in stated else 0
    started = instant_of("started_at", stated)
    ended = instant_of("ended_at", stated)
    charge_fen = charge_of(stated["charge_fen"]) if "charge_fen" in stated else 0
    purpose = choice_of("purpose", stated, PURPOSES) if "purpose" in stated else 0
    via_platform = stated.get("via_platform", True)
    if not isinstance(via_platform, bool):
        raise wrong_type("via_platform", via_platform, "true or false")
    order = None
    if "order" in stated:
        order = plain_text("order", stated)
        if len(order) > TEXT_CHARACTERS:
            raise RecordRefused(
                Code.BAD_LENGTH, f"order has {len(order)} characters, at most {TEXT_CHARACTERS} are taken"
            )
    evidence = None
    if "evidence" in stated:
        evidence = text_of("evidence", stated)
        if len(evidence) > EVIDENCE_CHARACTERS or not HEXADECIMAL.fullmatch(evidence):
            raise RecordRefused(Code.BAD_EVIDENCE, f"evidence is not at most {EVIDENCE_CHARACTERS} hexadecimal digits")
        evidence = evidence.lower()  # a digest says the same in either case
    corrects = record_id("corrects", stated["corrects"]) if corrected else None
    action = choice_of("action", stated, ACTIONS) if corrected else RECORD

    if corrects == identity:
        raise RecordRefused(Code.CORRECTS_ITSELF, f"record '{identity}' corrects itself")
    if action == VOID:
        return Checked(identity, action, corrects)
    if ended < started:
        raise RecordRefused(Code.ENDED_BEFORE_STARTED, f"ended_at is {started - ended} s before started_at")
    if ended - started > SPAN_SECONDS:
        raise RecordRefused(
            Code.OUT_OF_RANGE,
            f"the record spans more than {SPAN_SECONDS // DAY_SECONDS} days: send parts, each with its charge",
        )
    day = day_number(started)
    return Checked(
        identity,
        action,
        corrects,
        str(stated["consumer"]),
        registered.facilities.number_on_day(facility, day, Code.UNKNOWN_FACILITY, Code.FACILITY_NOT_RULING_ON_DAY),
        registered.chips.number_on_day(chip, day, Code.UNKNOWN_CHIP, Code.CHIP_NOT_RULING_ON_DAY),
        millicards,
        started,
        ended,
        charge_fen,
        purpose,
        via_platform,
        order,
        evidence,
    )


def fields_of(value: Value, known: tuple[str, ...] | None, noun: str) -> dict[str, Value]:
    """Return the fields of an object; refused when it is none, repeats a key or (`known` given) has an unknown one."""
    if not isinstance(value, Pairs):
        raise RecordRefused(Code.NOT_AN_OBJECT, f"{noun} is an object, not {kind_of(value)}")
    stated: dict[str, Value] = {}
    for name, item in value:
        if name in stated:
            raise RecordRefused(Code.DUPLICATE_KEY, f"{shown(name)} is given more than once")
        stated[name] = item
    for name in stated:
        if known is not None and name not in known:
            raise RecordRefused(Code.UNKNOWN_FIELD, f"{shown(name)} is not a field of {noun}")
    return stated


def text_of(field: str, stated: dict[str, Value]) -> str:
    """Return a string field, whatever it contains."""
    value = stated[field]
    if not isinstance(value, str):
        raise wrong_type(field, value, "a string")
    return value


def plain_text(field: str, stated: dict[str, Value]) -> str:
    """Return a string field that can be stored and shown: no control characters (Unicode Cc), no lone surrogates."""
    text = text_of(field, stated)
    if UNPRINTABLE.search(text):
        raise RecordRefused(Code.BAD_TEXT, f"{field} contains a control character or half a surrogate pair")
    return text


def code_of(field: str, stated: dict[str, Value]) -> str:
    """Return a facility or chip code; empty where a void leaves it out."""
    if field not in stated:
        return ""
    text = plain_text(field, stated)
    if not 1 <= len(text) <= TEXT_CHARACTERS:
        raise RecordRefused(Code.BAD_LENGTH, f"{field} has {len(text)} characters, 1 to {TEXT_CHARACTERS} are taken")
    return text


def record_id(field: str, value: Value) -> str:
    """Return the id of a record."""
    if not isinstance(value, str):
        raise wrong_type(field, value, "a string")
    if not ID.fullmatch(value):
        raise RecordRefused(Code.BAD_ID, f"{field} {shown(value)} is not 1 to 64 of A-Z a-z 0-9 . _ : -")
    return value


def check_consumer(code: str) -> None:
    """Raise `bad_uscc` for what is not 18 characters of the alphabet, `bad_check_digit` for a wrong last one."""
    if not is_well_formed(code):
        raise RecordRefused(Code.BAD_USCC, f"consumer is not an 18 character USCC: {len(code)} characters given")
    right = check_digit(code[:-1])
    if code[-1] != right:
        raise RecordRefused(Code.BAD_CHECK_DIGIT, f"consumer '{code}' has the check digit {code[-1]}, not {right}")


def millicards_of(value: Value) -> int:
    """Return thousandths of a card, from an integer or a decimal string with at most 3 decimals."""
    if isinstance(value, Number) and INTEGER.fullmatch(value.text):
        text = value.text
    elif isinstance(value, str):
        text = value
    else:
        raise wrong_type("cards", value, "an integer or a decimal string")
    match = DECIMAL.fullmatch(text)
    if match is None:
        raise RecordRefused(Code.BAD_DECIMAL, f"cards {shown(text)} is not a plain decimal number")
    sign, whole, decimals = match.groups(default="")
    if len(decimals) > 3:
        raise RecordRefused(Code.TOO_MANY_DECIMALS, f"cards {shown(text)} has more than 3 decimals")
    # more digits than the limit has are beyond it, and never turned into a number
    if sign or len(whole) > 7 or not 1 <= (millicards := int(whole + decimals.ljust(3, "0"))) <= MILLICARDS:
        raise RecordRefused(Code.OUT_OF_RANGE, f"cards {shown(text)} is not above 0 and at most {MILLICARDS // 1000}")
    return millicards


def charge_of(value: Value) -> int:
    """Return fen, a whole number that is not negative; -0 is refused with the negative ones."""
    if not isinstance(value, Number) or not INTEGER.fullmatch(value.text):
        raise wrong_type("charge_fen", value, "an integer")
    if value.text.startswith("-") or len(value.text) > 16 or (charge := int(value.text)) > CHARGE_FEN:
        raise RecordRefused(Code.OUT_OF_RANGE, f"charge_fen {shown(value.text)} is not from 0 to {CHARGE_FEN}")
    return charge


def instant_of(field: str, stated: dict[str, Value]) -> int:
    """Return epoch seconds; 0 where a void leaves it out."""
    return seconds_of_instant(field, text_of(field, stated)) if field in stated else 0


def choice_of(field: str, stated: dict[str, Value], choices: dict[str, int]) -> int:
    """Return the number of a word of a closed list."""
    text = text_of(field, stated)
    if text not in choices:
        raise RecordRefused(Code.BAD_CHOICE, f"{field} {shown(text)} is none of {', '.join(choices)}")
    return choices[text]


def wrong_type(field: str, value: Value, wanted: str) -> RecordRefused:
    """Return the refusal of a value of another type."""
    return RecordRefused(Code.WRONG_TYPE, f"{field} is {kind_of(value)}, not {wanted}")


def kind_of(value: Value) -> str:
    """Return what a value is, in words."""
    if isinstance(value, Number):
        return f"the number {shown(value.text)[1:-1]}"
    if isinstance(value, Foreign):  # the name of a nested type holds names that the sender chose
        return f"a value of type {shown(value.kind)[1:-1]}"
    return {type(None): "null", bool: "a boolean", str: "a string", Pairs: "an object"}.get(type(value), "an array")


def shown(text: str) -> str:
    """Return a text given back in a detail: short, printable ASCII, in quotes."""
    cut = text if len(text) <= DETAIL_CHARACTERS else text[:DETAIL_CHARACTERS] + "..."
    return f"'{json.dumps(cut)[1:-1]}'"
