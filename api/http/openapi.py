"""What /openapi.json says beyond what the routes' own signatures say: bodies, the receipt, and every code."""

from __future__ import annotations

from typing import Any

from meter.intake.body import Format
from meter.intake.codes import BODY_MEANING, MEANING
from meter.intake.limits import BATCH_RECORDS, BODY_BYTES, CHARGE_FEN, EVIDENCE_CHARACTERS, TEXT_CHARACTERS
from meter.intake.record.usage_record import ID, MEASURED
from meter.journal.write.decide import CONFLICT_CODE, REFUSALS
from meter.registry.body import ITEMS_MAX
from meter.vocabulary import ACTIONS, PURPOSES

Schema = dict[str, Any]
_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_ID: Schema = {"type": "string", "pattern": f"^{ID.pattern}$"}
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": TEXT_CHARACTERS}
_INSTANT: Schema = {
    "type": "string",
    "format": "date-time",
    "description": "RFC 3339 with an offset; whole seconds count",
}

PROBLEM: Schema = {
    "type": "object",
    "properties": dict.fromkeys(("type", "title", "detail", "instance", "code"), _TEXT)
    | {"status": {"type": "integer"}},
    "required": ["type", "title", "status", "detail", "instance", "code"],
}
ERRORS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "A problem document (RFC 9457) with a stable `code`; 503 says when to come back (Retry-After)",
        "content": {"application/problem+json": {"schema": PROBLEM}},
    }
}
RECORD: Schema = {
    "type": "object",
    "properties": {
        "id": _ID,
        "consumer": {"type": "string", "minLength": 18, "maxLength": 18},
        "facility": _NAME,
        "chip": _NAME,
        "cards": {"oneOf": [{"type": "integer"}, {"type": "string", "pattern": r"^(0|[1-9][0-9]*)(\.[0-9]{1,3})?$"}]},
        "started_at": _INSTANT,
        "ended_at": _INSTANT,
        "charge_fen": _COUNT | {"maximum": CHARGE_FEN},
        "purpose": {"enum": [*PURPOSES, None]},
        "via_platform": {"type": "boolean", "default": True},
        "order": {"type": "string", "maxLength": TEXT_CHARACTERS},
        "evidence": {"type": "string", "pattern": "^[0-9A-Fa-f]*$", "maxLength": EVIDENCE_CHARACTERS},
        "corrects": _ID,
        "action": {"enum": list(ACTIONS)},
    },
    "anyOf": [
        {"required": ["id", *MEASURED]},
        {"required": ["id", "corrects", "action"], "properties": {"action": {"const": "void"}}},
    ],
    "dependentRequired": {"corrects": ["action"], "action": ["corrects"]},
    "additionalProperties": False,
}
_EVENT: Schema = {
    "type": "object",
    "description": "CloudEvents 1.0; the record is its `data`, whose id is the event's",
    "properties": {
        "specversion": {"const": "1.0"},
        "id": _ID,
        "source": _TEXT,
        "type": _TEXT,
        "data": {"type": "object"},
    },
    "required": ["specversion", "id", "source", "type", "data"],
}
_BINARY: Schema = {"type": "string", "format": "binary"}
_BODIES: dict[Format, Schema] = {
    Format.JSON: {"oneOf": [{"type": "array", "items": RECORD, "maxItems": BATCH_RECORDS}, RECORD]},
    Format.NDJSON: _BINARY | {"description": "one JSON object a line; blank lines are none"},
    Format.EVENT: _EVENT,
    Format.EVENTS: {"type": "array", "items": _EVENT, "maxItems": BATCH_RECORDS},
    Format.ARROW: _BINARY | {"description": "an Arrow IPC stream, the fields as columns; null leaves a field out"},
}
_COUNTS = dict.fromkeys(("received", "accepted", "duplicate", "conflict", "refused"), _COUNT)
RECEIPT: Schema = {
    "type": "object",
    "description": "received = accepted + duplicate + conflict + refused",
    "properties": {"batch": {"type": ["integer", "null"]}, **_COUNTS, "digest": {"type": ["string", "null"]}}
    | {
        "results": {
            "type": "array",
            "description": "what was not accepted; with `verbose` everything",
            "items": {
                "type": "object",
                "properties": {
                    "index": _COUNT,
                    "id": {"type": ["string", "null"]},
                    "status": {"enum": ["accepted", "duplicate", "conflict", "refused"]},
                    "code": {"enum": [*map(str, MEANING), *REFUSALS, CONFLICT_CODE]},
                    "detail": _TEXT,
                },
            },
        }
    },
}


def described(schema: Schema, words: str = "Successful Response") -> dict[int | str, dict[str, Any]]:
    """The good answer of a route, in JSON."""
    return {200: {"description": words, "content": {"application/json": {"schema": schema}}}}


RECEIVING: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {form.value: {"schema": schema} for form, schema in _BODIES.items()},
    }
}
ITEMS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": {"type": "array", "maxItems": ITEMS_MAX, "items": {"type": "object"}}}
        },
    }
}
CONTROL_TOTALS: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "type": "array",
                    "maxItems": ITEMS_MAX,
                    "items": {
                        "type": "object",
                        "properties": {
                            "day": {"type": "string", "format": "date"},
                            "records": _COUNT,
                            "charge_fen": _COUNT,
                        },
                        "required": ["day", "records", "charge_fen"],
                        "additionalProperties": False,
                    },
                }
            }
        },
    }
}


def receiving() -> str:
    """The description of the route that receives records, with every code it may answer."""
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
            f"Codes of bodies that are no batch, of which nothing is kept: {bodies}.",
            "Slow down: 503 `overloaded` or `journal_unavailable`, with Retry-After; sending again is always safe.",
        )
    )
