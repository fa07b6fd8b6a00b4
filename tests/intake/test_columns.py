"""What comes out: keys, digests, numbers, ids and the records as they were sent."""

import gzip
import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import meter.intake
from meter.intake import DatedCode, Registered, receive, receive_records, warm_up
from meter.kernels.text_digests import AS_WRITTEN, LOWER_HEX, digest_texts, initial_state
from tests.intake.fuzz import Fuzz
from tests.intake.sample import GOOD, REGISTERED, A, B, arrow, codes, event_text, got, text_of, written
from tests.support.records import ARROW, EVENTS, JSON, NDJSON


def blake2s(text: bytes, salt: bytes) -> bytes:
    """The standard library's digest."""
    return hashlib.blake2s(text, digest_size=16, salt=salt).digest()


@settings(deadline=None)
@given(st.lists(st.binary(max_size=300), max_size=40), st.binary(min_size=8, max_size=8))
def test_digests_are_those_of_the_standard_library(texts: list[bytes], salt: bytes) -> None:
    """Any number of texts of any length, some left out."""
    buffer = np.frombuffer(b"".join(texts) + b"!", np.uint8)
    lengths = np.array([len(text) if place % 5 else -1 for place, text in enumerate(texts)], np.int32)
    starts = np.cumsum([0, *(len(text) for text in texts)])[:-1].astype(np.int64)
    digests = np.zeros((len(texts), 4), np.uint32)
    digest_texts(buffer, starts, lengths, initial_state(salt), AS_WRITTEN, digests)
    for place, text in enumerate(texts):
        assert digests[place].tobytes() == (blake2s(text, salt) if place % 5 else bytes(16))


@settings(deadline=None)
@given(st.lists(st.text("0123456789abcdefABCDEF", max_size=150), max_size=40))
def test_digests_of_hexadecimal_texts_are_those_of_their_lower_case(texts: list[str]) -> None:
    buffer = np.frombuffer("".join(texts).encode() + b"!", np.uint8)
    lengths = np.array([len(text) for text in texts], np.int32)
    starts = np.cumsum([0, *lengths])[:-1].astype(np.int64)
    digests = np.zeros((len(texts), 4), np.uint32)
    digest_texts(buffer, starts, lengths, initial_state(b"evidence"), LOWER_HEX, digests)
    assert [row.tobytes() for row in digests] == [blake2s(text.lower().encode(), b"evidence") for text in texts]


RECORDS: list[dict[str, Any]] = [
    GOOD | {"order": "合同-1", "evidence": "0aF" * 40, "cards": "0.125", "purpose": "commercial"},
    GOOD | {"id": "e2", "consumer": B, "via_platform": False, "order": "", "facility": "合肥-1"},
    GOOD | {"id": "e3", "corrects": "e1", "action": "replace", "purpose": "research", "charge_fen": 10**15},
    {"id": "e4", "corrects": "e3", "action": "void"},
    GOOD | {"id": "e5", "started_at": "2025-10-01T00:00:00.999Z", "ended_at": "2025-10-01T08:00:01+08:00"},
]


@pytest.mark.parametrize("fast", [True, False])
def test_columns(fast: bool) -> None:
    """Every column of five records, the same in every format."""
    bodies = list(written(map(text_of, RECORDS), [record["id"] for record in RECORDS]).items())
    names = list(dict.fromkeys(name for record in RECORDS for name in record))
    table = pa.table(
        {
            name: [None if r.get(name) is None else str(r[name]) if name == "cards" else r[name] for r in RECORDS]
            for name in names
        }
    )
    for content_type, body in [*bodies, (ARROW, arrow(table))]:
        received = receive(body, content_type, None, REGISTERED, 513, fast=fast)
        rows = received.records
        assert not received.refused
        assert received.codes.tolist() == [0] * 5
        assert rows["index"].tolist() == [0, 1, 2, 3, 4]
        assert rows["consumer"].tolist() == [42, -1, 42, 0, 42]
        assert rows["facility"].tolist() == [7, 8, 7, 0, 7]
        assert rows["chip"].tolist() == [3, 3, 3, 0, 3]
        assert rows["millicards"].tolist() == [125, 8000, 8000, 0, 8000]
        start = 1_759_276_800
        assert rows["started"].tolist() == [start, start, start, 0, start]
        assert rows["ended"].tolist() == [start + 36_000] * 3 + [0, start + 1]
        assert rows["charge_fen"].tolist() == [100, 100, 10**15, 0, 100]
        assert rows["purpose"].tolist() == [2, 0, 1, 0, 0]
        assert rows["via_platform"].tolist() == [True, False, True, False, True]
        assert rows["action"].tolist() == [0, 0, 1, 2, 0]
        assert [bytes(code) for code in rows["consumer_code"]] == [x.encode() for x in (A, B, A)] + [
            bytes(18),
            A.encode(),
        ]
        salt = (513).to_bytes(8, "little")
        assert [bytes(key) for key in rows["key"]] == [blake2s(f"e{n}".encode(), salt) for n in range(1, 6)]
        corrected = [bytes(16), bytes(16), blake2s(b"e1", salt), blake2s(b"e3", salt), bytes(16)]
        assert [bytes(key) for key in rows["corrects"]] == corrected
        orders = [blake2s("合同-1".encode(), b"order\0\0\0")[:8], blake2s(b"", b"order\0\0\0")[:8]]
        assert rows["order_digest"].tolist() == [*(int.from_bytes(d, "little", signed=True) for d in orders), 0, 0, 0]
        evidence = blake2s(("0af" * 40).encode(), b"evidence")[:8]
        assert rows["evidence_digest"].tolist() == [int.from_bytes(evidence, "little", signed=True), 0, 0, 0, 0]
        assert received.ids(range(5)) == ["e1", "e2", "e3", "e4", "e5"]


def test_escapes_are_no_other_content() -> None:
    """However an order is escaped, its digest is that of what it says, and a kernel takes it."""
    for order in ("合同-1", 'a"b\\c/d', "\u00e9\u0800\U0001f44d", "~"):
        plain = got(json.dumps(GOOD | {"order": order}, ensure_ascii=False).encode(), NDJSON, fast=False)
        every = "".join(f"\\u{unit:04X}" for unit in memoryview(order.encode("utf-16-le")).cast("H"))
        record = text_of(GOOD | {"order": "@"})
        for text in (json.dumps(order)[1:-1], every, json.dumps(order)[1:-1].replace("/", "\\/")):
            received = got("\n".join([record, record.replace("@", text)] * 2).encode(), NDJSON)
            assert received.records["order_digest"][1::2].tolist() == plain.records["order_digest"].tolist() * 2
            assert not received.id_texts.read


def test_a_refused_record_is_given_back_as_it_was() -> None:
    """To the byte in JSON; with its id where that can be read; and it does not hide its neighbours."""
    bad = '{ "id":"x1",\t"cards" : 1.50 }'
    for content_type, body in written([text_of(GOOD), bad, "[1, 2]"]).items():
        received = got(body, content_type)
        assert [refusal.index for refusal in received.refused] == [1, 2]
        assert received.codes.tolist()[0] == 0
        assert received.ids([0]) == ["e1"]
        wanted = event_text(bad) if content_type == EVENTS else bad
        assert received.refused[0].verbatim == wanted.encode()
        assert received.verbatim(0) == (event_text(text_of(GOOD)) if content_type == EVENTS else text_of(GOOD)).encode()
        assert received.refused[0].id == ("e1" if content_type == EVENTS else "x1")
        assert received.refused[0].detail == "consumer is missing"
    lines = got(b'{"id": "a b"}\n\xff\xfe\n{"id": 5}', NDJSON)
    assert [refusal.id for refusal in lines.refused] == [None, None, None]
    assert lines.refused[1].verbatim == b"\xff\xfe"


def test_a_detail_is_short_and_ascii() -> None:
    """Whatever was sent: no control character, nothing long, nothing that a log or a page could take for its own."""
    for value in ("\n\x1b[31m", "<script>", "x" * 10_000, "\ud800", "\u202e", "'"):
        (refusal,) = got(text_of(GOOD | {value: 1, "id": "e1"}).encode("utf-8", "surrogatepass"), JSON).refused
        assert refusal.detail.isascii()
        assert refusal.detail.isprintable()
        assert len(refusal.detail) < 700


def test_a_refused_record_is_accepted_once_its_facility_is_known() -> None:
    """From every format, events and table rows included."""
    later = REGISTERED.extended(2, facilities=[DatedCode("hf-99", 99)])
    record = GOOD | {"facility": "hf-99"}
    table = pa.table({name: [value] for name, value in record.items()})
    for content_type, body in [*written([text_of(record)]).items(), (ARROW, arrow(table))]:
        (refusal,) = got(body, content_type).refused
        assert refusal.code == "unknown_facility"
        assert refusal.detail == "facility 'hf-99' is not registered"
        again = receive(b"[" + refusal.verbatim + b"]", EVENTS if content_type == EVENTS else JSON, None, later, 5)
        assert codes(again) == [""]
        assert again.records["facility"].tolist() == [99]
        assert (again.records["key"] == receive(body, content_type, None, later, 5).records["key"]).all()


def test_records_that_are_python_values() -> None:
    """As a worlds file gives them; another type than JSON has is the caller's mistake."""
    received = receive_records([GOOD, GOOD | {"id": "e2", "order": "合同"}, {}], REGISTERED, 5)
    assert codes(received) == ["", "", "missing_field"]
    assert received.ids([0, 1]) == ["e1", "e2"]
    with pytest.raises(TypeError):
        receive_records([{"id": object()}], REGISTERED, 5)


def test_threads_share_nothing() -> None:
    """The same bodies at once in four threads, while the registry grows: the same answers as one by one."""
    fuzz = Fuzz(9)
    bodies = [fuzz.body(40) for _ in range(60)]

    def answer(item: tuple[bytes, str]) -> object:
        try:
            received = got(*item)
        except meter.intake.BodyError as error:
            return str(error)
        return [received.records[name].tolist() for name in meter.intake.RECORD.names or ()], codes(received)

    expected = list(map(answer, bodies))
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(answer, bodies * 3)) == expected * 3


def specialisations() -> dict[str, int]:
    """How often every kernel was compiled or loaded."""
    found = {}
    root = Path(meter.intake.__file__).parents[1]
    for path in (path for folder in ("intake", "kernels") for path in (root / folder).rglob("*.py")):
        if path.stem == "__init__":
            continue
        module = "meter." + ".".join(path.relative_to(root).with_suffix("").parts)
        for name, value in vars(import_module(module)).items():
            if hasattr(value, "nopython_signatures"):
                found[name] = len(value.nopython_signatures)
    return found


def test_after_warming_up_nothing_is_compiled() -> None:
    """Compressed or not, in every format and type: the kernels see the types they saw first."""
    warm_up()
    before = specialisations()
    fuzz = Fuzz(3)
    for _ in range(60):
        for body, content_type in (fuzz.body(20), (fuzz.table(20), ARROW)):
            for encoding, sent in ((None, body), ("gzip", gzip.compress(body))):
                try:
                    received = got(sent, content_type, encoding)
                except meter.intake.BodyError:
                    continue
                assert received.received >= 0
    Registered.of(1, [], [], [A, B], [1, 2])
    assert before
    assert specialisations() == before


def test_every_code_has_its_meaning() -> None:
    """In English and Chinese; and the ones that may become acceptable are those of the registry."""
    assert set(meter.intake.MEANING) == set(meter.intake.Code)
    assert set(meter.intake.BODY_MEANING) == set(meter.intake.BodyCode)
    again = {str(code) for code, meaning in meter.intake.MEANING.items() if meaning.may_become_acceptable}
    assert again == {"unknown_facility", "unknown_chip", "facility_not_ruling_on_day", "chip_not_ruling_on_day"}
    for meaning in [*meter.intake.MEANING.values(), *(pair[1] for pair in meter.intake.BODY_MEANING.values())]:
        assert meaning.english.isascii()
        assert not meaning.chinese.isascii()


def test_json_of_a_row_is_json() -> None:
    """Rows of any types, given back."""
    received = got(Fuzz(5).table(30), ARROW)
    for index in range(30):
        assert isinstance(json.loads(received.verbatim(index)), dict)
