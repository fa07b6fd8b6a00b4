"""Control totals and their reconciliation: declared, recorded, and the gap."""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import pytest

from tests.support.api_client import ApiClient, KeyClient, counts, good, problem
from tests.support.records import usage, void


def total(day: str, records: int, charge_fen: int) -> dict[str, Any]:
    """A control total."""
    return {"day": day, "records": records, "charge_fen": charge_fen}


async def gaps(holder: KeyClient, first: str, end: str) -> list[dict[str, Any]]:
    """What the reconciliation says of this holder's source."""
    items = await holder.items("/reconciliation", from_=first, to=end)
    return [one for one in items if one["source"] == holder.name]


async def test_a_day_is_declared_and_recorded_by_its_local_day_of_start(platform: KeyClient) -> None:
    await platform.push(
        usage("a", started_at="2025-09-30T15:59:59Z", ended_at="2025-10-05T00:00:00Z", charge_fen=5),  # 30th, 23:59:59
        usage("b", started_at="2025-09-30T16:00:00Z", ended_at="2025-09-30T16:00:00Z", charge_fen=7),  # 1st, 00:00:00
    )
    good(await platform.put("/control-totals", [total("2025-09-30", 1, 5), total("2025-10-01", 3, 10)]))
    assert await gaps(platform, "2025-09-30", "2025-10-02") == [
        {
            "source": platform.name,
            "day": "2025-09-30",
            "declared": {"records": 1, "charge_fen": 5},
            "recorded": {"records": 1, "charge_fen": 5},
            "gap": {"records": 0, "charge_fen": 0},
        },
        {
            "source": platform.name,
            "day": "2025-10-01",
            "declared": {"records": 3, "charge_fen": 10},
            "recorded": {"records": 1, "charge_fen": 7},
            "gap": {"records": 2, "charge_fen": 3},
        },
    ]
    assert len(await gaps(platform, "2025-10-01", "2025-10-02")) == 1, "`to` is exclusive"


async def test_corrections_are_netted_on_the_day_of_the_original(platform: KeyClient) -> None:
    await platform.push(usage("c", charge_fen=50), usage("d", charge_fen=60), void("e", "c"))
    await platform.push(
        usage("f", corrects="d", action="replace", charge_fen=1, started_at="2025-09-02T08:00:00+08:00",
              ended_at="2025-09-02T09:00:00+08:00"),
    )  # fmt: skip
    await platform.put("/control-totals", [total("2025-09-01", 0, 0)])
    found = await gaps(platform, "2025-09-01", "2025-09-03")
    assert [(one["day"], one["recorded"], one["gap"]) for one in found] == [
        ("2025-09-01", {"records": 0, "charge_fen": 0}, {"records": 0, "charge_fen": 0}),
        ("2025-09-02", {"records": 1, "charge_fen": 1}, None),
    ]


async def test_a_correction_that_a_replay_recorded_is_netted_for_its_source(platform: KeyClient) -> None:
    assert counts(await platform.push(void("early", "awaited")))[3] == 1
    await platform.push(usage("awaited", charge_fen=9), usage("stays", charge_fen=4))
    assert counts(await platform.replay()) == [1, 0, 0, 0]
    assert [one["recorded"] for one in await gaps(platform, "2025-09-01", "2025-09-02")] == [
        {"records": 1, "charge_fen": 4}
    ]


async def test_the_latest_statement_counts_and_repeats_are_duplicates(platform: KeyClient) -> None:
    day = "2024-01-01"
    assert counts(good(await platform.put("/control-totals", [total(day, 1, 1)]))) == [1, 0, 0, 0]
    assert counts(good(await platform.put("/control-totals", [total(day, 1, 1)]))) == [0, 1, 0, 0]
    assert counts(good(await platform.put("/control-totals", [total(day, 2, 2)]))) == [1, 0, 0, 0]
    assert counts(good(await platform.put("/control-totals", [total(day, 1, 1)]))) == [1, 0, 0, 0]
    assert [one["declared"] for one in await gaps(platform, day, "2024-01-02")] == [{"records": 1, "charge_fen": 1}]


async def test_each_source_speaks_for_itself(app: ApiClient, platform: KeyClient) -> None:
    other = await app.platform()
    await platform.put("/control-totals", [total("2024-02-01", 1, 1)])
    await other.put("/control-totals", [total("2024-02-01", 2, 2)])
    assert [one["declared"]["records"] for one in await gaps(platform, "2024-02-01", "2024-02-02")] == [1]
    assert [one["declared"]["records"] for one in await gaps(other, "2024-02-01", "2024-02-02")] == [2]


async def test_it_comes_in_portions(platform: KeyClient) -> None:
    await platform.put("/control-totals", [total(f"2023-01-{day:02}", day, 0) for day in range(1, 31)])
    seen: list[dict[str, Any]] = []
    cursor = None
    while True:
        page = good(await platform.get("/reconciliation", from_="2023-01-01", to="2023-02-01", limit=8, cursor=cursor))
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert [one["declared"]["records"] for one in seen] == list(range(1, 31))


async def test_a_cursor_of_an_earlier_day_takes_nothing_from_a_later_period(platform: KeyClient) -> None:
    await platform.put("/control-totals", [total(f"2022-01-{day:02}", day, 0) for day in range(1, 31)])
    page = good(await platform.get("/reconciliation", from_="2022-01-01", to="2022-02-01", limit=8))
    later = good(
        await platform.get("/reconciliation", from_="2022-01-20", to="2022-02-01", limit=1000, cursor=page["next"])
    )
    assert [one["day"] for one in later["items"]] == [f"2022-01-{day:02}" for day in range(20, 31)]


@pytest.mark.parametrize(("limit", "year"), [(1, 2017), (2, 2018), (7, 2019), (1000, 2021)])
async def test_portions_of_any_size_add_up_to_the_whole(
    app: ApiClient, registrar: KeyClient, limit: int, year: int
) -> None:
    """Three sources, of which two are silent on most days, over a year: nothing is missed or said twice."""
    chance = random.Random(limit)
    sent: dict[tuple[str, str], int] = {}
    for share in (0.2, 0.03, 0.01):
        sender = await app.platform()
        days = [date(year, 1, 1) + timedelta(day) for day in range(365) if chance.random() < share]
        records = []
        for day in days:
            records.append(usage(f"{day}", started_at=f"{day}T12:00:00+08:00", ended_at=f"{day}T13:00:00+08:00"))
            sent[str(day), sender.name] = 1
        declared = [total(str(day), 2, 0) for day in days if chance.random() < 0.5]
        good(await sender.put("/control-totals", declared))
        assert counts(await sender.push(*records))[0] == len(days)
    found, cursor = [], None
    while True:
        page = good(
            await registrar.get(
                "/reconciliation", from_=f"{year}-01-01", to=f"{year}-12-31", limit=limit, cursor=cursor
            )
        )
        assert len(page["items"]) <= limit
        found += [(one["day"], one["source"], one["recorded"]["records"]) for one in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert found == sorted((day, source, 1) for day, source in sent if day < f"{year}-12-31")


@pytest.mark.parametrize(("first", "end"), [("1900-01-01", "1900-12-31"), ("9999-01-01", "9999-12-31")])
async def test_a_period_in_which_nothing_can_be_is_empty(platform: KeyClient, first: str, end: str) -> None:
    assert await platform.items("/reconciliation", from_=first, to=end) == []


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({}, "bad_request"),
        ({"from_": "2025-01-01"}, "bad_request"),
        ({"from_": "2025-01-01", "to": "soon"}, "bad_request"),
        ({"from_": "1899-12-31", "to": "1900-01-02"}, "bad_request"),
        ({"from_": "0001-01-01", "to": "0001-12-31"}, "bad_request"),
        ({"from_": "1700000000", "to": "2025-01-01"}, "bad_request"),
        ({"from_": "２０２５-01-01", "to": "2025-01-02"}, "bad_request"),
        ({"from_": "2025-01-02", "to": "2025-01-01"}, "bad_period"),
        ({"from_": "2020-01-01", "to": "2025-01-01"}, "bad_period"),
        ({"from_": "2025-01-01", "to": "2025-01-02", "cursor": "WyJzb29uIiwgImEiXQ"}, "bad_cursor"),
    ],
)
async def test_a_period_is_asked_for_in_days(platform: KeyClient, query: dict[str, str], code: str) -> None:
    assert problem(await platform.get("/reconciliation", **query)) == (400, code)


@pytest.mark.parametrize(
    ("item", "code"),
    [
        (total("2025-13-01", 1, 1), "bad_date"),
        (total("2025-01-01", -1, 1), "out_of_range"),
        (total("2025-01-01", 1, -1), "out_of_range"),
        ({"day": "2025-01-01", "records": 1}, "missing_field"),
        (total("2025-01-01", 1, 1) | {"note": "x"}, "unknown_field"),
    ],
)
async def test_a_total_that_is_none_is_refused(platform: KeyClient, item: dict[str, Any], code: str) -> None:
    assert good(await platform.put("/control-totals", [item]))["results"][0]["code"] == code
