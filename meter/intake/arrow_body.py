"""Arrow IPC bodies: a table with the contract's column names, one record a row.

Null leaves a field out. Strings may be utf8, large_utf8, utf8_view or dictionaries of these; `cards` also any integer or
decimal (as the decimal string with its scale); instants also timestamps with a time zone; `charge_fen` any integer;
`via_platform` bool. Any other type refuses the record that has a value in it, with the code the JSON formats give.
"""

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from meter.intake.arrow_column import ABSENT, BAD, NO_TEXT, Column, column_of
from meter.intake.arrow_guard import check_stream
from meter.intake.arrow_rows import read_rows
from meter.intake.codes import BodyCode, BodyError, Code, Refused
from meter.intake.columns import PLACE, RECORD
from meter.intake.limits import RECORD_BYTES
from meter.intake.record import FIELDS, Foreign, Number, Pairs, Value, judge
from meter.intake.registered import Registered
from meter.intake.settle import Found

Array = npt.NDArray[Any]
BROKEN = (pa.ArrowException, OSError, UnicodeError, NotImplementedError, TypeError, KeyError, IndexError, ValueError)


@dataclass(frozen=True, slots=True)
class ArrowBody:
    """A table whose rows can be given back."""

    columns: tuple[Column, ...]

    def value(self, row: int) -> Value:
        """What a row states, for the authority: nulls left out, columns in their order."""
        stated = [column for column in self.columns if column.lengths[row] != ABSENT]
        size = sum(int(column.lengths[row]) for column in stated)
        if size > RECORD_BYTES:
            raise Refused(Code.RECORD_TOO_LARGE, f"the record has {size} bytes, at most {RECORD_BYTES} are taken")
        return Pairs((column.name, column.cell(row)) for column in stated)

    def verbatim(self, index: int) -> bytes:
        """A row as JSON: numbers and texts exact, bytes that are no UTF-8 replaced, foreign types by their name."""
        parts = []
        for column in self.columns:
            if column.lengths[index] == ABSENT:
                continue
            try:
                value = column.cell(index)
            except Refused:
                start = int(column.starts[index])
                value = column.text[start : start + int(column.lengths[index])].tobytes().decode(errors="replace")
            parts.append(f"{json.dumps(column.name, ensure_ascii=False)}: {json_of(value)}")
        return f"{{{', '.join(parts)}}}".encode(errors="replace")


def json_of(value: Value) -> str:
    """A cell as JSON text; what JSON cannot say is a string."""
    if isinstance(value, Number):
        return value.text if value.text.lstrip("-") not in ("nan", "inf") else f'"{value.text}"'
    return json.dumps(f"({value.kind})" if isinstance(value, Foreign) else value, ensure_ascii=False)


def found_in_arrow(body: bytes | bytearray, registered: Registered, fast: bool) -> Found:
    """The records of an Arrow IPC stream; raises `BodyError`."""
    check_stream(body)
    columns: list[Column] = []
    try:
        reader = pa.ipc.open_stream(pa.py_buffer(body), options=pa.ipc.IpcReadOptions(use_threads=False))
        batches = list(reader)
        count = sum(batch.num_rows for batch in batches)
        for place, field in enumerate(reader.schema):
            chunks = [batch.column(place) for batch in batches] or [pa.nulls(0, field.type)]
            columns.append(column_of(field.name, field.type, chunks))
    except BROKEN as error:
        raise BodyError(BodyCode.BAD_ARROW, f"The Arrow stream is broken: {str(error)[:200]}") from None
    document = ArrowBody(tuple(columns))
    records = np.zeros(count, RECORD)
    places = np.zeros(count, PLACE)
    texts = [NO_TEXT] * len(FIELDS)
    if fast:
        texts = read_columns(columns, registered, records, places)
    else:
        for name in ("id", "corrects", "order", "evidence"):
            places[name + "_length"] = ABSENT
    return Found(records, places, texts[0], texts[12], texts[10], texts[11], document, document.value, judge)


def read_columns(columns: list[Column], registered: Registered, records: Array, places: Array) -> list[Array]:
    """Let the kernel fill the rows it can; the text buffers by field."""
    count = len(records)
    texts: list[Array] = [NO_TEXT] * len(FIELDS)
    starts = np.zeros((len(FIELDS), count), np.int64)
    lengths = np.full((len(FIELDS), count), ABSENT, np.int32)
    values = np.full((len(FIELDS), count), BAD, np.int64)
    numeric = np.zeros(len(FIELDS), np.bool_)
    strange = np.zeros(count, np.bool_)
    taken = set()
    for column in columns:
        numbers = None if column.is_text or column.name not in FIELDS else column.numbers(column.name)
        fits = column.is_text and column.name not in ("charge_fen", "via_platform")
        if column.name not in FIELDS or column.name in taken or not (fits or numbers is not None):
            strange |= column.lengths != ABSENT
            continue
        taken.add(column.name)
        field = FIELDS.index(column.name)
        texts[field] = column.text
        starts[field] = column.starts
        lengths[field] = column.lengths
        if numbers is not None:
            numeric[field] = True
            values[field] = numbers
    facilities, chips = registered.facilities.arrays, registered.chips.arrays
    read_rows(tuple(texts), starts, lengths, values, numeric, strange, facilities, chips, records, places)
    return texts
