"""CloudEvents over HTTP: two sources of one id contradict each other, and an event may come in headers and a body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from tests.support.api_client import ApiClient, KeyClient, codes, counts, good, problem
from tests.support.records import EVENT, EVENTS, JSON, NDJSON, as_array, as_event, packed, usage

ENVELOPE = {"Ce-Id": "b1", "CE-Source": "/a", "ce-specversion": "1.0", "ce-type": "usage", "Content-Type": JSON}
CONFLICT = "id_already_recorded_with_other_content"


async def platform_of(app: ApiClient) -> KeyClient:
    """A source of its own, where what its records name is registered."""
    await app.register_the_usual()
    return await app.platform()


async def post(sender: KeyClient, body: object, headers: Mapping[str, str]) -> httpx.Response:
    """POST a body with headers of its own."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await sender.client.post(
        "/v1/usage-records", content=raw, headers={"Authorization": f"Bearer {sender.key}", **headers}
    )


async def test_one_id_from_two_sources_of_events_is_a_conflict(app: ApiClient) -> None:
    sender = await platform_of(app)
    first, second = (as_event(usage("twice")) | {"source": source} for source in ("/a", "/b"))
    assert counts(good(await sender.send(as_array([first]), EVENTS))) == [1, 0, 0, 0]
    assert counts(good(await sender.send(as_array([first]), EVENTS))) == [0, 1, 0, 0]
    receipt = good(await sender.send(as_array([second, first]), EVENTS))
    assert codes(receipt) == [(0, "conflict", CONFLICT), (1, "duplicate", None)]
    assert counts(await sender.push(usage("twice"))) == [0, 1, 0, 0], "a record without a source contradicts neither"
    shown = good(await sender.get(f"/usage-records/{sender.name}/twice"))
    assert shown["record"] == first
    kept = await sender.items("/quarantine", status="conflict", limit=1000)
    assert [json.loads(one["record"]) for one in kept if one["source"] == sender.name] == [second]


async def test_two_sources_in_one_body_are_a_conflict(app: ApiClient) -> None:
    sender = await platform_of(app)
    both = [as_event(usage("at-once")) | {"source": source} for source in ("/a", "/b")]
    assert codes(good(await sender.send(as_array(both), EVENTS))) == [(1, "conflict", CONFLICT)]


@pytest.mark.parametrize("encoding", [None, "gzip", "zstd"])
async def test_an_event_in_binary_mode_is_the_event_in_structured_mode(app: ApiClient, encoding: str | None) -> None:
    sender = await platform_of(app)
    record = usage("b1")
    body = json.dumps(record).encode()
    coded = {"Content-Encoding": encoding} if encoding else {}
    headers = ENVELOPE | {"ce-source": "%E5%90%88%E8%82%A5", "ce-time": "2025-10-01T00:00:00Z"} | coded
    del headers["CE-Source"]
    assert counts(good(await post(sender, packed(body, encoding) if encoding else body, headers))) == [1, 0, 0, 0]
    event = as_event(record) | {"source": "合肥"}
    assert counts(good(await sender.send(json.dumps(event).encode(), EVENT))) == [0, 1, 0, 0]
    assert counts(good(await post(sender, record, ENVELOPE))) == [0, 0, 1, 0], "another source"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ce-specversion": "0.3"}, "bad_event"),
        ({"ce-type": ""}, "bad_event"),
        ({"ce-time": "2025-13-45T99:99:99Z"}, "bad_event"),
        ({"ce-trace_id": "x"}, "bad_event"),
        ({"ce-subject": "%FF"}, "bad_event"),
        ({"Ce-Id": "other"}, "event_id_differs"),
        ({"ce-data": "x"}, "duplicate_key"),
        ({"ce-datacontenttype": JSON}, "duplicate_key"),
        ({"Ce-Id": None}, "missing_field"),
        ({"CE-Source": None}, "bad_event"),
    ],
)
async def test_headers_that_are_no_envelope_refuse_the_record(
    app: ApiClient, changes: dict[str, Any], code: str
) -> None:
    sender = await platform_of(app)
    headers = {name: value for name, value in (ENVELOPE | changes).items() if value is not None}
    assert [found for *_, found in codes(good(await post(sender, usage("b1"), headers)))] == [code]


async def test_a_binary_event_carries_one_record_in_json(app: ApiClient) -> None:
    sender = await platform_of(app)
    assert problem(await post(sender, [usage("b1")], ENVELOPE)) == (400, "not_a_batch")
    assert problem(await post(sender, b'{}, "subject": "x"', ENVELOPE)) == (400, "trailing_bytes")
    assert problem(await post(sender, usage("b1"), ENVELOPE | {"Content-Type": NDJSON})) == (
        415,
        "unsupported_media_type",
    )
    structured = as_event(usage("s1"))
    receipt = good(await post(sender, structured, ENVELOPE | {"Content-Type": EVENT}))
    assert counts(receipt) == [1, 0, 0, 0], "the content type says that the body is the whole event"
