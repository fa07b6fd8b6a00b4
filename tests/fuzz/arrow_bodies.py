"""Arrow streams that are nearly right: dictionaries replaced between batches, odd types, empty and many batches."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from tests.fuzz.chance import TEXTS, Chance
from tests.intake.fuzz import Fuzz
from tests.intake.sample import GOOD

INDEX_TYPES = (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64())
ODD = (
    pa.null(), pa.bool_(), pa.int8(), pa.uint64(), pa.float16(), pa.float64(), pa.binary(), pa.large_binary(),
    pa.date32(), pa.date64(), pa.time32("s"), pa.time64("ns"), pa.duration("us"), pa.timestamp("ns"),
    pa.timestamp("s", "Mars/Base"), pa.decimal128(38, 0), pa.decimal128(38, 38), pa.decimal256(76, -70),
    pa.list_(pa.int8()), pa.struct([("a", pa.int8())]), pa.map_(pa.string(), pa.int8()), pa.binary(3),
    pa.month_day_nano_interval(), pa.list_(pa.string(), 2),
    pa.dictionary(pa.int8(), pa.dictionary(pa.int8(), pa.string())), pa.run_end_encoded(pa.int32(), pa.string()),
    pa.string_view(), pa.large_string(), pa.dictionary(pa.uint64(), pa.large_string(), ordered=True),
)  # fmt: skip


def arrow_body(chance: Chance, fuzz: Fuzz) -> bytes:
    """A stream of records that is often good, else odd in one way."""
    kind = chance.random.randrange(5)
    if kind == 0:
        return replaced_dictionaries(chance)
    if kind == 1:
        return odd_column(chance)
    body = fuzz.table(chance.pick((0, 1, 3, 20)))
    return chance.broken(body) if kind == 2 else body


def _columns(count: int, chance: Chance) -> dict[str, Any]:
    names = [f"a{chance.random.randrange(10**9)}-{one}" for one in range(count)]
    made = {name: pa.array([value] * count) for name, value in GOOD.items()}
    return {**made, "id": pa.array(names, pa.string())}


def replaced_dictionaries(chance: Chance) -> bytes:
    """A stream whose columns of text are dictionaries, another one in every batch."""
    count = chance.pick((1, 2, 5))
    batches = []
    index = chance.pick(INDEX_TYPES)
    for _ in range(chance.pick((1, 2, 3, 40))):
        columns = _columns(count, chance)
        text = chance.pick((columns["id"], pa.array([chance.pick(TEXTS[:1] + TEXTS[6:]) for _ in range(count)])))
        for name, column in (("id", columns["id"]), ("consumer", columns["consumer"]), ("order", text)):
            whole = column.dictionary_encode()
            dictionary = pa.concat_arrays([pa.array(["unused"]), whole.dictionary])
            indices = pa.array([one.as_py() + 1 for one in whole.indices], index)
            columns[name] = pa.DictionaryArray.from_arrays(indices, dictionary)
        batches.append(pa.record_batch(columns))
    return _stream(batches, chance)


def odd_column(chance: Chance) -> bytes:
    """A stream of which one column has a type that it does not have, or a metadata that nobody asked for."""
    count = chance.pick((0, 1, 2))
    columns = _columns(count, chance)
    name = chance.pick((*GOOD, "order", "evidence", "surprise", "purpose", "\ufeffid", "ID"))
    kind = chance.pick(ODD)
    try:
        columns[name] = pa.nulls(count, kind)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        columns[name] = pa.nulls(count)
    batch = pa.record_batch(columns)
    if chance.once_in(2):
        batch = batch.replace_schema_metadata({b"\xff\x00": b"\xfe" * chance.pick((1, 100_000)), b"pandas": b"{"})
    return _stream([batch] * chance.pick((1, 2, 300)), chance)


def _stream(batches: list[Any], chance: Chance) -> bytes:
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(
        compression=chance.pick((None, None, "zstd", "lz4")), emit_dictionary_deltas=chance.once_in(2)
    )
    try:
        with pa.ipc.new_stream(sink, batches[0].schema, options=options) as writer:
            for batch in batches:
                writer.write_batch(batch)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return b"\xff\xff\xff\xff"
    return bytes(sink.getvalue().to_pybytes())
