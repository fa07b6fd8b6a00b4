"""The CloudEvents envelope: what must be in it, and whose id counts."""

from typing import Any

import pytest

from meter.intake import BodyError
from meter.intake.binary_event import structured_event, text_of_header
from tests.intake.sample import GOOD, Raw, codes, event_text, got, text_of
from tests.support.records import EVENT, EVENTS, JSON

RECORD = text_of(GOOD)
NAMELESS = text_of({name: value for name, value in GOOD.items() if name != "id"})
DATA = {"data": Raw(RECORD)}
ENVELOPE: dict[str, Any] = {"specversion": "1.0", "type": "usage", "source": "/p", "id": "e1"}

CASES: list[tuple[str, str]] = [
    (event_text(RECORD), ""),
    (event_text(NAMELESS), ""),
    (event_text(RECORD, time="2025-10-01T00:00:00Z", subject="x", dataschema="urn:x"), ""),
    (event_text(RECORD, datacontenttype="application/json"), ""),
    (event_text(RECORD, datacontenttype="application/vnd.usage+json; charset=utf-8"), ""),
    (event_text(RECORD, traceparent="00-ab", attempt=3, sampled=True, other=None), ""),  # extensions
    (event_text(RECORD, source="合肥"), ""),
    (event_text(RECORD, "e2"), "event_id_differs"),
    (event_text(NAMELESS, "e 2"), "bad_id"),
    (event_text(RECORD, specversion="0.3"), "bad_event"),
    (event_text(RECORD, specversion=Raw("1.0")), "bad_event"),
    (event_text(RECORD, type=""), "bad_event"),
    (event_text(RECORD, type=None), "bad_event"),
    (event_text(RECORD, source=5), "bad_event"),
    (event_text(RECORD, subject=""), "bad_event"),
    (event_text(RECORD, time="yesterday"), "bad_event"),
    (event_text(RECORD, time="2025-13-45T99:99:99Z"), "bad_event"),
    (event_text(RECORD, time="2025-02-29T00:00:00Z"), "bad_event"),
    (event_text(RECORD, time="2025-10-01T00:00:00"), "bad_event"),
    (event_text(RECORD, time="1985-10-01T00:00:00Z"), ""),  # of the event, not of the use
    (event_text(RECORD, source="a\ud800"), "bad_event"),
    (event_text(RECORD, source="a\u0000"), "bad_event"),
    (event_text(RECORD, source="a\x7f"), "bad_event"),
    (event_text(RECORD, datacontenttype="text/xml"), "bad_event"),
    (event_text(RECORD, Trace="x"), "bad_event"),
    (event_text(RECORD, trace_id="x"), "bad_event"),
    (event_text(RECORD, extension={"a": 1}), "bad_event"),
    (event_text(RECORD, extension=1.5), "bad_event"),
    (text_of(ENVELOPE | {"data_base64": "e30="}), "bad_event"),
    (text_of(ENVELOPE), "bad_event"),
    (text_of(ENVELOPE | {"id": None} | DATA), "missing_field"),
    (text_of({"specversion": "1.0", "type": "usage", "source": "/p"} | DATA), "missing_field"),
    (text_of({"type": "usage", "source": "/p", "id": "e1"} | DATA), "bad_event"),
    (text_of(DATA | ENVELOPE), ""),  # the record before its envelope
    (event_text("null"), "not_an_object"),
    (event_text(text_of(RECORD)), "not_an_object"),
    (event_text(RECORD)[:-1] + ', "type": "usage"}', "duplicate_key"),
    (event_text(RECORD[:-1] + ', "id": "e1"}'), "duplicate_key"),
    (event_text(text_of({"id": "e1", "corrects": "e1", "action": "void"})), "corrects_itself"),
    (event_text(text_of({"corrects": "e1", "action": "void"})), "corrects_itself"),
    (event_text(text_of({"corrects": "e0", "action": "void"})), ""),
    ("[]", "not_an_object"),
    (RECORD, "bad_event"),
]


@pytest.mark.parametrize("fast", [True, False])
def test_envelopes(fast: bool) -> None:
    """A batch gives every event its own code; one event alone gives the same."""
    batch = f"[{', '.join(text for text, _ in CASES)}]".encode()
    assert codes(got(batch, EVENTS, fast=fast)) == [code for _, code in CASES]
    for text, code in CASES:
        if text.startswith("{"):
            assert codes(got(text.encode(), EVENT, fast=fast)) == [code], text


def test_the_id_of_the_event_is_the_id_of_the_record() -> None:
    """Whether the record repeats it or not."""
    received = got(f"[{event_text(NAMELESS, 'x1')}, {event_text(RECORD)}]".encode(), EVENTS)
    assert received.ids([0, 1]) == ["x1", "e1"]
    assert (
        received.records["key"] == got(f"[{event_text(NAMELESS, 'x1')}]".encode(), EVENTS, fast=False).records["key"]
    ).any()


def test_a_batch_is_an_array_and_a_single_event_an_object() -> None:
    """The content types are not interchangeable."""
    for body, content_type in ((event_text(RECORD), EVENTS), (f"[{event_text(RECORD)}]", EVENT)):
        with pytest.raises(BodyError) as caught:
            got(body.encode(), content_type)
        assert (caught.value.status, caught.value.code) == (400, "not_a_batch")
        assert (EVENT if content_type == EVENTS else EVENTS) in caught.value.detail, "it says how to send it"


SOURCES = ["/a", "/b", "/a", "urn:x:" + "y" * 300, "合肥", "/é"]


@pytest.mark.parametrize("fast", [True, False])
def test_the_source_of_an_event_is_part_of_what_it_says(fast: bool) -> None:
    events = [event_text(RECORD, source=source) for source in SOURCES]
    marks = got(f"[{', '.join(events)}]".encode(), EVENTS, fast=fast).records["event_source"].tolist()
    assert marks[0] == marks[2]
    assert len(set(marks)) == len(SOURCES) - 1
    assert all(mark != 0 and mark & 0xFFFF_FFFF == 0 for mark in marks), "the lower half stays that of the evidence"
    assert got(RECORD.encode(), JSON, fast=fast).records["event_source"].tolist() == [0]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"/a", "/a"),
        (b"%E5%90%88%e8%82%A5", "合肥"),
        (b"Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"),
        (b"100%25", "100%"),
        (b"100%", "100%"),
        (b"a+b", "a+b"),
        (b'"a b"', "a b"),
        (b'"a \\"quoted\\" b"', 'a "quoted" b'),
        (b"%FF", "\udcff"),  # no UTF-8: half a pair, which the authority refuses
    ],
)
def test_headers_are_read_as_the_http_binding_writes_them(value: bytes, text: str) -> None:
    assert text_of_header(value) == text


def test_nothing_in_the_body_of_a_binary_event_becomes_an_attribute() -> None:
    headers = [(b"ce-specversion", b"1.0"), (b"ce-id", b"e1"), (b"ce-source", b"/a"), (b"ce-type", b"t")]
    for data in (b'{}, "subject": "x"', b"{}}", b"[]", b"[{}]", b"", b"1", b"{} {}", b'{"a": ', b"{}\n{}"):
        with pytest.raises(BodyError):
            structured_event(headers, JSON, data)
    whole = structured_event(headers, "application/json; charset=utf-8", RECORD.encode())
    assert codes(got(whole, EVENT)) == [""]
    for again in ((b"ce-id", b"e1"), (b"ce-data", b"x")):
        twice = structured_event([*headers, again], JSON, RECORD.encode())
        assert codes(got(twice, EVENT)) == ["duplicate_key"]
