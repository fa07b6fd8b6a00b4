"""The CloudEvents 1.0 envelope around a usage record (JSON format of the specification, structured mode)."""

import re

from meter.days import NotAnInstant, seconds_of_instant
from meter.intake.codes import Code, RecordRefused
from meter.intake.record.usage_record import (
    UNPRINTABLE,
    Checked,
    Number,
    Pairs,
    Value,
    fields_of,
    judge,
    kind_of,
    shown,
)
from meter.intake.registry_view.registered import Registered

ATTRIBUTE = re.compile(r"[a-z0-9]+")
JSON_MEDIA_TYPE = re.compile(r"(application/json|[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+\+json)(\s*;.*)?", re.IGNORECASE)
REQUIRED = ("specversion", "source", "type")
TEXTS = ("specversion", "source", "type", "subject", "dataschema", "datacontenttype", "time")


def judge_event(value: Value, registered: Registered) -> Checked:
    """Return the record in an event's `data`, whose id is the event's; raises `RecordRefused`.

    `data` may repeat the id, not contradict it. The API key names the source of the record; the event's own `source`
    is part of the record's content, so that one id from two of them is a conflict, never a repeat. The other attributes
    are checked against the specification and otherwise ignored.
    """
    event = fields_of(value, None, "an event")
    identity = event.get("id")
    if identity is None:
        raise RecordRefused(Code.MISSING_FIELD, "the event has no id")
    check_attributes(event)
    data = event["data"]
    if isinstance(data, Pairs) and all(name != "id" for name, _ in data):
        data = Pairs([("id", identity), *data])
    record = judge(data, registered)
    if record.id != identity:
        detail = f"the event's id is {shown(identity) if isinstance(identity, str) else kind_of(identity)}"
        raise RecordRefused(Code.EVENT_ID_DIFFERS, f"{detail}, that of its record '{record.id}'")
    source = event["source"]
    assert isinstance(source, str)
    return record._replace(event_source=source)


def check_attributes(  # noqa: C901, PLR0912 - one rule after the other, in the order told
    event: dict[str, Value],
) -> None:
    """Raise `bad_event` where the envelope breaks the specification; a null attribute is one that is not set."""
    for name, value in event.items():
        if name in ("id", "data") or value is None:
            continue
        if name == "data_base64":
            raise RecordRefused(Code.BAD_EVENT, "the record must be JSON in data, not data_base64")
        if not ATTRIBUTE.fullmatch(name):
            raise RecordRefused(
                Code.BAD_EVENT, f"{shown(name)} is not an attribute name (lower-case letters and digits)"
            )
        if name in TEXTS and not (isinstance(value, str) and value):
            raise RecordRefused(Code.BAD_EVENT, f"{name} is not a string with at least one character")
        if isinstance(value, str) and UNPRINTABLE.search(value):
            raise RecordRefused(Code.BAD_EVENT, f"{name} contains a control character or half a surrogate pair")
        # an extension attribute is a string, a boolean or an integer
        if not isinstance(value, str | bool) and not (isinstance(value, Number) and value.text.lstrip("-").isdecimal()):
            raise RecordRefused(Code.BAD_EVENT, f"attribute {shown(name)} is {kind_of(value)}")
    for name in REQUIRED:
        if event.get(name) is None:
            raise RecordRefused(Code.BAD_EVENT, f"the event has no {name}")
    if event["specversion"] != "1.0":
        raise RecordRefused(Code.BAD_EVENT, "specversion is not '1.0'")
    if "data" not in event:
        raise RecordRefused(Code.BAD_EVENT, "the event has no data")
    kind = event.get("datacontenttype")
    if isinstance(kind, str) and not JSON_MEDIA_TYPE.fullmatch(kind):
        raise RecordRefused(Code.BAD_EVENT, f"datacontenttype {shown(kind)} is not JSON")
    time = event.get("time")
    if isinstance(time, str):
        try:
            seconds_of_instant(time)
        except NotAnInstant as error:
            raise RecordRefused(Code.BAD_EVENT, f"time{error}") from None
