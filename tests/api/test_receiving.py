"""Receiving usage records: formats, counts, repeats by meaning, what is refused and why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.api_client import KeyClient, codes, counts, good
from tests.support.records import (
    ABSENT,
    ARROW,
    EVENT,
    EVENTS,
    JSON,
    NDJSON,
    as_array,
    as_arrow,
    as_event,
    as_lines,
    usage,
    uscc,
)


async def test_a_receipt_says_what_became_of_every_record(platform: KeyClient) -> None:
    await platform.push(usage("e1"), usage("e2"))
    receipt = await platform.push(usage("e0"), usage("e1"), usage("e2", charge_fen=7), usage("e9", facility="hf-99"))
    assert counts(receipt) == [1, 1, 1, 1]
    assert receipt["digest"].startswith("sm3:")
    assert codes(receipt) == [
        (1, "duplicate", None),
        (2, "conflict", "id_already_recorded_with_other_content"),
        (3, "refused", "unknown_facility"),
    ]
    assert [one["id"] for one in receipt["results"]] == ["e1", "e2", "e9"]
    assert receipt["results"][2]["detail"] == "facility 'hf-99' is not registered"


async def test_verbose_lists_every_record(platform: KeyClient) -> None:
    receipt = await platform.push(usage("v1"), usage("v1"), usage("v2", cards=0), usage("v3"), verbose=True)
    assert [(one["index"], one["id"], one["status"]) for one in receipt["results"]] == [
        (0, "v1", "accepted"),
        (1, "v1", "duplicate"),
        (2, "v2", "refused"),
        (3, "v3", "accepted"),
    ]


async def test_batches_of_one_source_are_numbered_one_after_another(platform: KeyClient) -> None:
    numbers = [(await platform.push(usage(f"n{i}")))["batch"] for i in range(3)]
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


@pytest.mark.parametrize("encoding", [None, "gzip", "zstd"])
@pytest.mark.parametrize("form", [JSON, NDJSON, EVENTS, ARROW])
async def test_every_format_means_the_same(platform: KeyClient, form: str, encoding: str | None) -> None:
    """Recorded as JSON first, then sent as this format: all repeats."""
    records = [
        usage("f1", cards="0.125", order="订单-1", evidence="AB12"),
        usage("f2", purpose=None, via_platform=False),
        usage("f3", cards=4, purpose="commercial"),
    ]
    assert counts(await platform.push(*records)) == [3, 0, 0, 0]
    body = {
        JSON: as_array,
        NDJSON: as_lines,
        EVENTS: lambda found: as_array([as_event(one) for one in found]),
        ARROW: as_arrow,
    }[form](records)
    receipt = good(await platform.send(body, form, encoding))
    assert counts(receipt) == [0, 3, 0, 0]


async def test_one_object_is_a_batch_of_one(platform: KeyClient) -> None:
    one = as_array([usage("single")])[1:-1]
    assert counts(good(await platform.send(one, JSON))) == [1, 0, 0, 0]
    event = as_array([as_event(usage("event"))])[1:-1]
    assert counts(good(await platform.send(event, EVENT))) == [1, 0, 0, 0]


async def test_arrow_is_accepted_as_a_first_delivery(platform: KeyClient) -> None:
    receipt = good(await platform.send(as_arrow([usage(f"a{i}", cards=i + 1) for i in range(20)]), ARROW))
    assert counts(receipt) == [20, 0, 0, 0]
    shown = good(await platform.get(f"/usage-records/{platform.name}/a7"))
    assert shown["recorded"]["cards"] == "8"


SAME = {
    "cards as a decimal": {"cards": "1.000"},
    "times by instant": {"started_at": "2025-09-01T00:00:00Z", "ended_at": "2025-09-01T01:00:00.9Z"},
    "the default of via_platform stated": {"via_platform": True},
    "optional fields null": {"order": ABSENT, "evidence": ABSENT},
}


@pytest.mark.parametrize("changes", SAME.values(), ids=SAME.keys())
async def test_repeats_are_compared_by_meaning(platform: KeyClient, changes: dict[str, Any]) -> None:
    await platform.push(usage("same"))
    assert counts(await platform.push(usage("same", **changes))) == [0, 1, 0, 0]


async def test_a_purpose_left_out_is_a_purpose_not_stated(platform: KeyClient) -> None:
    await platform.push(usage("p", purpose=None))
    assert counts(await platform.push(usage("p", purpose=ABSENT))) == [0, 1, 0, 0]


OTHER: dict[str, dict[str, Any]] = {
    "consumer": {"consumer": uscc(77)},
    "cards": {"cards": "1.001"},
    "started_at": {"started_at": "2025-09-01T08:00:01+08:00"},
    "ended_at": {"ended_at": "2025-09-01T09:00:01+08:00"},
    "charge_fen": {"charge_fen": 101},
    "purpose": {"purpose": "commercial"},
    "via_platform": {"via_platform": False},
    "order": {"order": "x"},
    "evidence": {"evidence": "00"},
}


@pytest.mark.parametrize("changes", OTHER.values(), ids=OTHER.keys())
async def test_any_other_content_is_a_conflict_and_the_first_stands(
    platform: KeyClient, changes: dict[str, Any]
) -> None:
    await platform.push(usage("other"))
    receipt = await platform.push(usage("other", **changes))
    assert counts(receipt) == [0, 0, 1, 0]
    assert receipt["results"][0]["code"] == "id_already_recorded_with_other_content"
    shown = good(await platform.get(f"/usage-records/{platform.name}/other"))
    assert shown["recorded"]["charge_fen"] == 100
    assert shown["record"] == usage("other")


async def test_two_sources_may_use_one_id(app: Any, platform: KeyClient) -> None:
    second = await app.platform()
    assert counts(await platform.push(usage("shared"))) == [1, 0, 0, 0]
    assert counts(await second.push(usage("shared", charge_fen=9))) == [1, 0, 0, 0]


async def test_a_repeat_of_everything_gets_the_first_receipt(platform: KeyClient) -> None:
    first = await platform.push(usage("r1"), usage("r2"))
    again = await platform.push(usage("r1"), usage("r2"))
    assert counts(again) == [0, 2, 0, 0]
    assert (again["batch"], again["digest"]) == (first["batch"], first["digest"])


async def test_a_consumer_not_yet_registered_is_metered(platform: KeyClient) -> None:
    assert counts(await platform.push(usage("new", consumer=uscc(4242)))) == [1, 0, 0, 0]


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "id too long": ({"id": "x" * 65}, "bad_id"),
    "id with a space": ({"id": "a b"}, "bad_id"),
    "id in full-width digits": ({"id": "１２"}, "bad_id"),
    "id as a number": ({"id": 12}, "wrong_type"),
    "no id": ({"id": ABSENT}, "missing_field"),
    "consumer too short": ({"consumer": uscc(1)[:17]}, "bad_uscc"),
    "consumer with a wrong check digit": (
        {"consumer": uscc(1)[:17] + ("0" if uscc(1)[17] != "0" else "1")},
        "bad_check_digit",
    ),
    "consumer in lower case": ({"consumer": uscc(1).lower()}, "bad_uscc"),
    "no consumer": ({"consumer": ABSENT}, "missing_field"),
    "consumer null": ({"consumer": None}, "missing_field"),
    "an unknown facility": ({"facility": "hf-99"}, "unknown_facility"),
    "an unknown chip": ({"chip": "card-z"}, "unknown_chip"),
    "a facility before its first fact": (
        {"started_at": "2014-12-31T23:59:59+08:00", "ended_at": "2015-01-01T09:00:00+08:00"},
        "facility_not_ruling_on_day",
    ),
    "no cards": ({"cards": 0}, "out_of_range"),
    "negative cards": ({"cards": -1}, "out_of_range"),
    "cards with four decimals": ({"cards": "0.0001"}, "too_many_decimals"),
    "cards as a float": ({"cards": 0.5}, "wrong_type"),
    "cards in words": ({"cards": "ten"}, "bad_decimal"),
    "cards with an exponent": ({"cards": "1e3"}, "bad_decimal"),
    "cards as true": ({"cards": True}, "wrong_type"),
    "too many cards": ({"cards": 1_000_001}, "out_of_range"),
    "a time without an offset": ({"started_at": "2025-09-01T08:00:00"}, "bad_time"),
    "a day that is none": ({"started_at": "2025-02-30T08:00:00Z"}, "bad_time"),
    "a time before 2000": ({"started_at": "1999-12-31T23:59:59Z"}, "out_of_range"),
    "an end before the start": ({"ended_at": "2025-09-01T07:59:59+08:00"}, "ended_before_started"),
    "longer than 100 days": (
        {"started_at": "2025-01-01T08:00:00+08:00", "ended_at": "2025-04-11T08:00:01+08:00"},
        "out_of_range",
    ),
    "a charge as text": ({"charge_fen": "100"}, "wrong_type"),
    "a charge with decimals": ({"charge_fen": 0.1}, "wrong_type"),
    "a negative charge": ({"charge_fen": -1}, "out_of_range"),
    "a charge beyond the limit": ({"charge_fen": 10**15 + 1}, "out_of_range"),
    "a charge of 2 to the 64th": ({"charge_fen": 2**64}, "out_of_range"),
    "another purpose": ({"purpose": "fun"}, "bad_choice"),
    "via_platform as 1": ({"via_platform": 1}, "wrong_type"),
    "an order too long": ({"order": "x" * 65}, "bad_length"),
    "an order with a control character": ({"order": "a\u0000b"}, "bad_text"),
    "evidence that is not hexadecimal": ({"evidence": "xyz"}, "bad_evidence"),
    "evidence too long": ({"evidence": "0" * 129}, "bad_evidence"),
    "an unknown field": ({"price": 1}, "unknown_field"),
    "an unknown action": ({"corrects": "a", "action": "undo"}, "bad_choice"),
    "an action without what it corrects": ({"action": "void"}, "missing_field"),
    "a correction without its action": ({"corrects": "a"}, "missing_field"),
    "a correction of itself": ({"id": "me", "corrects": "me", "action": "replace"}, "corrects_itself"),
}


@pytest.mark.parametrize(("changes", "code"), REFUSED.values(), ids=REFUSED.keys())
async def test_a_field_that_breaks_its_rule_is_refused_with_its_code(
    platform: KeyClient, changes: dict[str, Any], code: str
) -> None:
    receipt = await platform.push(usage("ok"), usage("bad", **changes), usage("also-ok"))
    assert counts(receipt) == [2, 0, 0, 1], "one bad record never stops its batch"
    assert codes(receipt) == [(1, "refused", code)]


WRITTEN = {
    "a field given twice": (b'{"id": "w", "id": "w"}', "duplicate_key"),
    "NaN": (as_array([usage("w")])[1:-1].replace(b'"cards": 1,', b'"cards": NaN,'), "wrong_type"),
    "1e400": (as_array([usage("w")])[1:-1].replace(b'"charge_fen": 100', b'"charge_fen": 1e400'), "wrong_type"),
    "invalid UTF-8": (as_array([usage("w", order="Z")])[1:-1].replace(b'"Z"', b'"\xff"'), "bad_utf8"),
    "a lone surrogate": (as_array([usage("w", order="Z")])[1:-1].replace(b'"Z"', b'"\\ud800"'), "bad_text"),
    "not JSON": (b"{nonsense}", "not_json"),
    "no object": (b"[1]", "not_an_object"),
}


@pytest.mark.parametrize(("line", "code"), WRITTEN.values(), ids=WRITTEN.keys())
async def test_a_line_that_cannot_be_read_exactly_is_refused(platform: KeyClient, line: bytes, code: str) -> None:
    body = b"\n".join([as_lines([usage("before")]), line, as_lines([usage("after")])])
    receipt = good(await platform.send(body, NDJSON))
    assert counts(receipt) == [2, 0, 0, 1]
    assert codes(receipt) == [(1, "refused", code)]


EDGES = {
    "the smallest share of a card": {"cards": "0.001"},
    "a million cards": {"cards": 1_000_000},
    "no length": {"ended_at": "2025-09-01T08:00:00+08:00"},
    "no charge": {"charge_fen": 0},
    "the largest charge": {"charge_fen": 10**15},
    "the longest id": {"id": "A" * 64},
    "every letter of an id": {"id": "Az09._:-"},
    "the longest order": {"order": "单" * 64},
    "the longest evidence": {"evidence": "aF" * 64},
    "an order of a rare name and an emoji": {"order": "𠮷野家😀"},
}


@pytest.mark.parametrize("changes", EDGES.values(), ids=EDGES.keys())
async def test_what_lies_on_the_edge_is_accepted(platform: KeyClient, changes: dict[str, Any]) -> None:
    assert counts(await platform.push(usage("edge", **changes))) == [1, 0, 0, 0]


async def test_an_empty_array_is_a_batch_of_nothing(platform: KeyClient) -> None:
    receipt = good(await platform.send(b"[]", JSON))
    assert counts(receipt) == [0, 0, 0, 0]
    assert receipt["batch"] is None


async def test_ten_thousand_records_are_one_batch(platform: KeyClient) -> None:
    body = as_lines([usage(f"t{i}", charge_fen=i) for i in range(10_000)])
    assert counts(good(await platform.send(body, NDJSON))) == [10_000, 0, 0, 0]
    assert counts(good(await platform.send(body, NDJSON, "zstd"))) == [0, 10_000, 0, 0]
