"""Checks an Arrow IPC stream before any library reads it: framing, sizes and counts, from the raw bytes alone.

A message's metadata is a flatbuffer; only the few fields that bound memory are read. What this lets through cannot make
a reader allocate more than the body limit, whatever its compressed buffers claim.
"""

import struct
from typing import NamedTuple

from meter.intake.codes import BodyCode, BodyError
from meter.intake.limits import BATCH_RECORDS, BODY_BYTES

CONTINUATION = 0xFFFFFFFF
METADATA_BYTES = 12 * 1024 * 1024  # of all messages together; 10,000 batches of one record need 8
MESSAGES = 20_480  # 10,000 batches of one record, each with a dictionary of its own
COLUMNS = 64  # children of nested columns counted
SCHEMA, DICTIONARY_BATCH, RECORD_BATCH = 1, 2, 3


class Table(NamedTuple):
    """A flatbuffer table: where it and its list of field offsets begin."""

    data: memoryview
    place: int

    def field(self, number: int) -> int:
        """Return the place of a field's value, or 0 where it is left out."""
        fields = self.place - number_at(self.data, "<i", self.place)
        entry = 4 + 2 * number
        if entry + 2 > number_at(self.data, "<H", fields):
            return 0
        offset = number_at(self.data, "<H", fields + entry)
        return self.place + offset if offset else 0

    def number(self, number: int, form: str) -> int:
        """Return a scalar field, 0 where it is left out."""
        place = self.field(number)
        return number_at(self.data, form, place) if place else 0

    def table(self, number: int) -> "Table | None":
        """Return a table field, None where it is left out."""
        place = self.field(number)
        return Table(self.data, place + number_at(self.data, "<I", place)) if place else None

    def vector(self, number: int) -> tuple[int, int]:
        """Return (place of the first item, number of items) of a vector field."""
        place = self.field(number)
        if not place:
            return 0, 0
        start = place + number_at(self.data, "<I", place)
        return start + 4, number_at(self.data, "<I", start)


def number_at(data: memoryview, form: str, place: int) -> int:
    """Return a little-endian number; raises struct.error outside the data."""
    if place < 0:
        raise struct.error("before the beginning")
    value: int = struct.unpack_from(form, data, place)[0]
    return value


def check_stream(body: bytes | bytearray) -> None:
    """Raise `BodyError` unless the body is one framed Arrow stream within the limits.

    The stream may end with its end marker or, as the format allows, without one; nothing may follow the marker.
    """
    view = memoryview(body)
    place = 0
    sizes = Sizes(0, 0, {})
    metadata_bytes = 0
    for number in range(MESSAGES):
        try:
            length = metadata_length(view, place, number)
            if length is None:
                return
            metadata_bytes += length
            if metadata_bytes > METADATA_BYTES or place + 8 + length > len(view):
                raise BodyError(BodyCode.BAD_ARROW, f"The metadata of message {number} is cut short or too large.")
            metadata = view[place + 8 : place + 8 + length]
            message = Table(metadata, number_at(metadata, "<I", 0))
            kind = message.number(1, "<B")
            header = message.table(2)
            body_bytes = message.number(3, "<q")
            start = place + 8 + length
            if header is None or body_bytes < 0 or start + body_bytes > len(view):
                raise BodyError(BodyCode.BAD_ARROW, f"The body of message {number} is cut short.")
            if (kind == SCHEMA) != (number == 0):
                raise BodyError(BodyCode.BAD_ARROW, "A stream is one schema and then its batches.")
            if kind == SCHEMA:
                check_columns(header)
            elif kind in (RECORD_BATCH, DICTIONARY_BATCH):
                batch = header if kind == RECORD_BATCH else header.table(1)
                if batch is None:
                    raise BodyError(BodyCode.BAD_ARROW, f"Message {number} has no batch.")
                sizes = sizes.with_batch(header, batch, view[start : start + body_bytes])
            else:
                raise BodyError(BodyCode.BAD_ARROW, f"Message {number} is of a kind a table does not have.")
            place = start + body_bytes
        except struct.error:
            raise BodyError(BodyCode.BAD_ARROW, f"Message {number} is cut short or broken.") from None
    raise BodyError(BodyCode.BAD_ARROW, f"The stream has more than {MESSAGES} messages.")


def metadata_length(view: memoryview, place: int, number: int) -> int | None:
    """Return how long the metadata of the message at `place` is; None where the stream ends. Raises `BodyError`."""
    if place == len(view) and number:
        return None
    if number_at(view, "<I", place) != CONTINUATION:
        raise BodyError(BodyCode.BAD_ARROW, f"Message {number} does not begin with a continuation mark.")
    length = number_at(view, "<I", place + 4)
    if length:
        return length
    if place + 8 != len(view):
        raise BodyError(BodyCode.TRAILING_BYTES)
    if not number:
        raise BodyError(BodyCode.BAD_ARROW, "The stream has no schema.")
    return None


class Sizes(NamedTuple):
    """What the batches of a stream come to so far."""

    rows: int
    decoded_bytes: int
    dictionaries: dict[int, int]  # by their ids, what each takes

    def with_batch(self, header: Table, batch: Table, body: memoryview) -> "Sizes":
        """Add one batch more; that of a dictionary stands in a header of its own.

        Raises `BodyError` above a limit.
        """
        its_bytes = decoded_bytes_of(batch, body)
        of_dictionary = header.place != batch.place
        if of_dictionary:
            name = header.number(0, "<q")
            if header.number(2, "<B"):  # an addition: whoever reads it copies what was there
                its_bytes += self.dictionaries.get(name, 0)
            self.dictionaries[name] = its_bytes
        decoded_bytes = self.decoded_bytes + its_bytes
        length = batch.number(0, "<q")
        if length < 0 or decoded_bytes > BODY_BYTES:
            raise BodyError(BodyCode.BODY_TOO_LARGE if length >= 0 else BodyCode.BAD_ARROW)
        rows = self.rows + (0 if of_dictionary else length)
        if rows > BATCH_RECORDS:
            raise BodyError(BodyCode.TOO_MANY_RECORDS)
        return Sizes(rows, decoded_bytes, self.dictionaries)


def check_columns(schema: Table) -> None:
    """Raise `too_many_values` for a schema of too many columns; nested ones count with their children."""
    if schema.number(0, "<h") != 0:
        raise BodyError(BodyCode.BAD_ARROW, "The stream is big-endian.")
    waiting = [schema.vector(1)]
    seen = 0
    while waiting:
        first, count = waiting.pop()
        seen += count
        if seen > COLUMNS:
            raise BodyError(BodyCode.TOO_MANY_VALUES, f"The table has more than {COLUMNS} columns.")
        for item in range(count):
            place = first + 4 * item
            column = Table(schema.data, place + number_at(schema.data, "<I", place))
            waiting.append(column.vector(5))


def decoded_bytes_of(batch: Table, body: memoryview) -> int:
    """Return what the buffers of a batch take in memory: a compressed buffer begins with its decoded length."""
    compressed = batch.table(3) is not None
    first, count = batch.vector(2)
    if count > len(batch.data) // 16:
        raise struct.error("more buffers than there is room for")
    numbers = struct.unpack_from(f"<{2 * count}q", batch.data, first)
    total = 0
    for offset, length in zip(numbers[::2], numbers[1::2], strict=True):
        if offset < 0 or length < 0 or offset + length > len(body):
            raise BodyError(BodyCode.BAD_ARROW, "A buffer lies outside its message.")
        decoded = number_at(body, "<q", offset) if compressed and length >= 8 else -1
        if decoded < -1:
            raise BodyError(BodyCode.BAD_ARROW, "A buffer claims a negative length.")
        total += length if decoded == -1 else decoded
        if total > BODY_BYTES:
            return total
    return total
