"""What is wrong with a record gives one code, and the same one in every format."""

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from tests.intake.sample import GOOD, A, B, Raw, arrow, codes, event_text, got, row, text_of, written
from tests.support.records import ARROW, EVENTS, JSON, NDJSON

LONG = "x" * 65
VOID = {"id": "e1", "corrects": "e0", "action": "void"}


def is_text(detail: str) -> bool:
    """Whether a detail can be stored and shown, whatever the sender wrote."""
    return not any(letter < " " or letter in "\u202e\x7f" for letter in detail) and detail.encode() != b""


def changed(**fields: Any) -> dict[str, Any]:
    """The good record with fields changed."""
    return GOOD | fields


def without(*names: str) -> dict[str, Any]:
    """The good record with fields left out."""
    return {name: value for name, value in GOOD.items() if name not in names}


# (what a record says, its code or ""); every row is tried in all JSON formats, and in Arrow where Arrow can say it
RECORDS: list[tuple[dict[str, Any], str]] = [
    (GOOD, ""),
    # cards
    (changed(cards="8"), ""),
    (changed(cards="0.001"), ""),
    (changed(cards="8.000"), ""),
    (changed(cards=1_000_000), ""),
    (changed(cards="1000000.000"), ""),
    (changed(cards=0), "out_of_range"),
    (changed(cards="0"), "out_of_range"),
    (changed(cards="0.000"), "out_of_range"),
    (changed(cards=-1), "out_of_range"),
    (changed(cards="-0.5"), "out_of_range"),
    (changed(cards=1_000_001), "out_of_range"),
    (changed(cards="1000000.001"), "out_of_range"),
    (changed(cards=2**63 - 1), "out_of_range"),
    (changed(cards="9" * 60), "out_of_range"),
    (changed(cards="0.0001"), "too_many_decimals"),
    (changed(cards="1.0000"), "too_many_decimals"),
    (changed(cards="10."), "bad_decimal"),
    (changed(cards=".5"), "bad_decimal"),
    (changed(cards="08"), "bad_decimal"),
    (changed(cards="00.5"), "bad_decimal"),
    (changed(cards="+8"), "bad_decimal"),
    (changed(cards="1e3"), "bad_decimal"),
    (changed(cards=" 8"), "bad_decimal"),
    (changed(cards="8\n"), "bad_decimal"),
    (changed(cards=""), "bad_decimal"),
    (changed(cards="８"), "bad_decimal"),
    (changed(cards="1,000"), "bad_decimal"),
    (changed(cards="NaN"), "bad_decimal"),
    (changed(cards="0x10"), "bad_decimal"),
    (changed(cards="1_000"), "bad_decimal"),
    (changed(cards=True), "wrong_type"),
    (changed(cards=1.0), "wrong_type"),
    (changed(cards=0.5), "wrong_type"),
    (changed(cards=float("nan")), "wrong_type"),
    (changed(cards=float("inf")), "wrong_type"),
    (changed(cards=[8]), "wrong_type"),
    (changed(cards={"a": 8}), "wrong_type"),
    (changed(cards=None), "missing_field"),
    (without("cards"), "missing_field"),
    # charge
    (changed(charge_fen=0), ""),
    (changed(charge_fen=10**15), ""),
    (changed(charge_fen=10**15 + 1), "out_of_range"),
    (changed(charge_fen=-1), "out_of_range"),
    (changed(charge_fen=2**53 + 1), "out_of_range"),
    (changed(charge_fen=2**63 - 1), "out_of_range"),
    (changed(charge_fen="100"), "wrong_type"),
    (changed(charge_fen=False), "wrong_type"),
    (changed(charge_fen=1.0), "wrong_type"),
    (changed(charge_fen=-0.0), "wrong_type"),
    (changed(charge_fen=float("-inf")), "wrong_type"),
    (changed(charge_fen=None), "missing_field"),
    # times
    (changed(started_at="2025-10-01t00:00:00z"), ""),
    (changed(started_at="2025-10-01T00:00:00-00:00"), ""),
    (changed(started_at="2025-10-01T00:00:00.999999999999Z"), ""),
    (changed(started_at="2024-02-29T00:00:00Z", ended_at="2024-03-01T00:00:00Z"), ""),
    (changed(started_at="2025-10-01T10:00:00.9Z", ended_at="2025-10-01T10:00:00.1Z"), ""),  # equal once floored
    (changed(started_at="2025-09-30T23:59:60Z"), "bad_time"),
    (changed(started_at="2016-12-31T23:59:60Z"), "bad_time"),
    (changed(ended_at="2025-10-01T24:00:00Z"), "bad_time"),
    (changed(started_at="2025-10-01T08:00:00"), "bad_time"),
    (changed(started_at="2025-10-01 08:00:00Z"), "bad_time"),
    (changed(started_at="2025-10-01T08:00Z"), "bad_time"),
    (changed(started_at="2025-10-01"), "bad_time"),
    (changed(started_at="20251001T080000Z"), "bad_time"),
    (changed(started_at="2025-02-29T08:00:00Z"), "bad_time"),
    (changed(started_at="2100-02-29T08:00:00Z"), "bad_time"),
    (changed(started_at="2025-13-01T08:00:00Z"), "bad_time"),
    (changed(started_at="2025-00-01T08:00:00Z"), "bad_time"),
    (changed(started_at="2025-04-31T08:00:00Z"), "bad_time"),
    (changed(started_at="2025-10-00T08:00:00Z"), "bad_time"),
    (changed(started_at="2025-10-01T08:60:00Z"), "bad_time"),
    (changed(started_at="2025-10-01T08:00:00.Z"), "bad_time"),
    (changed(started_at="2025-10-01T08:00:00,5Z"), "bad_time"),
    (changed(started_at="2025-10-01T08:00:00+08"), "bad_time"),
    (changed(started_at="2025-10-01T08:00:00+0800"), "bad_time"),
    (changed(started_at="2025-10-01T08:00:00+24:00"), "bad_time"),
    (changed(started_at="2025-10-01T08:00:00+08:60"), "bad_time"),
    (changed(started_at="2025-10-01T08:00:00+08:00 "), "bad_time"),
    (changed(started_at="２０25-10-01T08:00:00Z"), "bad_time"),
    (changed(started_at="12025-10-01T08:00:00Z"), "bad_time"),
    (changed(started_at="-025-10-01T08:00:00Z"), "bad_time"),
    (changed(started_at="2025-10-01T08:00:00." + "0" * 60 + "Z"), "bad_time"),
    (changed(started_at=""), "bad_time"),
    (changed(started_at="1999-12-31T23:59:59Z"), "out_of_range"),
    (changed(started_at="0000-01-01T00:00:00Z"), "out_of_range"),
    (changed(ended_at="2100-01-01T00:00:00Z"), "out_of_range"),
    (changed(ended_at="2099-12-31T23:59:59-00:01"), "out_of_range"),
    (changed(ended_at="2026-01-09T08:00:00+08:00"), ""),  # spans 100 days
    (changed(ended_at="2026-01-09T08:00:01+08:00"), "out_of_range"),
    (changed(started_at=1759276800), "wrong_type"),
    (changed(ended_at=True), "wrong_type"),
    (changed(ended_at=None), "missing_field"),
    (changed(ended_at="2025-10-01T08:00:00+08:00"), ""),  # no length
    (changed(ended_at="2025-10-01T07:59:59+08:00"), "ended_before_started"),
    # ids
    (changed(id="a" * 64), ""),
    (changed(id="A.b_c:d-9"), ""),
    (changed(id=LONG), "bad_id"),
    (changed(id=""), "bad_id"),
    (changed(id="a b"), "bad_id"),
    (changed(id="a\n"), "bad_id"),
    (changed(id="é"), "bad_id"),
    (changed(id="ａ"), "bad_id"),
    (changed(id="a\x00"), "bad_id"),
    (changed(id="a/../b"), "bad_id"),
    (changed(id=12), "wrong_type"),
    (changed(id=None), "missing_field"),
    # consumer
    (changed(consumer=B), ""),  # well-formed, not registered
    (changed(consumer="91340100MA00200160"), "bad_check_digit"),
    (changed(consumer=A[:17]), "bad_uscc"),
    (changed(consumer=A + "0"), "bad_uscc"),
    (changed(consumer=A.lower()), "bad_uscc"),
    (changed(consumer=A[:10] + "I" + A[11:]), "bad_uscc"),
    (changed(consumer="９" + A[1:]), "bad_uscc"),
    (changed(consumer=""), "bad_uscc"),
    (changed(consumer=91340100), "wrong_type"),
    (without("consumer"), "missing_field"),
    # registry
    (changed(facility="合肥-1"), ""),
    (changed(facility="hf-99"), "unknown_facility"),
    (changed(facility="Hub"), "unknown_facility"),
    (changed(facility="hub "), "unknown_facility"),
    (changed(facility="late"), "facility_not_ruling_on_day"),
    (changed(facility="closed"), "facility_not_ruling_on_day"),
    (changed(facility=""), "bad_length"),
    (changed(facility=LONG), "bad_length"),
    (changed(facility="a\x00"), "bad_text"),
    (changed(facility=7), "wrong_type"),
    (without("facility"), "missing_field"),
    (changed(chip="K"), "unknown_chip"),
    (changed(chip="new"), "chip_not_ruling_on_day"),
    (changed(chip="new", started_at="2026-01-01T00:00:00+08:00", ended_at="2026-01-02T00:00:00+08:00"), ""),
    (
        changed(chip="new", started_at="2025-12-31T23:59:59+08:00", ended_at="2026-01-02T00:00:00+08:00"),
        "chip_not_ruling_on_day",
    ),
    # the rest
    (changed(purpose="research"), ""),
    (changed(purpose=None), ""),
    (changed(purpose="Research"), "bad_choice"),
    (changed(purpose=""), "bad_choice"),
    (changed(purpose=1), "wrong_type"),
    (changed(via_platform=False), ""),
    (changed(via_platform=1), "wrong_type"),
    (changed(via_platform="true"), "wrong_type"),
    (changed(order=""), ""),
    (changed(order="合同" * 32), ""),
    (changed(order="合" * 65), "bad_length"),
    (changed(order=LONG), "bad_length"),
    (changed(order="y" * 100_000), "bad_length"),
    (changed(order="y" * 1_100_000), "record_too_large"),
    (changed(order="a\x00b"), "bad_text"),
    (changed(order="a\x85b"), "bad_text"),
    (changed(order="a\tb"), "bad_text"),
    (changed(order="\u202e\ufeff𠮷👍e\u0301"), ""),
    (changed(order=5), "wrong_type"),
    (changed(evidence="0123456789abcdefABCDEF"), ""),
    (changed(evidence=""), ""),
    (changed(evidence=None), ""),  # null is the field left out
    (changed(order=None), ""),
    (changed(via_platform=None), ""),
    (changed(corrects=None, action=None), ""),
    (changed(corrects="e0", action=None), "missing_field"),
    (changed(evidence="f" * 128), ""),
    (changed(evidence="f" * 129), "bad_evidence"),
    (changed(evidence="0xff"), "bad_evidence"),
    (changed(surprise="x"), "unknown_field"),
    (changed(Id="e1"), "unknown_field"),
    (changed(source="p1"), "unknown_field"),
    # corrections
    (changed(corrects="e0", action="replace"), ""),
    (changed(corrects="e0"), "missing_field"),
    (changed(action="replace"), "missing_field"),
    (changed(action="void"), "missing_field"),
    (changed(corrects="e0", action="undo"), "bad_choice"),
    (changed(corrects="e 0", action="replace"), "bad_id"),
    (changed(corrects="e1", action="replace"), "corrects_itself"),
    (VOID, ""),
    (VOID | {"corrects": "e1"}, "corrects_itself"),
    (GOOD | VOID, ""),
    (VOID | {"facility": "hf-99", "ended_at": "2025-01-01T00:00:00Z"}, ""),  # well-formed and ignored
    (VOID | {"consumer": "91340100MA00200160"}, "bad_check_digit"),
    (VOID | {"cards": "x"}, "bad_decimal"),
    (VOID | dict.fromkeys(["consumer", "facility", "chip", "cards", "started_at", "charge_fen", "order"]), ""),
    (VOID | {"started_at": "yesterday"}, "bad_time"),
    ({"corrects": "e0", "action": "void"} | {"id": None}, "missing_field"),
    # the first broken rule in the fixed order decides
    (changed(id="a b", cards=True, surprise="x"), "unknown_field"),
    (changed(charge_fen=None, id="a b"), "missing_field"),
    (changed(facility="hf-99", charge_fen=-1), "out_of_range"),
]

# what only JSON text can say
TEXTS: list[tuple[str, str]] = [
    ('{"id": "e1", "id": "e1"}', "duplicate_key"),
    (text_of(GOOD)[:-1] + ', "charge_fen": 100}', "duplicate_key"),
    (text_of(GOOD)[:-1] + ', "\\u0069d": "e1"}', "duplicate_key"),
    (text_of(changed(cards=Raw("-0"))), "out_of_range"),
    (text_of(changed(cards=Raw("1e3"))), "wrong_type"),
    (text_of(changed(cards=Raw("1E400"))), "wrong_type"),
    (text_of(changed(cards=Raw("-Infinity"))), "wrong_type"),
    (text_of(changed(charge_fen=Raw("-0"))), "out_of_range"),
    (text_of(changed(charge_fen=Raw("1e400"))), "wrong_type"),
    (text_of(changed(charge_fen=Raw("1E2"))), "wrong_type"),
    (text_of(changed(charge_fen=Raw("9" * 5000))), "out_of_range"),
    (text_of(changed(charge_fen=Raw(str(2**64)))), "out_of_range"),
    (text_of(changed(charge_fen=Raw("NaN"))), "wrong_type"),
    (text_of(changed(order=Raw('"\\ud800"'))), "bad_text"),
    (text_of(changed(order=Raw('"\\ud83d\\ude00"'))), ""),
    (text_of(changed(order=Raw('"\\u0000"'))), "bad_text"),
    (text_of(changed(id=Raw('"\\udc00"'))), "bad_id"),
    (text_of(changed(order=Raw('"\\uD83D\\ud83d"'))), "bad_text"),
    (text_of(changed(order=Raw('"\\n"'))), "bad_text"),
    (text_of(changed(order=Raw('"\\u0085"'))), "bad_text"),
    (text_of(changed(order=Raw('"\\/\\\\\\"\\u4F60\\u00e9\\u007E"'))), ""),
    (text_of(changed(order=Raw('"' + "\\u4f60" * 64 + '"'))), ""),
    (text_of(changed(order=Raw('"' + "\\u4f60" * 65 + '"'))), "bad_length"),
    (text_of(GOOD)[:-1] + " " * 1_100_000 + "}", "record_too_large"),
    (text_of(changed(id=Raw('"\\u0065\\u0031"'))), ""),
    (text_of(changed(**{"\ud800": "x"})), "unknown_field"),
    ("[]", "not_an_object"),
    ("null", "not_an_object"),
    ("12", "not_an_object"),
    ('"e1"', "not_an_object"),
    (text_of(GOOD).replace(": ", ":\t  ").replace(", ", "\r ,"), ""),
]


@pytest.mark.parametrize("content_type", list(written([])))
@pytest.mark.parametrize("fast", [True, False])
def test_json_formats_give_one_code(content_type: str, fast: bool) -> None:
    """Every row of both tables, in one body, gets its code and stops no other."""
    cases = [(text_of(record), code) for record, code in RECORDS] + TEXTS
    ids = [record["id"] if isinstance(record["id"], str) else "e1" for record, _ in RECORDS]
    body = written([text for text, _ in cases], [*ids, *["e1"] * len(TEXTS)])[content_type]
    found = codes(got(body, content_type, fast=fast))
    wrong = [(text[:300], found[place], code) for place, (text, code) in enumerate(cases) if found[place] != code]
    assert wrong == []


@pytest.mark.parametrize("fast", [True, False])
def test_arrow_gives_the_same_code(fast: bool) -> None:
    """Every record a table can say, with the type Arrow infers for it."""
    for record, code in RECORDS:
        table = pa.table({name: pa.array([value]) for name, value in record.items()})
        assert codes(got(arrow(table), ARROW, fast=fast)) == [code], record


ARROW_CELLS: list[tuple[dict[str, Any], str]] = [
    ({"cards": pa.array([8], pa.int8())}, ""),
    ({"cards": pa.array([8], pa.uint64())}, ""),
    ({"cards": pa.array([2**64 - 1], pa.uint64())}, "out_of_range"),
    ({"cards": pa.array([-(2**63)], pa.int64())}, "out_of_range"),
    ({"cards": pa.array([Decimal("0.125")], pa.decimal128(10, 3))}, ""),
    ({"cards": pa.array([Decimal("8")], pa.decimal128(38, 0))}, ""),
    ({"cards": pa.array([Decimal("8")], pa.decimal256(40, 2))}, ""),
    ({"cards": pa.array([Decimal("9" * 38)], pa.decimal128(38, 0))}, "out_of_range"),
    ({"cards": pa.array([Decimal("-1")], pa.decimal128(10, 3))}, "out_of_range"),
    ({"cards": pa.array([Decimal("0.125")], pa.decimal128(10, 4))}, "too_many_decimals"),
    ({"charge_fen": pa.array([100], pa.uint16())}, ""),
    ({"charge_fen": pa.array([2**64 - 1], pa.uint64())}, "out_of_range"),
    ({"charge_fen": pa.array([Decimal("100")], pa.decimal128(10, 0))}, ""),
    ({"charge_fen": pa.array([100], pa.duration("s"))}, "wrong_type"),
    ({"started_at": pa.array([1_759_276_800], pa.timestamp("s", "UTC"))}, ""),
    ({"started_at": pa.array([1_759_276_800_999_999_999], pa.timestamp("ns", "Asia/Shanghai"))}, ""),
    ({"started_at": pa.array([1_759_276_800], pa.timestamp("s"))}, "bad_time"),
    ({"started_at": pa.array([20_000], pa.date32())}, "wrong_type"),
    ({"started_at": pa.array([0], pa.timestamp("s", "UTC"))}, "out_of_range"),
    ({"started_at": pa.array([-1], pa.timestamp("ns", "UTC"))}, "out_of_range"),
    ({"started_at": pa.array([2**62], pa.timestamp("s", "UTC"))}, "bad_time"),  # no year of RFC 3339
    ({"facility": pa.array(["hub"], pa.large_string())}, ""),
    ({"facility": pa.array(["hub"], pa.string_view())}, ""),
    ({"facility": pa.array(["hub"]).dictionary_encode()}, ""),
    ({"facility": pa.array(["x"]).dictionary_encode()}, "unknown_facility"),
    ({"charge_fen": pa.array([100]).dictionary_encode()}, ""),
    ({"facility": pa.array([b"hub"], pa.binary())}, "wrong_type"),
    ({"id": pa.array([b"e1"], pa.binary(2))}, "wrong_type"),
    ({"via_platform": pa.array([1], pa.int8())}, "wrong_type"),
    ({"order": pa.array([None], pa.null())}, ""),
    ({"surprise": pa.array([None], pa.int32())}, ""),  # null leaves a field out
    ({"surprise": pa.array([{"a": 1}])}, "unknown_field"),
    ({"order": pa.array([["a"]])}, "wrong_type"),
    ({"order": pa.array([{"a\0\n\u202e": 1}])}, "wrong_type"),  # the name of the type says what the sender likes
    ({"a\0b": pa.array([1])}, "unknown_field"),
    ({"order": pa.RunEndEncodedArray.from_arrays(pa.array([1], pa.int32()), pa.array(["x"]))}, "wrong_type"),
    ({"order": pa.array([["a"]], pa.list_view(pa.string()))}, "wrong_type"),
    ({"order": pa.UnionArray.from_sparse(pa.array([0], pa.int8()), [pa.array(["x"])])}, "wrong_type"),
    ({"id": pa.array([b"a" * 16], pa.uuid())}, "wrong_type"),
    ({"via_platform": pa.array([1], pa.bool8())}, "wrong_type"),
    ({"cards": pa.array([8.0], pa.float32()).cast(pa.float16())}, "wrong_type"),
    ({"cards": pa.array([Decimal("8")], pa.decimal32(9, 3))}, ""),
    ({"cards": pa.array([Decimal("800")], pa.decimal128(10, -2))}, ""),
    ({"started_at": pa.array([5], pa.time32("s"))}, "wrong_type"),
    ({"ended_at": pa.array([20_362], pa.date32())}, "wrong_type"),
    ({"ended_at": pa.array([20_362 * 86_400_000], pa.date64())}, "wrong_type"),
    ({"charge_fen": pa.array([Decimal(100)], pa.decimal128(18, 0))}, ""),
    ({"charge_fen": pa.array([Decimal(10**15)], pa.decimal128(38, 0))}, ""),
    ({"charge_fen": pa.array([Decimal(10**15 + 1)], pa.decimal128(38, 0))}, "out_of_range"),
    ({"charge_fen": pa.array([Decimal(10**37)], pa.decimal128(38, 0))}, "out_of_range"),
    ({"charge_fen": pa.array([Decimal(-1)], pa.decimal128(38, 0))}, "out_of_range"),
    ({"charge_fen": pa.array([Decimal("100.00")], pa.decimal128(18, 2))}, ""),
    ({"charge_fen": pa.array([Decimal("100.01")], pa.decimal128(18, 2))}, "wrong_type"),
    ({"charge_fen": pa.array([Decimal(100)], pa.decimal128(10, -2))}, ""),
    ({"charge_fen": pa.array([Decimal(100)], pa.decimal256(70, 0))}, ""),
    ({"charge_fen": pa.array([Decimal(10**60)], pa.decimal256(70, 0))}, "out_of_range"),
    ({"charge_fen": pa.array([Decimal(100)], pa.decimal32(9, 0))}, ""),
    ({"charge_fen": pa.array(["100"])}, "wrong_type"),
    ({"started_at": pa.array([1_759_276_800], pa.timestamp("s", "Nowhere/Land"))}, ""),  # the instant is in UTC anyway
    ({"facility": pa.DictionaryArray.from_arrays(pa.array([0], pa.uint8()), pa.array(["hub"], pa.string_view()))}, ""),
]


@pytest.mark.parametrize("fast", [True, False])
def test_arrow_types(fast: bool) -> None:
    """The types the contract's fields may have in Arrow, and those they may not."""
    for cells, code in ARROW_CELLS:
        received = got(arrow(row(**cells)), ARROW, fast=fast)
        assert codes(received) == [code], cells
        assert all(is_text(refusal.detail) for refusal in received.refused), cells


def test_bad_utf8_costs_one_record_in_every_format() -> None:
    """The record before and the one after are taken."""
    good = text_of(GOOD).encode()
    bad = text_of(changed(order="@")).encode().replace(b"@", b"\xff")
    event = event_text(bad.decode("latin-1")).encode("latin-1")
    assert codes(got(b"\n".join([good, bad, good]), NDJSON)) == ["", "bad_utf8", ""]
    assert codes(got(b"[" + b",".join([good, bad, good]) + b"]", JSON)) == ["", "bad_utf8", ""]
    assert codes(got(b"[" + event + b"," + event_text(good.decode()).encode() + b"]", EVENTS)) == ["bad_utf8", ""]
    orders = pa.Array.from_buffers(
        pa.string(), 3, [None, pa.py_buffer(b"\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"), pa.py_buffer(b"a\xffb")]
    )
    table = pa.table({name: pa.array([value] * 3) for name, value in GOOD.items()}).append_column("order", orders)
    assert codes(got(arrow(table), ARROW)) == ["", "bad_utf8", ""]


def test_a_line_that_is_not_json_is_one_refused_record() -> None:
    """NDJSON: every line is a text of its own; blank lines are none."""
    good = text_of(GOOD)
    lines = [good, "not json", "", "  \t\r", good + " x", '{"id": "e1"', "{'id': 1}", good + ",", "\ufeff" + good, good]
    found = codes(got("\r\n".join(lines).encode(), NDJSON))
    assert found == ["", "not_json", "not_json", "not_json", "not_json", "not_json", "not_json", ""]


def test_two_equal_arrow_columns_are_a_duplicate_key() -> None:
    """Where both state something; where one is null the other stands."""
    table = pa.table([pa.array(["e1", "e2"]), pa.array(["e1", None])], names=["id", "id"])
    for name, value in GOOD.items():
        if name != "id":
            table = table.append_column(name, pa.array([value] * 2))
    assert codes(got(arrow(table), ARROW)) == ["duplicate_key", ""]


# long: a table of everything that is refused
