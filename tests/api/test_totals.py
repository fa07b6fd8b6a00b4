"""Metered totals: by day, by column, between instants; split exactly, given exactly."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from meter.database.connect import driver
from meter.intake.limits import CHARGE_FEN as MOST_FEN
from meter.rollup.store import rolled_up_to
from tests.support.api_client import ApiClient, KeyClient, counts, good, problem
from tests.support.records import chip, facility, usage, uscc, void

A, B = uscc(11), uscc(12)
# three cards from 22:30 to 01:15 over midnight, charged 1000 fen for 9900 s: 5400 s, then 4500 s
NIGHT = usage(
    "night", consumer=A, cards=3, started_at="2025-10-01T22:30:00+08:00", ended_at="2025-10-02T01:15:00+08:00",
    charge_fen=1000,
)  # fmt: skip
SLICE = usage(
    "slice", consumer=B, facility="hf-02", chip="card-b", cards="0.007", started_at="2025-10-02T10:00:00+08:00",
    ended_at="2025-10-02T10:00:10+08:00", charge_fen=7,
)  # fmt: skip
INSTANT = usage(
    "instant", consumer=B, started_at="2025-10-03T00:00:00+08:00", ended_at="2025-10-03T00:00:00+08:00", charge_fen=11
)


@pytest.fixture(scope="module")
def told() -> dict[str, KeyClient]:
    """Where the sender of the records is kept."""
    return {}


@pytest.fixture
async def reader(app: ApiClient, registrar: KeyClient, told: dict[str, KeyClient]) -> KeyClient:
    """Who asks for totals, once the records are in."""
    if not told:
        await registrar.put("/facilities", [facility("hf-02")])
        await registrar.put("/chips", [chip("card-b")])
        told["sender"] = await app.platform()
        receipt = await told["sender"].push(NIGHT, SLICE, INSTANT, usage("gone"), void("gone-void", "gone"))
        assert receipt["accepted"] == 5
    return told["sender"]


def item(hours: str, fen: int, records: int, **by: str) -> dict[str, Any]:
    """A total."""
    return {**by, "card_hours": hours, "charge_fen": fen, "records": records}


async def test_without_columns_there_is_one_total(reader: KeyClient) -> None:
    # 3 x 9900 s + 0.007 x 10 s = 29700.07 card-seconds, which is no finite number of hours
    assert await reader.items("/usage-totals") == [item("2970007/360000", 1018, 3)]


async def test_by_day_a_record_is_split_at_midnight_and_its_charge_by_cumulative_floor(reader: KeyClient) -> None:
    assert await reader.items("/usage-totals", by="day") == [
        item("4.5", 545, 1, day="2025-10-01"),
        item("1350007/360000", 462, 2, day="2025-10-02"),
        item("0", 11, 1, day="2025-10-03"),
    ]


async def test_days_are_those_of_shanghai_and_the_last_is_exclusive(reader: KeyClient) -> None:
    found = await reader.items("/usage-totals", from_="2025-10-02", to="2025-10-03")
    assert found == [item("1350007/360000", 462, 2)]


async def test_instants_cut_anywhere(reader: KeyClient) -> None:
    # 23:00 to 23:30 of the night: 1800 of 9900 s; floor(1000 x 3600/9900) - floor(1000 x 1800/9900) = 363 - 181
    query = {"from_": "2025-10-01T15:00:00Z", "to": "2025-10-01T23:30:00+08:00"}
    assert await reader.items("/usage-totals", **query) == [item("1.5", 182, 1)]


async def test_a_cut_at_any_instant_loses_nothing(reader: KeyClient) -> None:
    for cut in ("2025-10-01T22:30:01+08:00", "2025-10-02T00:00:01+08:00", "2025-10-02T10:00:09+08:00"):
        before = await reader.items("/usage-totals", to=cut)
        after = await reader.items("/usage-totals", from_=cut)
        assert before[0]["charge_fen"] + after[0]["charge_fen"] == 1018


async def test_by_columns_in_the_order_asked_for(reader: KeyClient) -> None:
    assert await reader.items("/usage-totals", by="facility,consumer") == [
        item("8.25", 1000, 1, facility="hf-01", consumer=A),
        item("0", 11, 1, facility="hf-01", consumer=B),
        item("7/360000", 7, 1, facility="hf-02", consumer=B),
    ]
    assert [list(one)[:2] for one in await reader.items("/usage-totals", by="chip,day")] == [["chip", "day"]] * 4


async def test_a_period_with_nothing_in_it_has_no_items_by_columns(reader: KeyClient) -> None:
    assert await reader.items("/usage-totals", by="day", from_="2030-01-01", to="2030-01-02") == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"by": "colour"}, "unknown_column"),
        ({"from_": "yesterday"}, "bad_time"),
        ({"from_": "2025-10-01T00:00:00"}, "bad_time"),
        ({"from_": "2025-02-30"}, "bad_time"),
        ({"from_": "2025-10-02", "to": "2025-10-01"}, "empty_period"),
    ],
)
async def test_what_cannot_be_asked_is_a_problem(reader: KeyClient, query: dict[str, str], code: str) -> None:
    assert problem(await reader.get("/usage-totals", **query)) == (400, code)


async def test_totals_come_in_portions(reader: KeyClient) -> None:
    everything = await reader.items("/usage-totals", by="consumer,day")
    assert len(everything) > 3
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = good(await reader.get("/usage-totals", by="consumer,day", limit=2, cursor=cursor))
        assert len(page["items"]) <= 2
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == everything
    assert problem(await reader.get("/usage-totals", by="day", cursor="WyJhIiwiYiJd")) == (400, "bad_cursor")
    assert problem(await reader.get("/usage-totals", limit=0)) == (400, "bad_request")
    assert good(await reader.get("/usage-totals", limit=1))["next"] is None


async def until_rolled_up(app: ApiClient, batch: int) -> None:
    """Wait until the service has added a batch up."""
    async with app.engine.connect() as held:
        connection = await driver(held)
        while await rolled_up_to(connection) < batch:  # noqa: ASYNC110 - the database tells no events
            await asyncio.sleep(0.02)


async def test_a_sum_beyond_64_bits_is_exact_and_stops_nobody(app: ApiClient, reader: KeyClient) -> None:
    """Every record is within its limit, their sum is not: the number is right, from one block, from several, later."""
    sender = await app.platform()
    other = await app.platform()
    before = await other.push(usage("before-them"))
    await until_rolled_up(app, before["batch"])  # so that what comes now begins a block
    largest = [usage(f"largest-{i}", consumer=uscc(13), charge_fen=MOST_FEN, cards=10**6) for i in range(10_000)]

    async def of_consumer(**query: str) -> tuple[int, str, int]:
        found = await reader.items("/usage-totals", by="consumer", **query)
        ((fen, hours, records),) = [
            (one["charge_fen"], one["card_hours"], one["records"]) for one in found if one["consumer"] == uscc(13)
        ]
        return fen, hours, records

    day = {"from_": "2025-09-01", "to": "2025-09-02"}
    part = {"from_": "2025-09-01T00:00:00Z", "to": "2025-09-01T00:30:00Z"}
    assert counts(await sender.push(*largest)) == [10_000, 0, 0, 0]
    assert await of_consumer(**day) == (MOST_FEN * 10_000, "10000000000", 10_000)
    assert await of_consumer(**part) == (MOST_FEN * 5_000, "5000000000", 10_000)
    declared = await reader.items("/reconciliation", from_="2025-09-01", to="2025-09-02", limit=1000)
    recorded = next(one["recorded"] for one in declared if one["source"] == sender.name)
    assert recorded == {"records": 10_000, "charge_fen": MOST_FEN * 10_000}
    again = await sender.push(*(usage(f"more-{i}", consumer=uscc(13), charge_fen=MOST_FEN) for i in range(10_000)))
    await until_rolled_up(app, again["batch"])
    assert await of_consumer(**day) == (MOST_FEN * 20_000, "10000010000", 20_000), "several blocks of the rollup"
    assert counts(await sender.push(*(void(f"back-{i}", f"largest-{i}") for i in range(10_000)))) == [10_000, 0, 0, 0]
    last = await sender.push(*(void(f"less-{i}", f"more-{i}") for i in range(9_999)))
    assert await of_consumer(**day) == (MOST_FEN, "1", 1)
    await until_rolled_up(app, last["batch"])
    assert await of_consumer(**day) == (MOST_FEN, "1", 1)
