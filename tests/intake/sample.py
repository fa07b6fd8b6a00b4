"""A small registry, a good record, and the same records written in every format."""

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa

from meter.intake import DatedCode, Received, Registered, receive
from tests.support.records import EVENTS, JSON, NDJSON, uscc

A, B = uscc(20016), uscc(90014)
FIRST_DAY = 20_089  # 2025-01-01
REGISTERED = Registered.of(
    1,
    [
        DatedCode("hub", 7),
        DatedCode("合肥-1", 8),
        DatedCode("late", 9, 20_454),
        DatedCode("closed", 10, None, FIRST_DAY),
    ],
    [DatedCode("K1000", 3, FIRST_DAY - 365), DatedCode("new", 4, 20_454, 20_500)],
    [A],
    [42],
)
GOOD: dict[str, Any] = {
    "id": "e1",
    "consumer": A,
    "facility": "hub",
    "chip": "K1000",
    "cards": 8,
    "started_at": "2025-10-01T08:00:00+08:00",
    "ended_at": "2025-10-01T18:00:00+08:00",
    "charge_fen": 100,
}


class Raw(str):
    """JSON text that stands for itself where json.dumps would write something else."""

    __slots__ = ()


def text_of(record: object) -> str:
    """JSON of a record in which `Raw` values are left as they are; other values are written by the standard library."""
    if not isinstance(record, Mapping):
        return record if isinstance(record, Raw) else json.dumps(record)
    return "{" + ", ".join(f"{json.dumps(name)}: {text_of(value)}" for name, value in record.items()) + "}"


def event_text(data: str, identity: str = "e1", **attributes: object) -> str:
    """A CloudEvents event around the JSON text of a record."""
    event = {"specversion": "1.0", "type": "usage", "source": "/platform", "id": identity} | attributes
    return text_of(event | {"data": Raw(data)})


def written(texts: Iterable[str], ids: Iterable[str] | None = None) -> dict[str, bytes]:
    """The JSON texts of records as a body of every JSON format that takes several; by content type."""
    texts = list(texts)
    ids = ["e1"] * len(texts) if ids is None else list(ids)
    events = [event_text(text, identity) for text, identity in zip(texts, ids, strict=True)]
    return {
        JSON: f"[{', '.join(texts)}]".encode("utf-8", "surrogatepass"),
        NDJSON: "\n".join(texts).encode("utf-8", "surrogatepass"),
        EVENTS: f"[{', '.join(events)}]".encode("utf-8", "surrogatepass"),
    }


def arrow(table: Any, compression: str | None = None) -> bytes:
    """A table as an Arrow IPC stream."""
    stream = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression=compression)
    with pa.ipc.new_stream(stream, table.schema, options=options) as writer:
        writer.write_table(table)
    return stream.getvalue()


def row(**fields: Any) -> Any:
    """A table of one row: the good record with fields changed; a pyarrow Array of one cell is taken as it is."""
    cells = GOOD | fields
    return pa.table({name: cell if isinstance(cell, pa.Array) else pa.array([cell]) for name, cell in cells.items()})


def got(body: bytes, content_type: str, encoding: str | None = None, fast: bool = True) -> Received:
    """The body received with the small registry."""
    return receive(body, content_type, encoding, REGISTERED, 5, fast=fast)


def codes(received: Received) -> list[str]:
    """One word a record of the body: its code, or "" where it was accepted."""
    words = [""] * received.received
    for refusal in received.refused:
        words[refusal.index] = str(refusal.code)
    return words
