"""JSON, NDJSON and CloudEvents bodies: found by the scanner, read by the authority where the scanner could not."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from meter.intake.body import Format
from meter.intake.codes import BodyCode, BodyError, Code, RecordRefused
from meter.intake.columns import PLACE, RECORD, TEXTS
from meter.intake.finish import Found
from meter.intake.json.text import value_of_json
from meter.intake.kernels.record_bounds import (
    DONE,
    EMPTY,
    NOT_A_BATCH,
    NOT_JSON,
    OPEN_BRACE,
    OPEN_BRACKET,
    TOO_DEEP,
    TOO_MANY_RECORDS,
    TOO_MANY_VALUES,
    TRAILING,
)
from meter.intake.kernels.scan import scan_of
from meter.intake.kernels.scanner import scan_document, scan_lines
from meter.intake.limits import BATCH_RECORDS, DEPTH_LEVELS, RECORD_BYTES, RECORD_VALUES
from meter.intake.record.event import judge_event
from meter.intake.record.usage_record import Value, judge
from meter.intake.registry_view.registered import Registered

Array = npt.NDArray[Any]

BODY_CODES = {
    NOT_JSON: BodyCode.NOT_JSON,
    EMPTY: BodyCode.EMPTY_BODY,
    NOT_A_BATCH: BodyCode.NOT_A_BATCH,
    TRAILING: BodyCode.TRAILING_BYTES,
    TOO_DEEP: BodyCode.TOO_DEEP,
    TOO_MANY_VALUES: BodyCode.TOO_MANY_VALUES,
    TOO_MANY_RECORDS: BodyCode.TOO_MANY_RECORDS,
}
FIRST_BYTE = {Format.EVENT: OPEN_BRACE, Format.EVENTS: OPEN_BRACKET}
WANTED = {
    Format.EVENT: f"One event is an object; several are an array, sent as {Format.EVENTS.value}.",
    Format.EVENTS: f"A batch of events is an array; one event alone is sent as {Format.EVENT.value}.",
}
MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class JsonBody:
    """A decoded body and where its records lie."""

    body: bytes | bytearray
    places: Array

    def verbatim(self, index: int) -> bytes:
        """Return the bytes of one record as received (of an event: the whole event)."""
        return bytes(memoryview(self.body)[int(self.places["start"][index]) : int(self.places["end"][index])])

    def value(self, row: int) -> Value:
        """Return what one record states, for the authority; raises `RecordRefused`."""
        text = self.verbatim(row)
        if len(text) > RECORD_BYTES:
            raise RecordRefused(
                Code.RECORD_TOO_LARGE, f"the record has {len(text)} bytes, at most {RECORD_BYTES} are taken"
            )
        return value_of_json(text)


def found_in_json(body: bytes | bytearray, form: Format, registered: Registered, fast: bool) -> Found:
    """Return the records of a body; raises `BodyError`.

    Blank lines of NDJSON are no records. An array, or a single object, is one JSON text: when it cannot be parsed no
    record of it is taken. In NDJSON every line is a text of its own.
    """
    if body.startswith(MARKS) or b"\0" in body[:4]:
        raise BodyError(BodyCode.BAD_ENCODING)
    letters = np.frombuffer(body, np.uint8)
    letters.flags.writeable = False  # one type for the kernels, whether the body was compressed or not
    # no record is shorter than two bytes with what separates it from the next
    room = min(BATCH_RECORDS, len(body) // 2 + 1)
    records = np.zeros(room, RECORD)
    places = np.empty(room, PLACE)
    # where a text has escapes, what it says is written apart; untouched memory costs nothing
    spare = np.empty(len(body) if b"\\" in body else 0, np.uint8)
    scan = scan_of(letters, registered, records, places, spare)
    events = form in (Format.EVENT, Format.EVENTS)
    if form is Format.NDJSON:
        outcome, count = scan_lines(scan, fast)
    else:
        outcome, count = scan_document(scan, FIRST_BYTE.get(form, 0), events, fast)
    if outcome != DONE:
        raise body_error(outcome, count, letters, form)
    document = JsonBody(body, places[:count])

    def value_of(row: int) -> Value:
        try:
            return document.value(row)
        except RecordRefused as refusal:
            if refusal.code is Code.NOT_JSON and form is not Format.NDJSON:
                raise BodyError(BodyCode.NOT_JSON, f"The body is not JSON: record {row}: {refusal.detail}.") from None
            raise

    authority = judge_event if events else judge
    spare.flags.writeable = False
    texts = dict.fromkeys(TEXTS, letters) | {"spare": spare}
    return Found(records[:count], document.places, texts, document, value_of, authority)


def body_error(outcome: int, count: int, letters: Array, form: Format) -> BodyError:
    """Return the refusal of a body whose scan ended with `outcome` after `count` records."""
    code = BODY_CODES[outcome]
    if code is BodyCode.NOT_A_BATCH and letters.size <= RECORD_BYTES:
        try:
            value_of_json(letters.tobytes())
        except RecordRefused:
            code = BodyCode.NOT_JSON
    details = {
        BodyCode.NOT_A_BATCH: WANTED.get(form),
        BodyCode.NOT_JSON: f"The body is not JSON: it ends or breaks off after record {count - 1}." if count else None,
        BodyCode.TOO_DEEP: f"Record {count} is nested deeper than {DEPTH_LEVELS} levels.",
        BodyCode.TOO_MANY_VALUES: f"Record {count} has more than {RECORD_VALUES} values.",
    }
    return BodyError(code, details.get(code))
