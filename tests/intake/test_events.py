"""The CloudEvents envelope: what must be in it, and whose id counts."""

from typing import Any

import pytest

from meter.intake import BodyError
from tests.intake.sample import EVENT, EVENTS, GOOD, Raw, codes, event_text, got, text_of

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
