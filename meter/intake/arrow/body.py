"""Arrow IPC bodies: a table with the contract's column names, one record a row.

Null leaves a field out. Strings may be utf8, large_utf8, utf8_view or dictionaries of these; `cards` also any integer
or decimal (as the decimal string with its scale); instants also timestamps with a time zone; `charge_fen` any integer;
`via_platform` bool. Any other type refuses the record that has a value in it, with the code the JSON formats give.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meter.intake.arrow.column import ABSENT, BAD, NO_TEXT, Column, column_of
from meter.intake.arrow.guard import check_stream
from meter.intake.arrow.rows import (
    Cells,
    check_evidence,
    check_ids,
    check_orders,
    find_codes,
    make_records,
    note_stated,
    read_actions,
    read_cards,
    read_consumers,
    read_instants,
    read_purposes,
)
from meter.intake.codes import BodyCode, BodyError, Code, RecordRefused
from meter.intake.columns import PLACE, RECORD, TEXTS
from meter.intake.finish import Found
from meter.intake.limits import BODY_BYTES, RECORD_BYTES
from meter.intake.record.usage_record import FIELDS, Foreign, Number, Pairs, Value, judge, shown
from meter.intake.registry_view.registered import Registered

Array = npt.NDArray[Any]
BROKEN = (pa.ArrowException, OSError, UnicodeError, NotImplementedError, TypeError, KeyError, IndexError, ValueError)
NUMBERS = ("cards", "started_at", "ended_at", "charge_fen")
CHECKS = {"id": check_ids, "corrects": check_ids, "order": check_orders, "evidence": check_evidence}


@dataclass(frozen=True, slots=True)
class ArrowBody:
    """A table whose rows can be given back."""

    columns: tuple[Column, ...]

    def value(self, row: int) -> Value:
        """Return what a row states, for the authority: nulls left out, columns in their order."""
        stated = [column for column in self.columns if column.lengths[row] != ABSENT]
        size = sum(int(column.lengths[row]) for column in stated)
        if size > RECORD_BYTES:
            raise RecordRefused(Code.RECORD_TOO_LARGE, f"the record has {size} bytes, at most {RECORD_BYTES} are taken")
        return Pairs((column.name, column.cell(row)) for column in stated)

    def verbatim(self, index: int) -> bytes:
        """Return a row as JSON: numbers and texts exact, bytes that are no UTF-8 replaced, foreign types named."""
        parts = []
        for column in self.columns:
            if column.lengths[index] == ABSENT:
                continue
            try:
                value = column.cell(index)
            except RecordRefused:
                start = int(column.starts[index])
                value = column.text[start : start + int(column.lengths[index])].tobytes().decode(errors="replace")
            parts.append(f"{json.dumps(column.name, ensure_ascii=False)}: {json_of(value)}")
        return f"{{{', '.join(parts)}}}".encode(errors="replace")


def json_of(value: Value) -> str:
    """Return a cell as JSON text; what JSON cannot say is an object that names it, so that it is refused as it was."""
    if isinstance(value, Number):
        return value.text if value.text.lstrip("-") not in ("nan", "inf") else f'{{"number": "{value.text}"}}'
    return json.dumps({"arrow": value.kind} if isinstance(value, Foreign) else value, ensure_ascii=False)


def found_in_arrow(body: bytes | bytearray, registered: Registered, fast: bool) -> Found:
    """Return the records of an Arrow IPC stream; raises `BodyError`."""
    check_stream(body)
    columns: list[Column] = []
    text_bytes = 0
    try:
        reader = pa.ipc.open_stream(pa.py_buffer(body), options=pa.ipc.IpcReadOptions(use_threads=False))
        batches = list(reader)
        count = sum(batch.num_rows for batch in batches)
        for place, field in enumerate(reader.schema):
            chunks = [batch.column(place) for batch in batches] or [pa.nulls(0, field.type)]
            columns.append(column_of(field.name, field.type, chunks))
            # texts that rows share, in a dictionary or by views, count once for every row that has them
            text_bytes += int(columns[-1].lengths.sum(dtype=np.int64)) if columns[-1].is_text else 0
            if text_bytes > BODY_BYTES:
                raise BodyError(BodyCode.BODY_TOO_LARGE)
    except BROKEN as error:
        raise BodyError(BodyCode.BAD_ARROW, f"The Arrow stream is broken: {shown(str(error))}") from None
    document = ArrowBody(tuple(columns))
    records = np.zeros(count, RECORD)
    places = np.zeros(count, PLACE)
    for name in TEXTS:
        places[name + "_length"] = ABSENT
    by_field, strange = plain_columns(columns, count)
    texts = dict.fromkeys(TEXTS, NO_TEXT)
    if fast:
        texts = read_columns(by_field, strange, registered, records, places)
    return Found(records, places, texts, document, document.value, judge)


def plain_columns(columns: list[Column], count: int) -> tuple[dict[str, Column], Array]:
    """Return the columns the kernels can read, by field, and which rows state anything beside them."""
    by_field: dict[str, Column] = {}
    strange = np.zeros(count, np.bool_)
    for column in columns:
        if column.name in by_field or column.name not in FIELDS or not column.fits(column.name):
            strange |= column.lengths != ABSENT
        else:
            by_field[column.name] = column
    return by_field, strange


def read_columns(
    by_field: dict[str, Column], strange: Array, registered: Registered, records: Array, places: Array
) -> dict[str, Array]:
    """Let the kernels fill every row they can; the buffers that the places of texts point into."""
    count = len(records)
    good = ~strange
    texts = dict.fromkeys(TEXTS, NO_TEXT)
    stated = np.zeros(count, np.int64)
    entries = {"facility": np.full(count, BAD, np.int32), "chip": np.full(count, BAD, np.int32)}
    numbers = {name: np.full(count, BAD, np.int64) for name in NUMBERS}
    catalogues = {"facility": registered.facilities.arrays, "chip": registered.chips.arrays}
    records["via_platform"] = True
    for name, column in by_field.items():
        note_stated(column.lengths, FIELDS.index(name), stated)
        cells = column.text, column.starts, column.lengths
        if name in TEXTS:
            texts[name] = column.text
            places[name] = column.starts
            places[name + "_length"] = column.lengths
        if name in CHECKS:
            CHECKS[name](*cells, good)
        elif name == "consumer":
            read_consumers(*cells, good, records["consumer_code"])
        elif name in catalogues:
            find_codes(catalogues[name], *cells, good, entries[name])
        elif name == "purpose":
            read_purposes(*cells, good, records["purpose"])
        elif name == "action":
            read_actions(*cells, good, records["action"])
        elif name == "via_platform":
            records["via_platform"] = column.numbers(name) | (column.lengths == ABSENT)
        elif not column.is_text:
            numbers[name] = column.numbers(name)
        elif name == "cards":
            read_cards(*cells, numbers[name])
        else:
            read_instants(*cells, numbers[name])
    read = Cells(
        stated, good, numbers["cards"], numbers["started_at"], numbers["ended_at"], numbers["charge_fen"],
        entries["facility"], entries["chip"], texts["id"], texts["corrects"],
    )  # fmt: skip
    make_records(read, catalogues["facility"], catalogues["chip"], records, places)
    return texts
