"""One column of an Arrow table: what each of its cells states, for the authority and for the kernel."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from meter.intake.codes import BodyCode, BodyError, Code, RecordRefused
from meter.intake.limits import BODY_BYTES, CHARGE_FEN, END_SECOND, FIRST_SECOND, MILLICARDS
from meter.intake.record.instants import UNIT_PER_SECOND, text_of_instant
from meter.intake.record.usage_record import Foreign, Number, Value

Array = npt.NDArray[Any]
ABSENT = -1  # as the length of a text: the cell is null, which is how Arrow leaves a field out
STATED = 0  # the length of a cell that is no text
BAD = -1  # a number no record may have
NO_TEXT = np.zeros(1, np.uint8)
NO_TEXT.flags.writeable = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column by name. A text column has its bytes in `text`, at starts and lengths; others have lengths 0 or -1."""

    name: str
    kind: Any  # the Arrow type as sent
    array: Any  # a pyarrow Array whose texts are seen as bytes
    text: Array  # u1
    starts: Array  # i8
    lengths: Array  # i4
    is_text: bool

    def cell(self, row: int) -> Value:
        """Return what a cell that is not null states; raises `RecordRefused` with bad_utf8."""
        if self.is_text:
            start, length = int(self.starts[row]), int(self.lengths[row])
            try:
                return self.text[start : start + length].tobytes().decode()
            except UnicodeDecodeError:
                raise RecordRefused(Code.BAD_UTF8, f"column {self.name} is not valid UTF-8") from None
        kind = self.array.type
        if pa.types.is_timestamp(kind):
            text = text_of_instant(self.array[row].value, kind.unit)
            return text if kind.tz is not None else text.removesuffix("Z")
        if pa.types.is_integer(kind):
            return Number(str(self.array[row].as_py()))
        if pa.types.is_floating(kind):
            return Number(repr(self.array[row].as_py()))
        if pa.types.is_boolean(kind):
            return bool(self.array[row].as_py())
        if pa.types.is_decimal(kind) and self.name == "charge_fen":
            value = self.array[row].as_py()
            return Number(str(int(value)) if value == int(value) else f"{value:f}")
        if pa.types.is_decimal(kind):
            return f"{self.array[row].as_py():f}"
        return Foreign(str(self.kind))

    def fits(self, field: str) -> bool:
        """Return whether the kernels can read this column as that field."""
        kind = self.array.type
        if self.is_text:
            return field not in ("charge_fen", "via_platform")
        if field == "cards" and pa.types.is_decimal128(kind):
            return bool(0 <= kind.scale <= 3)
        if field == "charge_fen" and pa.types.is_decimal128(kind):
            return bool(kind.scale == 0)
        if field in ("cards", "charge_fen"):
            return bool(pa.types.is_integer(kind))
        if field == "via_platform":
            return bool(pa.types.is_boolean(kind))
        return field in ("started_at", "ended_at") and bool(pa.types.is_timestamp(kind)) and kind.tz is not None

    def numbers(self, field: str) -> Array:
        """Return the values of a fitting column that is no text, as the field carries them, BAD where out of range."""
        if field == "via_platform":
            # null and false is false; to fill in a scalar, or to_numpy, would load pandas where that is installed
            stated = pc.and_kleene(self.array, self.array.is_valid())
            return values_of(stated.cast(pa.uint8())).astype(np.bool_)
        if field == "charge_fen" and pa.types.is_decimal128(self.array.type):
            return self._decimals(0, CHARGE_FEN, 1)
        if field == "charge_fen":
            return within(values_of(self.array), 0, CHARGE_FEN, 1)
        if field == "cards" and pa.types.is_integer(self.array.type):
            return within(values_of(self.array), 1, MILLICARDS // 1000, 1000)
        if field == "cards":
            unit = 10 ** (3 - self.array.type.scale)
            return self._decimals(1, MILLICARDS // unit, unit)
        seconds = values_of(self.array) // UNIT_PER_SECOND[self.array.type.unit]
        return within(seconds, FIRST_SECOND, END_SECOND - 1, 1)

    def _decimals(self, least: int, most: int, unit: int) -> Array:
        """Return the values of a decimal128 column, by the digits it stores, times a unit."""
        halves = aligned(self.array.buffers()[1], np.int64)[2 * self.array.offset :][: 2 * len(self.array)]
        low = within(halves[0::2], least, most, unit)
        return np.where(halves[1::2] == 0, low, BAD)


def is_text(kind: Any) -> bool:
    """Return whether an Arrow type is one of the string types, dictionaries of them included."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def column_of(name: str, kind: Any, chunks: list[Any]) -> Column:
    """Return a column from its chunks, every buffer and offset of it validated; raises ArrowInvalid for what is broken.

    Text is validated as bytes and read as UTF-8 cell by cell, so that one bad cell costs one record.
    """
    text_cells = is_text(kind)
    seen = [bytes_view(chunk) for chunk in chunks] if text_cells else chunks
    for chunk in seen:
        chunk.validate(full=True)
    if text_cells and len(seen) > 1 and pa.types.is_dictionary(seen[0].type):
        return Column(name, kind, seen[0], *texts_of_chunks(seen), True)
    array = seen[0] if len(seen) == 1 else pa.concat_arrays(seen)
    if pa.types.is_dictionary(array.type) and not text_cells:
        array = array.dictionary_decode() if pa.types.is_primitive(array.type.value_type) else array
    present = None if array.null_count == 0 else array.is_valid().to_numpy(zero_copy_only=False)
    if pa.types.is_null(array.type):
        present = np.zeros(len(array), np.bool_)
    if text_cells:
        text, starts, lengths = texts_of(array)
    else:
        text, starts, lengths = NO_TEXT, np.zeros(len(array), np.int64), np.full(len(array), STATED, np.int32)
    if present is not None:
        lengths = np.where(present, lengths, np.int32(ABSENT))
    return Column(name, kind, array, text, starts, lengths, text_cells)


def bytes_view(array: Any) -> Any:
    """Return a string array, or a dictionary of strings, seen as bytes, without a copy."""
    kind = array.type
    if pa.types.is_dictionary(kind):
        return pa.DictionaryArray.from_arrays(array.indices, bytes_view(array.dictionary), safe=False)
    if pa.types.is_string_view(kind):
        return array.view(pa.binary_view())
    return array.view(pa.large_binary() if pa.types.is_large_string(kind) else pa.binary())


def texts_of(array: Any) -> tuple[Array, Array, Array]:
    """Return (bytes, starts, lengths) of an array of bytes; a dictionary's texts are pointed to, not repeated."""
    if pa.types.is_dictionary(array.type):
        text, starts, lengths = texts_of(array.dictionary)
        if array.dictionary.null_count:
            lengths = np.where(array.dictionary.is_valid().to_numpy(zero_copy_only=False), lengths, np.int32(ABSENT))
        if not len(lengths):
            return text, np.zeros(len(array), np.int64), np.full(len(array), ABSENT, np.int32)
        places = values_of(array.indices if array.null_count == 0 else array.indices.fill_null(0))
        places = places.astype(np.int64)
        return text, starts[places], lengths[places]
    if pa.types.is_binary_view(array.type):
        # views may share bytes: what they add up to is bounded before it is laid out
        sizes = np.frombuffer(array.buffers()[1] or b"", np.int32)[4 * array.offset :][: 4 * len(array) : 4]
        if int(np.maximum(sizes, 0).sum(dtype=np.int64)) > BODY_BYTES:
            raise BodyError(BodyCode.BODY_TOO_LARGE)
        array = array.cast(pa.binary())
    width = np.int64 if pa.types.is_large_binary(array.type) else np.int32
    _, offsets_buffer, text_buffer = array.buffers()
    if not len(array):
        return NO_TEXT, np.zeros(0, np.int64), np.zeros(0, np.int32)
    offsets = aligned(offsets_buffer, width)[array.offset : array.offset + len(array) + 1]
    text = np.frombuffer(text_buffer, np.uint8) if text_buffer is not None and text_buffer.size else NO_TEXT
    text.flags.writeable = False  # one type for the kernels
    return text, offsets[:-1].astype(np.int64), np.diff(offsets).astype(np.int32)


def texts_of_chunks(chunks: list[Any]) -> tuple[Array, Array, Array]:
    """Return (bytes, starts, lengths) of chunks that each have a dictionary; one that several share is laid out once.

    To bring them under one dictionary could take more places than its index type counts.
    """
    places: dict[tuple[object, ...], int] = {}
    texts: list[Array] = []
    starts: list[Array] = []
    lengths: list[Array] = []
    room = 0
    for chunk in chunks:
        text, its_starts, its_lengths = texts_of(chunk)
        buffers = chunk.dictionary.buffers()
        shared = tuple((buffer.address, buffer.size) if buffer is not None else None for buffer in buffers)
        key = (shared, chunk.dictionary.offset, len(chunk.dictionary))
        if key not in places:
            places[key] = room
            texts.append(text)
            room += len(text)
        if chunk.null_count:
            valid = chunk.is_valid().to_numpy(zero_copy_only=False)
            its_lengths = np.where(valid, its_lengths, np.int32(ABSENT))
        starts.append(its_starts + places[key])
        lengths.append(its_lengths)
    whole = np.concatenate(texts)
    whole.flags.writeable = False
    return whole, np.concatenate(starts), np.concatenate(lengths)


def values_of(array: Any) -> Array:
    """Return the values of an array of numbers or timestamps; what stands in for a null has no meaning."""
    kind = array.type
    form = np.dtype(np.int64) if pa.types.is_timestamp(kind) else np.dtype(kind.to_pandas_dtype())
    return aligned(array.buffers()[1], form)[array.offset : array.offset + len(array)]


def aligned(buffer: Any, form: Any) -> Array:
    """Return a buffer as numbers, copied where the sender did not align it."""
    if buffer is None:
        return np.zeros(0, form)
    whole = np.frombuffer(buffer, np.uint8)
    form = np.dtype(form)
    values = whole[: whole.size // form.itemsize * form.itemsize].view(form)
    return np.require(values, requirements="A")


def within(values: Array, least: int, most: int, unit: int) -> Array:
    """Multiply integers by a unit as int64, BAD outside least..most (compared in their own width, so nothing
    wraps)."""
    info = np.iinfo(values.dtype)
    good = (values >= max(least, int(info.min))) & (values <= min(most, int(info.max)))
    return np.where(good, np.where(good, values, 0).astype(np.int64) * unit, BAD)
