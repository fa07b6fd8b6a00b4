"""A few batches or days are read by the pages they lie on, however much the journal has grown since anybody looked."""

from __future__ import annotations

import asyncio
from datetime import datetime

import asyncpg
import pytest_asyncio

from meter.days import SHANGHAI
from meter.registry.queries import RECORDED
from tests.support.api_client import ApiClient, KeyClient, counts, good
from tests.support.records import NDJSON, as_lines, usage


@pytest_asyncio.fixture
async def filled(app: ApiClient, platform: KeyClient) -> str:
    """The URL of a journal of six batches, of a day each."""
    for day in range(1, 7):
        times = {"started_at": f"2025-09-0{day}T08:00:00+08:00", "ended_at": f"2025-09-0{day}T09:00:00+08:00"}
        body = as_lines([usage(f"{day}-{number}", **times) for number in range(10_000)])
        assert counts(good(await platform.send(body, NDJSON)))[0] == 10_000
    return app.url


async def plan_of(url: str, query: str, *values: object) -> str:
    """How the query is answered, once by way of the index; as it still is after ten seconds."""
    connection = await asyncpg.connect(url)
    try:
        for _ in range(100):
            plan = "\n".join(row[0] for row in await connection.fetch(f"explain {query}", *values))
            if "entry_batch_started_at_idx" in plan:
                break
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
    return plan


async def test_a_few_batches_or_days_are_read_without_reading_the_whole_journal(filled: str) -> None:
    edges = [datetime(2025, 9, day, tzinfo=SHANGHAI) for day in (3, 4)]
    for plan in (
        await plan_of(filled, "select * from entry where batch between $1 and $2", 4, 5),
        await plan_of(filled, RECORDED, *edges),
    ):
        assert "entry_batch_started_at_idx" in plan
        assert "Seq Scan on entry" not in plan
