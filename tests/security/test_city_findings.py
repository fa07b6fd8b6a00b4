"""Reviewers of a city are told what was found about their own lines, and no figure of anybody else."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg

from api.auth.sessions import whose
from meter.database.connect import driver
from settlement.store.findings import findings_of_city
from tests.support.api_client import ApiClient
from tests.support.people import session_of
from tests.support.province import CITIES, code_of, people_of, populate, run

OWN, OTHER = code_of(CITIES[0], 0), code_of(CITIES[1], 0)
FIND = """insert into finding (settlement, kind, facility, chip, consumer, parties, started_at, ended_at, found,
    expected, records, digest, found_at)
    values ($1, $2, 'centre', 'card-a', $3, $4, now(), now(), 7, 9, '[{"batch": 1, "ordinal": 0}]', $5, now())"""


async def test_a_city_sees_the_findings_of_its_own_lines_without_what_they_were_held_against(app: ApiClient) -> None:
    await populate(app)
    number = (await run((await people_of(app)).clerk))["id"]
    owner = await asyncpg.connect(app.url)
    try:
        rows = [("price_stray", OWN, []), ("price_stray", OTHER, []), ("above_capacity", None, []),
                ("ring", None, [OWN, OTHER])]  # fmt: skip
        for place, (kind, consumer, parties) in enumerate(rows):
            await owner.execute(FIND, number, kind, consumer, parties, bytes([place]))
    finally:
        await owner.close()
    token = await session_of(app, "合肥复核", "reviewer", CITIES[0])
    assert await whose(app.engine, token, datetime.now(UTC))
    async with app.engine.connect() as held:
        found = await findings_of_city(await driver(held), number, [OWN, OTHER], 100)
    assert [(one["kind"], one["consumer"], one["found"], one["expected"]) for one in found] == [
        ("price_stray", OWN, 7, None), ("ring", OWN, None, None),
    ]  # fmt: skip
    assert [one["parties"] for one in found] == [[], []]
    assert [one["proofs"] for one in found] == [1, None]
