"""What the document says of receiving: bodies by content type, and the codes of all that may be refused."""

from __future__ import annotations

from typing import Any

from api.http.openapi import array_of, ref
from api.http.operation import Content
from api.schemas.base import example_of
from api.schemas.usage_record import CloudEvent, UsageRecord, VoidRecord
from meter.intake.body import Format
from meter.intake.codes import BODY_MEANING, MEANING
from meter.intake.limits import BATCH_RECORDS, BODY_BYTES
from meter.journal.write.decide import CONFLICT_CODE, REFUSALS
from meter.registry.body import ITEMS_MAX

_RECORD: dict[str, Any] = {"anyOf": [ref(UsageRecord), ref(VoidRecord)]}
_BINARY: dict[str, Any] = {"type": "string", "format": "binary"}
_EXAMPLE: dict[str, Any] = example_of(UsageRecord)
_EVENT: dict[str, Any] = example_of(CloudEvent) | {"data": _EXAMPLE}
_BODIES: dict[Format, dict[str, Any]] = {
    Format.JSON: {"anyOf": [{"type": "array", "items": _RECORD, "maxItems": BATCH_RECORDS}, *_RECORD["anyOf"]]},
    Format.NDJSON: _BINARY | {"description": "one JSON object a line; blank lines are skipped"},
    Format.EVENT: ref(CloudEvent),
    Format.EVENTS: array_of(CloudEvent, BATCH_RECORDS),
    Format.ARROW: _BINARY | {"description": "an Arrow IPC stream, the fields as columns; null leaves a field out"},
}
RECORDS = Content(
    {form.value: schema for form, schema in _BODIES.items()},
    {Format.JSON.value: [_EXAMPLE], Format.EVENT.value: _EVENT, Format.EVENTS.value: [_EVENT]},
    (UsageRecord, VoidRecord, CloudEvent),
)
BODY_CODES = tuple(str(code) for code in BODY_MEANING)


def items(model: Any) -> Content:
    """Make the body of a PUT: an array of items of the registry."""
    return Content.json(array_of(model, ITEMS_MAX), [example_of(model)], (model,))


def receiving() -> str:
    """Describe the route that receives records, with every code it may answer."""
    records = "; ".join(f"`{code}`: {meaning.english}" for code, meaning in MEANING.items())
    decided = "; ".join(f"`{code}`: {words}" for code, words in REFUSALS.items())
    bodies = "; ".join(f"`{code}` ({status}): {meaning.english}" for code, (status, meaning) in BODY_MEANING.items())
    return "\n\n".join(
        (
            "Receive a batch of usage records; answered only after everything it reports is durably committed.",
            f"Bodies: {', '.join(form.value for form in Format)}. Content-Encoding: gzip or zstd. At most "
            f"{BATCH_RECORDS} records and {BODY_BYTES // 2**20} MiB decoded. The key names the source.",
            f"Codes of refused records, kept in quarantine: {records}; {decided}.",
            f"Code of a conflict, kept in quarantine: `{CONFLICT_CODE}`.",
            f"Codes of bodies that are not a batch, of which nothing is kept: {bodies}.",
            "Slow down: 503 `overloaded` or `journal_unavailable`, with Retry-After; sending again is always safe.",
        )
    )
