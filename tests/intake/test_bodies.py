"""Bodies that are no batch at all: status and code, in bounded memory."""

import gzip
import io
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
import zstandard

from meter.intake.body import MEMBERS_MAX, decoded
from meter.intake.codes import BodyCode, BodyError
from tests.intake.sample import GOOD, arrow, codes, got, row, text_of
from tests.support.records import ARROW, EVENTS, JSON, NDJSON

RECORD = text_of(GOOD).encode()
LINES = b"\n".join([RECORD] * 3)
LIMIT = 32 * 1024 * 1024
ZIPPED = gzip.compress(LINES)
ZSTD = zstandard.ZstdCompressor().compress(LINES)
TABLE = arrow(row())


def zstd_stream(text: bytes) -> bytes:
    """A frame that does not say how long its content is."""
    frame = zstandard.ZstdCompressor().compressobj()
    return frame.compress(text) + frame.flush()


def zstd_window(log: int) -> bytes:
    """A frame whose reader must keep a window of 2**log bytes."""
    parameters = zstandard.ZstdCompressionParameters(window_log=log, write_content_size=False)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    return frame.compress(LINES) + frame.flush()


BODIES: list[tuple[bytes, str, str | None, int, str]] = [
    (b"", JSON, None, 400, "empty_body"),
    (b" \n\t", JSON, None, 400, "empty_body"),
    (b"", NDJSON, None, 400, "empty_body"),
    (b"\n\r\n", NDJSON, None, 400, "empty_body"),
    (b"", ARROW, None, 400, "empty_body"),
    (gzip.compress(b""), JSON, "gzip", 400, "empty_body"),
    (b"not json", JSON, None, 400, "not_json"),
    (b"nul", JSON, None, 400, "not_json"),
    (b"null", JSON, None, 400, "not_a_batch"),
    (b"12", JSON, None, 400, "not_a_batch"),
    (b'"x"', JSON, None, 400, "not_a_batch"),
    (b"[", JSON, None, 400, "not_json"),
    (b"[" + RECORD, JSON, None, 400, "not_json"),
    (b"[" + RECORD + b",", JSON, None, 400, "not_json"),
    (b"[" + RECORD + b",]", JSON, None, 400, "not_json"),
    (b"[," + RECORD + b"]", JSON, None, 400, "not_json"),
    (b"[" + RECORD + b" " + RECORD + b"]", JSON, None, 400, "not_json"),
    (b"[" + RECORD + b", {'id': 1}]", JSON, None, 400, "not_json"),
    (b"[" + RECORD + b", nope]", JSON, None, 400, "not_json"),
    (b"[" + RECORD + b"}", JSON, None, 400, "not_json"),
    (RECORD[:-1], JSON, None, 400, "not_json"),
    (RECORD + b"x", JSON, None, 400, "trailing_bytes"),
    (RECORD + RECORD, JSON, None, 400, "trailing_bytes"),
    (b"[" + RECORD + b"]]", JSON, None, 400, "trailing_bytes"),
    (b"\xef\xbb\xbf" + RECORD, JSON, None, 400, "bad_encoding"),
    (b"\xef\xbb\xbf" + LINES, NDJSON, None, 400, "bad_encoding"),
    (RECORD.decode().encode("utf-16"), JSON, None, 400, "bad_encoding"),
    (RECORD.decode().encode("utf-16-le"), NDJSON, None, 400, "bad_encoding"),
    (RECORD.decode().encode("utf-32-be"), JSON, None, 400, "bad_encoding"),
    (b"[" * 100_000, JSON, None, 400, "too_deep"),
    (b"[" * 100_000 + b"]" * 100_000, JSON, None, 400, "too_deep"),
    (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, JSON, None, 400, "too_deep"),
    (RECORD + b"\n" + b'{"a":' * 100_000, NDJSON, None, 400, "too_deep"),
    (b"{" + b",".join(b'"%d":1' % key for key in range(1_000_000)) + b"}", JSON, None, 400, "too_many_values"),
    (b"{" + b",".join(b'"%d":1' % key for key in range(1_000_000)) + b"}", NDJSON, None, 400, "too_many_values"),
    (b"[[" + b"1," * 1_000_000 + b"1]]", EVENTS, None, 400, "too_many_values"),
    (b"[" + b"1," * 10_000 + b"1]", JSON, None, 413, "too_many_records"),
    (b"1\n" * 10_001, NDJSON, None, 413, "too_many_records"),
    (arrow(pa.table({"id": ["a"] * 10_001})), ARROW, None, 413, "too_many_records"),
    (b" " * (LIMIT + 1), JSON, None, 413, "body_too_large"),
    (gzip.compress(b" " * (LIMIT + 1)), JSON, "gzip", 413, "body_too_large"),
    (zstandard.compress(b" " * (LIMIT + 1)), JSON, "zstd", 413, "body_too_large"),
    (zstd_stream(b"\0" * (LIMIT + 1)), NDJSON, "zstd", 413, "body_too_large"),
    (gzip.compress(b" " * LIMIT) * 2, JSON, "gzip", 413, "body_too_large"),
    (ZIPPED[:-1], NDJSON, "gzip", 400, "bad_compression"),
    (ZIPPED[:20], NDJSON, "gzip", 400, "bad_compression"),
    (ZIPPED[:-8] + bytes(8), NDJSON, "gzip", 400, "bad_compression"),  # wrong sum
    (ZIPPED + b"x", NDJSON, "gzip", 400, "trailing_bytes"),
    (zlib.compress(LINES), NDJSON, "gzip", 400, "bad_compression"),
    (LINES, NDJSON, "gzip", 400, "bad_compression"),
    (b"", NDJSON, "gzip", 400, "empty_body"),
    (ZSTD[:-1], NDJSON, "zstd", 400, "bad_compression"),
    (ZSTD + b"x", NDJSON, "zstd", 400, "trailing_bytes"),
    (LINES, NDJSON, "zstd", 400, "bad_compression"),
    (zstd_window(24), NDJSON, "zstd", 400, "bad_compression"),
    (gzip.compress(ZIPPED), NDJSON, "gzip, gzip", 415, "unsupported_encoding"),
    (LINES, NDJSON, "br", 415, "unsupported_encoding"),
    (LINES, NDJSON, "deflate", 415, "unsupported_encoding"),
    (LINES, "", None, 415, "unsupported_media_type"),
    (LINES, "text/plain", None, 415, "unsupported_media_type"),
    (LINES, "application/json-seq", None, 415, "unsupported_media_type"),
    (LINES, NDJSON + "; charset=gbk", None, 415, "unsupported_charset"),
    (b"garbage", ARROW, None, 400, "bad_arrow"),
    (RECORD, ARROW, None, 400, "bad_arrow"),
    (TABLE[:-9], ARROW, None, 400, "bad_arrow"),
    (TABLE + b"x", ARROW, None, 400, "trailing_bytes"),
    (TABLE + TABLE, ARROW, None, 400, "trailing_bytes"),
    (b"\xff\xff\xff\xff\0\0\0\0", ARROW, None, 400, "bad_arrow"),
    (arrow(pa.table({f"c{place}": [1] for place in range(65)})), ARROW, None, 400, "too_many_values"),
    (arrow(pa.table({"order": ["y" * (LIMIT + 1)]}), "zstd"), ARROW, None, 413, "body_too_large"),
]


@pytest.mark.parametrize(
    ("body", "content_type", "encoding", "status", "code"), BODIES, ids=[f"{n}-{b[4]}" for n, b in enumerate(BODIES)]
)
def test_a_body_that_is_no_batch(body: bytes, content_type: str, encoding: str | None, status: int, code: str) -> None:
    """The whole body is refused, with its status and code."""
    with pytest.raises(BodyError) as caught:
        got(body, content_type, encoding)
    assert (caught.value.status, caught.value.code) == (status, code)


@pytest.mark.parametrize(
    ("body", "content_type", "encoding"),
    [
        (LINES, NDJSON, "identity"),
        (LINES, "Application/X-NDJSON ; Charset=UTF-8; boundary=x", ""),
        (LINES + b"\n", NDJSON + '; charset="utf-8"', None),
        (b"[" + RECORD + b"," + RECORD + b" , " + RECORD + b"\n]\n", JSON, None),
        (ZIPPED, NDJSON, "gzip"),
        (ZIPPED, NDJSON, "X-GZIP"),
        (gzip.compress(LINES[:100]) + gzip.compress(LINES[100:]), NDJSON, "gzip"),
        (ZSTD, NDJSON, "zstd"),
        (zstd_stream(LINES), NDJSON, "zstd"),
        (zstd_window(23), NDJSON, "zstd"),
        (zstandard.compress(LINES[:100]) + b"\x5a\x2a\x4d\x18\2\0\0\0ab" + zstd_stream(LINES[100:]), NDJSON, "zstd"),
        (arrow(pa.table({name: [value] * 3 for name, value in GOOD.items()})), ARROW, None),
        (arrow(pa.table({name: [value] * 3 for name, value in GOOD.items()}), "lz4"), ARROW, None),
        (gzip.compress(arrow(pa.table({name: [value] * 3 for name, value in GOOD.items()}), "zstd")), ARROW, "gzip"),
        (arrow(pa.table({name: [value] * 3 for name, value in GOOD.items()}))[:-8], ARROW, None),  # no end marker
    ],
)
def test_a_body_that_is_one(body: bytes, content_type: str, encoding: str | None) -> None:
    """Compressed in parts, with parameters, with or without what a format leaves open."""
    assert not any(codes(got(body, content_type, encoding)))


def test_empty_batches_are_batches() -> None:
    """No record is not the same as no body."""
    assert got(b"[]", JSON).received == 0
    assert got(b" [ ] ", EVENTS).received == 0
    assert got(arrow(row().slice(0, 0)), ARROW).received == 0


def test_ten_thousand_records_are_taken() -> None:
    """The limit itself is within the limit."""
    assert got(b"1\n" * 10_000, NDJSON).received == 10_000
    assert got(b"[" + b"1," * 9_999 + b"1]", JSON).received == 10_000


def test_arrow_in_many_batches_with_changing_dictionaries() -> None:
    """Batches of one table, each with a dictionary of its own, are one body."""
    tables = [
        pa.table({name: [value] * 2 for name, value in (GOOD | {"order": order}).items()}) for order in ("a", "b", "c")
    ]
    stream = io.BytesIO()
    encoded = [table.set_column(8, "order", table["order"].combine_chunks().dictionary_encode()) for table in tables]
    with pa.ipc.new_stream(stream, encoded[0].schema) as writer:
        for table in encoded:
            writer.write_table(table)
    received = got(stream.getvalue(), ARROW)
    plain = got(arrow(pa.concat_tables(tables)), ARROW, fast=False)
    assert not received.refused
    assert received.records["order_digest"].tolist() == plain.records["order_digest"].tolist()
    assert len(set(received.records["order_digest"].tolist())) == 3


INDEX_TYPES = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]


def stream(batches: list[pa.RecordBatch], *, deltas: bool = False) -> bytes:
    """Batches as one stream, each with the dictionary it has."""
    out = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(emit_dictionary_deltas=deltas)
    with pa.ipc.new_stream(out, batches[0].schema, options=options) as writer:
        for batch in batches:
            writer.write_batch(batch)
    return out.getvalue()


def with_orders(orders: list[pa.Array]) -> list[pa.RecordBatch]:
    """A batch for each array of orders, its records good ones with ids of their own."""
    batches = []
    for number, order in enumerate(orders):
        cells = {name: pa.array([value] * len(order)) for name, value in GOOD.items()}
        cells["id"] = pa.array([f"e{number}-{place}" for place in range(len(order))])
        batches.append(pa.RecordBatch.from_pydict(cells | {"order": order}))
    return batches


@pytest.mark.parametrize("index", INDEX_TYPES, ids=str)
@pytest.mark.parametrize("texts", [pa.string(), pa.large_string(), pa.string_view()], ids=str)
def test_dictionaries_of_any_index_may_hold_other_texts_in_every_batch(index: Any, texts: Any) -> None:
    places = pa.array([*range(100), None], index)
    words = [[f"o{batch}-{place}" for place in range(100)] for batch in range(4)]
    words[2] = words[1]
    batches = with_orders([pa.DictionaryArray.from_arrays(places, pa.array(some, texts)) for some in words])
    plain = with_orders([pa.array([*some, None]) for some in words])
    for fast in (True, False):
        received = got(stream(batches), ARROW, fast=fast)
        expected = got(stream(plain), ARROW, fast=fast)
        assert not received.refused
        assert received.records["order_digest"].tolist() == expected.records["order_digest"].tolist()
        assert received.verbatim(205) == expected.verbatim(205)


def test_a_dictionary_may_grow_from_batch_to_batch() -> None:
    words = [[f"o{place}" for place in range(10 * (batch + 1))] for batch in range(5)]
    orders = [pa.DictionaryArray.from_arrays(pa.array([0, len(some) - 1], pa.int8()), pa.array(some)) for some in words]
    received = got(stream(with_orders(orders), deltas=True), ARROW)
    plain = got(stream(with_orders([pa.array([some[0], some[-1]]) for some in words])), ARROW)
    assert received.records["order_digest"].tolist() == plain.records["order_digest"].tolist()


def test_a_dictionary_that_grows_is_counted_whole_each_time() -> None:
    """Each addition copies what was there: a large one that grows a little a hundred times is a large body."""
    words = ["y" * 1_000_000]
    orders = []
    for number in range(100):
        words = [*words, str(number)]
        orders.append(pa.DictionaryArray.from_arrays(pa.array([len(words) - 1], pa.int16()), pa.array(words)))
    with pytest.raises(BodyError) as caught:
        got(stream(with_orders(orders), deltas=True), ARROW)
    assert caught.value.code == "body_too_large"


def test_ten_thousand_batches_of_one_record_are_one_body() -> None:
    orders = [pa.DictionaryArray.from_arrays(pa.array([0], pa.int8()), pa.array([f"o{n}"])) for n in range(10_000)]
    received = got(stream(with_orders(orders)), ARROW)
    assert (received.received, len(received.records)) == (10_000, 10_000)
    assert len(set(received.records["order_digest"].tolist())) == 10_000


def test_no_byte_of_an_arrow_stream_can_be_cut_or_broken_unseen() -> None:
    """Every truncation and thousands of broken bytes: an answer or a BodyError, never another error."""
    table = pa.table({name: [value] * 2 for name, value in (GOOD | {"order": "合同"}).items()})
    for body in (arrow(table), arrow(table, "zstd")):
        for end in range(0, len(body) - 8, 7):
            with pytest.raises(BodyError):
                got(body[:end], ARROW)
        for place in range(0, len(body), 3):
            for bit in (1, 64, 255):
                broken = bytearray(body)
                broken[place] ^= bit
                try:
                    got(bytes(broken), ARROW)
                except BodyError:
                    continue


MEMORY = """
import resource, sys
sys.path.insert(0, {root!r})
from meter.intake import BodyError, Registered, receive, warm_up
import gzip, zstandard, struct, io
import pyarrow as pa
warm_up()
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
def zstd(text):
    frame = zstandard.ZstdCompressor(level=3).compressobj()
    return frame.compress(text) + frame.flush()
def bomb(kind):
    # made in pieces, so that making it is not what is measured
    out = io.BytesIO()
    if kind == "gzip":
        with gzip.GzipFile(fileobj=out, mode="wb") as file:
            for _ in range(1024): file.write(bytes(1 << 18))
    else:
        frame = zstandard.ZstdCompressor(level=3).compressobj()
        for _ in range(1024): out.write(frame.compress(bytes(1 << 18)))
        out.write(frame.flush())
    return out.getvalue()
bodies = [(bomb("gzip"), "application/json", "gzip"), (bomb("zstd"), "application/json", "zstd"),
    (b"[" * 100000, "application/json", None), (b'{{"a":' * 100000, "application/x-ndjson", None)]
before = peak()
for body, kind, encoding in bodies:
    try: receive(body, kind, encoding, Registered.of(1), 1)
    except BodyError as error: print(error.code)
print((peak() - before) // 2**20)
"""


def test_bombs_cost_bounded_memory() -> None:
    """A quarter of a gigabyte of zeros in either coding, and 10^5 levels: refused with less than 64 MiB of growth."""
    program = MEMORY.format(root=".")
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=300)
    *found, grown_mebibytes = answer.stdout.split()
    assert found == ["body_too_large", "body_too_large", "too_deep", "too_deep"]
    assert int(grown_mebibytes) < 64


def test_shared_bytes_of_a_string_view_are_counted_each_time() -> None:
    """Ten thousand views of one megabyte are ten gigabytes."""
    views = b"".join(struct.pack("<i4sii", 1_000_000, b"yyyy", 0, 0) for _ in range(10_000))
    column = pa.Array.from_buffers(
        pa.string_view(), 10_000, [None, pa.py_buffer(views), pa.py_buffer(b"y" * 1_000_000)]
    )
    with pytest.raises(BodyError) as caught:
        got(arrow(pa.table({"order": column})), ARROW)
    assert caught.value.code == "body_too_large"


def test_a_long_text_of_a_dictionary_is_counted_for_every_row() -> None:
    """Ten thousand rows that point at one megabyte are too large a body, and take no time to refuse."""
    indices = pa.array([0] * 10_000, pa.int16())
    column = pa.DictionaryArray.from_arrays(indices, pa.array(["y" * 1_000_000]))
    table = pa.table({name: [value] * 10_000 for name, value in GOOD.items()}).append_column("order", column)
    with pytest.raises(BodyError) as caught:
        got(arrow(table), ARROW)
    assert caught.value.code == "body_too_large"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress], ids=["gzip", "zstd"])
def test_a_body_of_very_many_empty_members_is_refused_and_one_of_many_is_read(pack: Callable[[bytes], bytes]) -> None:
    """Each member takes time whatever is in it: 32 MiB of empty ones are more than a million."""
    coding = "gzip" if pack is gzip.compress else "zstd"
    with pytest.raises(BodyError) as refused:
        decoded(pack(b"") * (MEMBERS_MAX + 1), coding)
    assert refused.value.code == BodyCode.BAD_COMPRESSION
    assert decoded(pack(b"[1]") * 10_000, coding) == b"[1]" * 10_000


# long: one way to spoil a body after the other, in every format
