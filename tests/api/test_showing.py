"""Showing a record's whole life and a batch's receipt."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from tests.support.api_client import KeyClient, good, problem
from tests.support.records import ARROW, EVENTS, NDJSON, as_array, as_arrow, as_event, as_lines, facility, usage, void


async def test_a_receipt_can_be_read_again(platform: KeyClient) -> None:
    await platform.push(usage("b1"))
    body = as_array([usage("b1"), usage("b1", cards=2), usage("b2"), usage("b3", cards=0)])
    receipt = good(await platform.send(body))
    shown = good(await platform.get(f"/batches/{receipt['batch']}"))
    names = ("batch", "received", "accepted", "duplicate", "conflict", "refused", "digest")
    assert {name: shown[name] for name in names} == {name: receipt[name] for name in names}
    assert shown["source"] == platform.name
    assert [one["status"] for one in shown["results"]] == ["conflict", "refused"]
    # a body of one piece of 4096 bytes: the digest of the digest of that piece
    assert len(body) <= 4096
    assert shown["contents"]["body"] == f"sm3/4096:{hashlib.new('sm3', hashlib.new('sm3', body).digest()).hexdigest()}"


@pytest.mark.parametrize("batch", ["0", "-1", "999999999", str(2**63), str(2**70)])
async def test_a_batch_that_is_none_is_404(platform: KeyClient, batch: str) -> None:
    assert problem(await platform.get(f"/batches/{batch}")) == (404, "no_such_batch")


async def test_a_record_is_shown_as_received_and_as_recorded(platform: KeyClient) -> None:
    record = usage("life", cards="2.50", started_at="2025-09-01T00:00:00.75Z", order="合同 7", evidence="aB")
    receipt = await platform.push(usage("first"), record)
    assert good(await platform.get(f"/usage-records/{platform.name}/life")) | {"recorded_at": "", "settled_in": []} == {
        "source": platform.name,
        "id": "life",
        "batch": receipt["batch"],
        "recorded_at": "",
        "counts": True,
        "record": record,
        "recorded": {
            "consumer": record["consumer"],
            "facility": "hf-01",
            "chip": "card-a",
            "cards": "2.5",
            "started_at": "2025-09-01T00:00:00+00:00",
            "ended_at": "2025-09-01T01:00:00+00:00",
            "charge_fen": 100,
            "purpose": "research",
            "via_platform": True,
        },
        "corrected_by": None,
        "corrects": None,
        "quarantine": [],
        "settled_in": [],
    }


async def test_a_record_shows_what_else_came_under_its_id(platform: KeyClient, registrar: KeyClient) -> None:
    """A try that was refused, the replay that recorded it, a repeat, another version, and a second source's own."""
    refused = await platform.push(usage("whole", facility="whole-1"))
    await registrar.put("/facilities", [facility("whole-1")])
    replayed = await platform.replay()
    await platform.push(usage("whole", facility="whole-1"))
    conflict = await platform.push(usage("whole", facility="whole-1", charge_fen=7))
    await platform.push(usage("whole", facility="whole-1", charge_fen=7))
    shown = good(await platform.get(f"/usage-records/{platform.name}/whole"))
    assert (shown["batch"], shown["recorded"]["charge_fen"]) == (replayed["batch"], 100)
    assert [{name: one[name] for name in one if name != "quarantine"} for one in shown["quarantine"]] == [
        {
            "batch": refused["batch"],
            "status": "refused",
            "code": "unknown_facility",
            "detail": "facility 'whole-1' is not registered",
            "released_in": replayed["batch"],
        },
        {
            "batch": conflict["batch"],
            "status": "conflict",
            "code": "id_already_recorded_with_other_content",
            "detail": conflict["results"][0]["detail"],
            "released_in": None,
        },
    ]
    waiting = [one["quarantine"] for one in await platform.items("/quarantine", limit=1000) if one["id"] == "whole"]
    assert waiting == [shown["quarantine"][1]["quarantine"]]


async def test_a_chain_of_corrections_can_be_followed_from_either_end(platform: KeyClient) -> None:
    await platform.push(usage("c1"))
    second = await platform.push(usage("c2", corrects="c1", action="replace", cards=2))
    third = await platform.push(void("c3", "c2"))
    shown = {name: good(await platform.get(f"/usage-records/{platform.name}/{name}")) for name in ("c1", "c2", "c3")}
    assert [shown[name]["counts"] for name in ("c1", "c2", "c3")] == [False, False, False]
    assert shown["c1"]["corrected_by"] == {"id": "c2", "batch": second["batch"], "action": "replace"}
    assert shown["c2"]["corrects"] == {"id": "c1", "batch": shown["c1"]["batch"], "action": "replace"}
    assert shown["c2"]["corrected_by"] == {"id": "c3", "batch": third["batch"], "action": "void"}
    assert shown["c3"]["corrects"] == {"id": "c2", "batch": second["batch"], "action": "void"}
    assert shown["c3"]["record"] == void("c3", "c2")
    assert "recorded" not in shown["c3"]


async def test_a_record_is_shown_whatever_format_it_came_in(platform: KeyClient) -> None:
    lines, events, arrow = usage("as-line"), usage("as-event"), usage("as-arrow", cards="0.5")
    await platform.send(as_lines([usage("l0"), lines]), NDJSON)
    await platform.send(as_array([as_event(usage("e0")), as_event(events)]), EVENTS)
    await platform.send(as_arrow([usage("a0"), arrow]), ARROW)
    shown: dict[str, Any] = {
        name: good(await platform.get(f"/usage-records/{platform.name}/{name}"))
        for name in ("as-line", "as-event", "as-arrow")
    }
    assert shown["as-line"]["record"] == lines
    assert shown["as-event"]["record"] == as_event(events)
    assert shown["as-arrow"]["record"]["id"] == "as-arrow"
    assert shown["as-arrow"]["recorded"]["cards"] == "0.5"


NO_RECORDS = ("nobody/x", "{source}/never", "{source}/%20", "%00/x", "{source}/%00", "{source}/" + "x" * 5000)


@pytest.mark.parametrize("path", NO_RECORDS)
async def test_a_record_that_is_none_is_404(platform: KeyClient, path: str) -> None:
    assert problem(await platform.get(f"/usage-records/{path.format(source=platform.name)}"))[0] == 404
