"""Compiles, or loads from the cache, every kernel of intake, so that the first request does not wait for it."""

import io
import json

import polars as pl
import pyarrow as pa

from meter.intake.body import Format
from meter.intake.receive import receive
from meter.intake.registry_view.catalogue import DatedCode
from meter.intake.registry_view.registered import Registered

CONSUMER = "91340100MA0020016K"
INSTANT = "2025-01-01T00:00:00Z"
RECORD = {
    "id": "a",
    "consumer": CONSUMER,
    "facility": "f",
    "chip": "c",
    "cards": "0.5",
    "started_at": INSTANT,
    "ended_at": INSTANT,
    "charge_fen": 1,
    "purpose": "research",
    "via_platform": True,
    "order": "合同",
    "evidence": "e",
    "corrects": "b",
    "action": "replace",
}


def warm_up() -> None:
    """Send one record through every format. Seconds when nothing is cached, else a fraction of one."""
    registered = Registered.of(0, [DatedCode("f", 1)], [DatedCode("c", 1)], [CONSUMER], [1])
    registered = registered.extended(1, party_codes=["91340100MA0090014K"], party_numbers=[2])
    record = json.dumps(RECORD).encode()
    event = json.dumps({"specversion": "1.0", "type": "t", "source": "s", "id": "a", "data": RECORD}).encode()
    stream = io.BytesIO()
    # by way of polars: pyarrow alone loads pandas, where that is installed, to see whether a list is of its kind
    kinds = {str: pa.string(), int: pa.int64(), bool: pa.bool_()}
    schema = pa.schema([(name, kinds[type(value)]) for name, value in RECORD.items()])
    table = pl.DataFrame([RECORD]).to_arrow().cast(schema)
    with pa.ipc.new_stream(stream, table.schema) as writer:
        writer.write_table(table)
    for form, body in (
        (Format.JSON, record),
        (Format.NDJSON, record + b"\n{}"),
        (Format.EVENT, event),
        (Format.ARROW, stream.getvalue()),
    ):
        receive(body, form.value, None, registered, 1)
