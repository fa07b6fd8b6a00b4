"""Findings of all four kinds, from records over HTTP to what stands beside a settlement's lines."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest_asyncio

from tests.support.api_client import ApiClient, KeyClient, counts, good, problem
from tests.support.records import chip, entity, facility, usage, uscc
from tests.support.worlds import post

A, B, STRANGER, PARENT = uscc(21), uscc(22), uscc(23), uscc(24)


@pytest_asyncio.fixture(scope="module")
async def submitted(app: ApiClient) -> AsyncIterator[str]:
    """A submitted settlement over records that ask to be looked at, and over some that do not."""
    registrar = await app.registrar()
    crowded = facility("crowded", owners=[{"uscc": STRANGER, "share": "1"}],
                       capacity=[{"chip": "card-a", "cards": 10, "from": "2020-01-01"}])  # fmt: skip
    facilities = [crowded, *(facility(f"of-{name}", owners=[{"uscc": code, "share": "1"}])
                             for name, code in (("a", A), ("b", B)))]  # fmt: skip
    holdings = [
        {"holder": PARENT, "held": held, "share": "0.6", "from": "2020-01-01", "document": "d"} for held in (A, B)
    ]
    entities = [entity(code, name=f"单位{number}") for number, code in enumerate((A, B, STRANGER, PARENT))]
    for path, items in (
        ("/chips", [chip()]), ("/facilities", facilities), ("/entities", entities), ("/holdings", holdings),
    ):  # fmt: skip
        answer = good(await registrar.put(path, items))
        assert answer["refused"] == 0, answer
    platform = await app.platform()
    records: list[dict[str, Any]] = [
        *(usage(f"plain-{number}", consumer=A, facility="crowded", cards=1, charge_fen=1000,
                started_at=f"2025-09-{number + 1:02d}T08:00:00+08:00",
                ended_at=f"2025-09-{number + 1:02d}T09:00:00+08:00")
          for number in range(25)),
        usage("much", consumer=A, facility="crowded", cards=11, charge_fen=11_000,
              started_at="2025-10-05T08:00:00+08:00", ended_at="2025-10-05T09:00:00+08:00"),
        usage("dear", consumer=A, facility="crowded", cards=1, charge_fen=9_000,
              started_at="2025-09-28T08:00:00+08:00", ended_at="2025-09-28T09:00:00+08:00"),
        usage("outer", consumer=B, facility="of-a", order="o1", cards=2, charge_fen=2_000,
              started_at="2025-10-01T08:00:00+08:00", ended_at="2025-10-01T12:00:00+08:00"),
        usage("inner", consumer=B, facility="of-a", order="o1", cards=2, charge_fen=1_000,
              started_at="2025-10-01T09:00:00+08:00", ended_at="2025-10-01T10:00:00+08:00"),
        usage("back", consumer=A, facility="of-b", cards=1, charge_fen=500,
              started_at="2025-10-02T08:00:00+08:00", ended_at="2025-10-02T10:00:00+08:00"),
        usage("taken-back", consumer=A, facility="crowded", cards=99, charge_fen=99_000,
              started_at="2025-10-06T08:00:00+08:00", ended_at="2025-10-06T09:00:00+08:00"),
    ]  # fmt: skip
    assert counts(await platform.push(*records)) == [len(records), 0, 0, 0]
    assert counts(await platform.push({"id": "gone", "corrects": "taken-back", "action": "void"})) == [1, 0, 0, 0]
    clerk = await app.holder("settlement:run", "report:read")
    made = (await post(clerk, "/settlements", {"round": "anhui-2026", "order": {"rate": "0.2"}})).json()
    good(await post(clerk, f"/settlements/{made['id']}/submit"))
    yield made["id"]


@pytest_asyncio.fixture
async def reviewer(app: ApiClient) -> KeyClient:
    return await app.holder("settlement:review", "report:read")


async def test_a_submitted_settlement_has_its_findings_with_the_records_that_prove_them(
    app: ApiClient, submitted: str, reviewer: KeyClient
) -> None:
    found = await reviewer.items(f"/settlements/{submitted}/findings")
    by_kind = {one["kind"]: one for one in found}
    assert sorted(one["kind"] for one in found) == ["above_capacity", "metered_twice", "price_stray", "ring"]
    above = by_kind["above_capacity"]
    assert (above["facility"], above["chip"], above["found"], above["expected"]) == (
        "crowded",
        "card-a",
        11_000,
        10_000,
    )
    twice = by_kind["metered_twice"]
    assert (twice["consumer"], twice["facility"], twice["found"]) == (B, "of-a", 2_000 * 3_600)
    stray = by_kind["price_stray"]
    assert (stray["consumer"], stray["found"], stray["expected"]) == (A, 9_000_000, 1_000_000)
    assert sorted(by_kind["ring"]["parties"]) == sorted([A, B])
    shown = [await read(app, record) for record in (above["records"], twice["records"], stray["records"])]
    assert shown == [["much"], ["inner", "outer"], ["dear"]]


async def read(app: ApiClient, records: list[dict[str, int]]) -> list[str]:
    """The records that a finding names, by their charges, which are all different."""
    charges = {11_000: "much", 2_000: "outer", 1_000: "inner", 9_000: "dear"}
    names = []
    connection = await asyncpg.connect(app.url)
    try:
        for record in records:
            charge = await connection.fetchval(
                "select charge_fen from entry where batch = $1 and ordinal = $2", record["batch"], record["ordinal"]
            )
            names.append(charges[charge])
    finally:
        await connection.close()
    return sorted(names)


async def test_looking_again_finds_the_same_once(submitted: str, reviewer: KeyClient) -> None:
    before = await reviewer.items(f"/settlements/{submitted}/findings")
    answer = good(await post(reviewer, f"/settlements/{submitted}/findings"))
    assert answer["findings"] == {"above_capacity": 1, "metered_twice": 1, "ring": 1, "price_stray": 1}
    assert await reviewer.items(f"/settlements/{submitted}/findings") == before


async def test_findings_are_chosen_by_kind_and_by_who_is_in_them(submitted: str, reviewer: KeyClient) -> None:
    path = f"/settlements/{submitted}/findings"
    assert {one["kind"] for one in await reviewer.items(path, consumer=B)} == {"metered_twice", "ring"}
    assert {one["kind"] for one in await reviewer.items(path, facility="crowded")} == {"above_capacity", "price_stray"}
    assert [one["kind"] for one in await reviewer.items(path, kind="ring")] == ["ring"]
    assert problem(await reviewer.get(path, kind="odd")) == (400, "bad_request")
    assert problem(await reviewer.get("/settlements/none/findings")) == (404, "no_such_settlement")


async def test_findings_change_no_money(submitted: str, reviewer: KeyClient) -> None:
    assert good(await reviewer.get(f"/settlements/{submitted}/verify"))["equal"]
