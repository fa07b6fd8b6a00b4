"""What one format refuses, all refuse with the same code, and what one takes, all take as the same row."""

import pyarrow as pa
import pytest

from meter.intake import Received
from tests.intake.fuzz import Fuzz
from tests.intake.sample import Raw, arrow, codes, event_text, got, text_of
from tests.support.records import ARROW, EVENT, EVENTS, JSON, NDJSON

CONTENT = (
    "key", "corrects", "consumer", "consumer_code", "facility", "chip", "millicards", "started", "ended", "charge_fen",
    "purpose", "via_platform", "action", "order_digest", "evidence_digest",
)  # fmt: skip


def rows(received: Received) -> dict[int, tuple[object, ...]]:
    """What every record that was taken says, by its place in the body."""
    found = [received.records[name].tolist() for name in ("index", *CONTENT)]
    return {row[0]: row[1:] for row in zip(*found, strict=True)}


@pytest.mark.parametrize("seed", range(40, 48))
def test_formats_agree_on_drawn_records(seed: int) -> None:
    """Each record as a line, in an array, as an event in a batch and alone, and as the row of a table."""
    fuzz = Fuzz(seed)
    in_tables = refused = 0
    for _ in range(8):
        records = [record for record in (fuzz.record() for _ in range(25)) if isinstance(record.get("id"), str)]
        texts = [fuzz.text(record) for record in records]
        lines = [text.encode("utf-8", "surrogatepass") for text in texts]
        events = [
            event_text(text, record["id"]).encode("utf-8", "surrogatepass")
            for text, record in zip(texts, records, strict=True)
        ]
        expected = got(b"\n".join(lines), NDJSON)
        refused += len(expected.refused)
        for body, content_type in ((lines, JSON), (events, EVENTS)):
            received = got(b"[" + b",".join(body) + b"]", content_type)
            assert codes(received) == codes(expected), (seed, content_type)
            assert rows(received) == rows(expected), (seed, content_type)
        for place, (record, event) in enumerate(zip(records, events, strict=True)):
            alone = got(event, EVENT)
            assert codes(alone) == codes(expected)[place : place + 1], record
            # a table has no word for a null that is stated, and no column of half a surrogate pair
            if None in record.values() or "\ud800" in record.values():
                continue
            try:
                table = pa.table({name: pa.array([value]) for name, value in record.items()})
            except OverflowError:
                continue
            in_tables += 1
            received = got(arrow(table), ARROW)
            assert codes(received) == codes(expected)[place : place + 1], record
            assert list(rows(received).values()) == [row for at, row in rows(expected).items() if at == place], record
    assert in_tables > 100
    assert refused > 20


def test_a_stated_null_is_the_same_as_nothing() -> None:
    """In JSON as in a table, whose null is how it leaves a field out."""
    record = {"id": "e1", "corrects": "e0", "action": "void"}
    assert codes(got(text_of(record | {"order": None}).encode(), JSON)) == [""]
    assert codes(got(text_of(record | {"order": Raw('""')}).encode(), JSON)) == [""]
    table = pa.table({name: pa.array([value]) for name, value in record.items()}).append_column(
        "order", pa.array([None], pa.string())
    )
    assert codes(got(arrow(table), ARROW)) == [""]
