"""A few batches are read by the pages they lie on, however much the journal has grown since anybody looked at it."""

from __future__ import annotations

import asyncio

import asyncpg

from tests.support.door import Door, Holder, counts, good
from tests.support.records import NDJSON, as_lines, usage


async def test_a_few_batches_are_read_without_reading_the_whole_journal(app: Door, platform: Holder) -> None:
    for batch in range(6):
        body = as_lines([usage(f"{batch}-{number}") for number in range(10_000)])
        assert counts(good(await platform.send(body, NDJSON)))[0] == 10_000
    connection = await asyncpg.connect(app.url)
    try:
        for _ in range(100):
            plan = "\n".join(
                row[0]
                for row in await connection.fetch("explain select * from entry where batch between $1 and $2", 4, 5)
            )
            if "entry_batch_idx" in plan:
                break
            await asyncio.sleep(0.1)
    finally:
        await connection.close()
    assert "entry_batch_idx" in plan
    assert "Seq Scan" not in plan
