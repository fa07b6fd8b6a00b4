"""The quarantine: what is kept for a person, verbatim, and replayed when it has become acceptable."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meter.journal import queries
from tests.support.api_client import KeyClient, codes, counts, good, problem
from tests.support.records import (
    ARROW,
    EVENTS,
    NDJSON,
    Record,
    as_array,
    as_arrow,
    as_event,
    chip,
    facility,
    usage,
    void,
)


async def kept(holder: KeyClient, **query: Any) -> list[dict[str, Any]]:
    """What of this holder's waits for a person."""
    items = await holder.items("/quarantine", limit=1000, **query)
    return [one for one in items if one["source"] == holder.name]


async def test_refused_and_conflicting_records_are_kept_as_received(platform: KeyClient) -> None:
    strange = b'{"id" : "q1",  "cards":NaN , "order":"\\u7b97"}'
    await platform.push(usage("q2"))
    body = b"\n".join([strange, as_array([usage("q2", cards=9)])[1:-1]])
    receipt = good(await platform.send(body, NDJSON))
    found = await kept(platform)
    assert [(one["index"], one["id"], one["status"], one["code"]) for one in found] == [
        (0, "q1", "refused", receipt["results"][0]["code"]),
        (1, "q2", "conflict", "id_already_recorded_with_other_content"),
    ]
    assert found[0]["record"] == strange.decode()
    assert json.loads(found[1]["record"]) == usage("q2", cards=9)
    assert [one["batch"] for one in found] == [receipt["batch"]] * 2
    assert [one["id"] for one in await kept(platform, status="conflict")] == ["q2"]
    assert [one["id"] for one in await kept(platform, status="refused")] == ["q1"]


async def test_the_same_refused_record_is_kept_once_however_often_it_comes(platform: KeyClient) -> None:
    first = await platform.push(usage("again", cards=0))
    second = await platform.push(usage("again", cards=0))
    assert codes(first) == codes(second) == [(0, "refused", "out_of_range")]
    assert len(await kept(platform)) == 1


REPEATED: dict[str, list[Record]] = {
    "nothing acceptable": [usage("n1", cards=0), usage("n2", facility="never")],
    "some acceptable": [usage("s1"), usage("s2", cards=0)],
    "a conflict": [usage("known", charge_fen=5)],
    "a correction of nothing": [void("undone", "never-was")],
    "not JSON": [{"id": "j", "cards": float("nan")}],
}


@pytest.mark.parametrize("records", REPEATED.values(), ids=REPEATED.keys())
async def test_a_repeat_of_what_is_kept_gets_the_receipt_of_the_batch_that_keeps_it(
    platform: KeyClient, records: list[Record]
) -> None:
    await platform.push(usage("known"))
    first = await platform.push(*records)
    assert first["batch"]
    await platform.push(usage("later"))
    again = await platform.push(*records)
    assert (again["batch"], again["digest"]) == (first["batch"], first["digest"])
    assert counts(again) == [0, first["accepted"], first["conflict"], first["refused"]]
    in_part = await platform.push(records[-1], usage("not-seen-before"))
    assert in_part["batch"] > first["batch"], "what brings anything new has a batch of its own"


async def test_what_was_refused_in_two_batches_repeats_the_later(platform: KeyClient) -> None:
    await platform.push(usage("t1", cards=0))
    second = await platform.push(usage("t2", cards=0))
    assert (await platform.push(usage("t2", cards=0), usage("t1", cards=0)))["batch"] == second["batch"]


async def test_a_refused_record_does_not_use_up_its_id(platform: KeyClient) -> None:
    await platform.push(usage("id", cards=0))
    assert counts(await platform.push(usage("id"))) == [1, 0, 0, 0]


@pytest.mark.parametrize("form", ["json", "events", "arrow"])
async def test_a_replay_records_what_has_become_acceptable(
    platform: KeyClient, registrar: KeyClient, form: str
) -> None:
    late = f"late-{form}"
    records = [usage("w1", facility=late), usage("w2", chip=late), usage("w3", cards=0), usage("w4", facility="never")]
    if form == "arrow":
        receipt = good(await platform.send(as_arrow(records), ARROW))
    elif form == "events":
        receipt = good(await platform.send(as_array([as_event(one) for one in records]), EVENTS))
    else:
        receipt = await platform.push(*records)
    assert counts(receipt) == [0, 0, 0, 4]
    assert counts(await platform.replay()) == [0, 0, 0, 3], "only what may become acceptable is tried"
    await registrar.put("/facilities", [facility(late)])
    await registrar.put("/chips", [chip(late)])
    replayed = await platform.replay()
    assert counts(replayed) == [2, 0, 0, 1]
    assert good(await platform.get(f"/batches/{replayed['batch']}"))["kind"] == "replay"
    assert [one["id"] for one in await kept(platform)] == ["w3", "w4"]
    shown = good(await platform.get(f"/usage-records/{platform.name}/w1"))
    assert (shown["counts"], shown["batch"]) == (True, replayed["batch"])
    assert shown["record"]["id"] == "w1"
    assert counts(await platform.replay()) == [0, 0, 0, 1]
    assert counts(await platform.push(usage("w1", facility=late))) == [0, 1, 0, 0]


async def test_a_replay_tries_a_correction_whose_original_has_come(platform: KeyClient) -> None:
    assert counts(await platform.push(void("undo", "done"))) == [0, 0, 0, 1]
    await platform.push(usage("done"))
    assert counts(await platform.replay()) == [1, 0, 0, 0]
    assert good(await platform.get(f"/usage-records/{platform.name}/done"))["counts"] is False


async def test_what_was_accepted_meanwhile_is_a_duplicate_of_the_replay(
    platform: KeyClient, registrar: KeyClient
) -> None:
    await platform.push(usage("m", facility="meanwhile"))
    await registrar.put("/facilities", [facility("meanwhile")])
    await platform.push(usage("m", facility="meanwhile"))
    assert counts(await platform.replay()) == [0, 1, 0, 0]
    assert counts(await platform.replay()) == [0, 0, 0, 0], "what is recorded by now waits for nobody"


async def test_a_replay_with_nothing_to_try_is_an_empty_receipt(platform: KeyClient) -> None:
    receipt = await platform.replay()
    assert counts(receipt) == [0, 0, 0, 0]
    assert receipt["batch"] is None


async def test_a_list_comes_in_portions(platform: KeyClient) -> None:
    await platform.push(*(usage(f"p{i}", cards=0, charge_fen=i) for i in range(25)))
    everything = [one["quarantine"] for one in await platform.items("/quarantine", limit=1000)]
    seen: list[int] = []
    cursor = None
    while True:
        page = good(await platform.get("/quarantine", limit=7, cursor=cursor))
        assert len(page["items"]) <= 7
        seen += [one["quarantine"] for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == everything


async def test_a_portion_of_long_records_has_fewer_of_them(platform: KeyClient) -> None:
    """A record may be as long as a body; a list of a thousand of them must not be held at once."""
    long = queries.PAGE_BYTES // 2 + 1
    for name in ("long-1", "long-2", "long-3"):
        await platform.send(b'{"id": "%s", "order": "%s"}' % (name.encode(), b"x" * long), NDJSON)
    await platform.push(usage("short", cards=0))
    seen: list[tuple[str, int]] = []
    cursor, portions = None, 0
    while True:
        page = good(await platform.get("/quarantine", limit=1000, cursor=cursor))
        assert page["items"]
        assert sum(len(one["record"]) for one in page["items"]) < 2 * queries.PAGE_BYTES
        seen += [(one["id"], len(one["record"])) for one in page["items"] if one["source"] == platform.name]
        cursor, portions = page["next"], portions + 1
        if cursor is None:
            break
    assert [name for name, _ in seen] == [None, None, None, "short"], "what is too long is not parsed"
    assert all(size > long for _, size in seen[:3]), "verbatim, however long"
    assert portions > 1


async def test_a_replay_goes_on_until_everything_has_been_tried(
    platform: KeyClient, registrar: KeyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In portions, events apart from plain records, and what does not become acceptable is passed over."""
    monkeypatch.setattr(queries, "REPLAY_RECORDS", 3)
    await platform.push(*(usage(f"portion-{i}", facility="portions" if i % 2 else "never") for i in range(10)))
    events = as_array([as_event(usage(f"portion-event-{i}", facility="portions")) for i in range(4)])
    assert counts(good(await platform.send(events, EVENTS))) == [0, 0, 0, 4]
    await registrar.put("/facilities", [facility("portions")])
    replayed = await platform.replay()
    assert counts(replayed) == [9, 0, 0, 5]
    assert len(replayed["results"]) == 5
    assert counts(await platform.replay()) == [0, 0, 0, 5]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"limit": 0}, "bad_request"),
        ({"limit": 1001}, "bad_request"),
        ({"limit": "many"}, "bad_request"),
        ({"cursor": "%%%"}, "bad_cursor"),
        ({"cursor": "eyJhIjoxfQ"}, "bad_cursor"),
        ({"cursor": "WzEsMl0"}, "bad_cursor"),
        ({"cursor": "MTAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"}, "bad_cursor"),
        ({"cursor": "Ilx1MDAwMCI"}, "bad_cursor"),
        ({"cursor": "ü"}, "bad_cursor"),
        ({"status": "lost"}, "bad_request"),
    ],
)
async def test_a_portion_that_cannot_be_is_a_problem(platform: KeyClient, query: dict[str, Any], code: str) -> None:
    assert problem(await platform.get("/quarantine", **query)) == (400, code)
