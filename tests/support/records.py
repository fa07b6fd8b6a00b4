"""Usage records and registry items to send, each a plain good one with what the test is about changed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import zstandard

from tests.reference.uscc import coded

Record = dict[str, Any]
ABSENT = object()
"""Given as a value: leave the field out."""

JSON, NDJSON = "application/json", "application/x-ndjson"
EVENT, EVENTS = "application/cloudevents+json", "application/cloudevents-batch+json"
ARROW = "application/vnd.apache.arrow.stream"


def uscc(number: int, region: str = "340100") -> str:
    """A well-formed code that belongs to nobody."""
    return coded(f"91{region}MA{number:07d}")


USER, OWNER = uscc(1), uscc(2)


def usage(name: str, **changes: object) -> Record:
    """A usage record of one card for one hour."""
    record: Record = {
        "id": name,
        "consumer": USER,
        "facility": "hf-01",
        "chip": "card-a",
        "cards": 1,
        "started_at": "2025-09-01T08:00:00+08:00",
        "ended_at": "2025-09-01T09:00:00+08:00",
        "charge_fen": 100,
        "purpose": "research",
    }
    return changed(record, changes)


def changed(record: Record, changes: dict[str, object]) -> Record:
    """The record with fields replaced, added, or (ABSENT) left out."""
    return {name: value for name, value in {**record, **changes}.items() if value is not ABSENT}


def void(name: str, corrects: str) -> Record:
    """A void of a record."""
    return {"id": name, "corrects": corrects, "action": "void"}


def facility(name: str = "hf-01", **changes: object) -> Record:
    """A facility with one owner since 2015."""
    item: Record = {
        "id": name,
        "name": f"智算中心 {name}",
        "region": "340100",
        "intelligent": True,
        "owners": [{"uscc": OWNER, "share": "1"}],
        "valid_from": "2015-01-01",
    }
    return changed(item, changes)


def chip(name: str = "card-a", **changes: object) -> Record:
    """A chip of 312 TFLOPS since 2015."""
    return changed({"chip": name, "tflops_fp16": "312", "source": "data sheet", "valid_from": "2015-01-01"}, changes)


def entity(code: str = USER, **changes: object) -> Record:
    """An enterprise in Hefei since 2015."""
    item: Record = {
        "uscc": code,
        "name": "示例单位",
        "kind": "enterprise",
        "independent_legal_person": True,
        "region": "340100",
        "ai_enterprise": True,
        "state_body": False,
        "valid_from": "2015-01-01",
    }
    return changed(item, changes)


def holding(holder: str, held: str, share: str, **changes: object) -> Record:
    """A holding since 2015."""
    return changed(
        {"holder": holder, "held": held, "share": share, "from": "2015-01-01", "document": "register"}, changes
    )


def expenditure(name: str, **changes: object) -> Record:
    """An invoice for September 2025."""
    item: Record = {
        "id": name,
        "consumer": USER,
        "kind": "invoice",
        "served_from": "2025-09-01",
        "served_to": "2025-09-30",
        "amount_fen": 1000,
        "document": f"invoice {name}",
    }
    return changed(item, changes)


def as_lines(records: Iterable[Record]) -> bytes:
    """NDJSON."""
    return b"\n".join(json.dumps(record, ensure_ascii=False).encode() for record in records)


def as_array(records: Sequence[Record]) -> bytes:
    """A JSON array."""
    return json.dumps(records, ensure_ascii=False).encode()


def as_event(record: Record) -> Record:
    """A record in a CloudEvents envelope."""
    return {"specversion": "1.0", "source": "/platform", "type": "usage", "id": record["id"], "data": record}


_INSTANT = pa.timestamp("s", tz="UTC")
_ARROW = {
    "id": pa.string(), "consumer": pa.string(), "facility": pa.string(), "chip": pa.string(),
    "cards": pa.decimal128(12, 3), "started_at": _INSTANT, "ended_at": _INSTANT, "charge_fen": pa.int64(),
    "purpose": pa.string(), "via_platform": pa.bool_(), "order": pa.string(), "evidence": pa.string(),
    "corrects": pa.string(), "action": pa.string(),
}  # fmt: skip


def as_arrow(records: Sequence[Record]) -> bytes:
    """An Arrow IPC stream; a field that no record states has no column."""
    from decimal import Decimal

    def cell(name: str, value: Any) -> Any:
        if value is not None and name in ("started_at", "ended_at"):
            return datetime.fromisoformat(value).astimezone(UTC)
        return Decimal(str(value)) if value is not None and name == "cards" else value

    names = [name for name in _ARROW if any(name in record for record in records)]
    columns = [pa.array([cell(name, record.get(name)) for record in records], _ARROW[name]) for name in names]
    table = pa.table(dict(zip(names, columns, strict=True)))
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue().to_pybytes())


def packed(body: bytes, encoding: str) -> bytes:
    """The body under a content encoding."""
    return gzip.compress(body) if encoding == "gzip" else zstandard.compress(body)


def hours(start: str, count: float) -> str:
    """The instant some hours after another."""
    return (datetime.fromisoformat(start) + timedelta(hours=count)).isoformat()
