"""The rollup behind the journal: with several workers and a kill every batch is in it once, and any can be asked."""

from __future__ import annotations

import asyncio
from threading import Event
from typing import Any

import asyncpg
import polars as pl
import pytest

from meter.database import copy
from meter.database.connect import driver
from meter.database.locks import AdvisoryLock
from meter.rollup import recent, store
from meter.rollup.daily import roll_up
from meter.rollup.store import advance, measured_rows, rolled_up_to, use_as_of
from tests.support.api_client import ApiClient, KeyClient
from tests.support.records import usage, void
from tests.support.serving import in_process


async def head(owner: asyncpg.Connection) -> int:
    """The last batch of the journal."""
    return int(await owner.fetchval("select max(batch) from batch"))


async def test_workers_that_race_and_are_killed_add_every_batch_once(
    app: ApiClient, platform: KeyClient, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "BLOCK_RECORDS", 4)  # many blocks
    monkeypatch.setattr(recent, "MOST_RECORDS", 0)  # of what is in memory one block would be made
    under_way, go_on = Event(), Event()

    def held(rows: Any, sign: int = 1) -> pl.DataFrame:
        under_way.set()
        assert go_on.wait(60)
        return roll_up(rows, sign)

    try:
        async with in_process(app.url) as second:
            monkeypatch.setattr(store, "roll_up", held)
            await asyncio.gather(*(platform.push(usage(f"kept-{n}"), usage(f"also-{n}")) for n in range(12)))
            one = asyncio.create_task(advance(app.engine))
            other = asyncio.create_task(advance(second.engine))
            assert await asyncio.to_thread(under_way.wait, 60)
            # Whoever holds the lock is adding a block up, the others leave it to that one.
            killed = await owner.fetch(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and objid = $1",
                AdvisoryLock.ROLLING_UP,
            )
            assert len(killed) == 1
            go_on.set()
            await asyncio.gather(one, other, return_exceptions=True)
            await platform.push(void("void-3", "kept-3"), usage("kept-12"))
            while (last := await head(owner)) > await rolled_up_to(owner):
                await asyncio.gather(advance(app.engine), advance(second.engine), advance(app.engine))
        blocks = await owner.fetch("select first_batch, last_batch from rollup_block order by first_batch")
        numbers = [n for block in blocks for n in range(block["first_batch"], block["last_batch"] + 1)]
        assert numbers == list(range(1, last + 1))
        assert len(blocks) > 5
        async with app.engine.connect() as connection:
            raw = await driver(connection)
            for batch in range(last + 1):
                whole = roll_up(await measured_rows(raw, 1, batch))
                assert (await use_as_of(raw, batch)).equals(whole), batch
                monkeypatch.setattr(copy, "PORTION_ROWS", 1 + batch % 3)  # rows come in several portions
                assert (await use_as_of(raw, batch)).equals(whole), batch
    finally:
        go_on.set()
