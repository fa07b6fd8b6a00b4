"""The job that writes a report: stored lines go through it block by block, and its bytes come out as they are made."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Generator, Iterator, Mapping
from functools import cached_property
from typing import Any

import polars as pl
from sqlalchemy.ext.asyncio import AsyncEngine

from meter.database.connect import driver
from settlement.compute.shapes import EXCLUDED, PARTS, excluded_lists
from settlement.report import check_asked, report_blocks
from settlement.rounds import load_rounds
from settlement.store.report_lines import line_block, lines_counted


class StoredLines:
    """The lines of a stored settlement, or of one region of it; to be read in a thread. They never change, so that
    every block is read by itself, on a connection that is given back before the block is looked at."""

    def __init__(self, engine: AsyncEngine, settlement: str, region: str | None) -> None:
        self._engine, self._settlement, self._region = engine, settlement, region
        self._loop = asyncio.get_running_loop()

    @property
    def count(self) -> int:
        """How many lines there are."""
        return self._counted[0]

    @property
    def adjusted(self) -> bool:
        """Whether any of them has the difference from an earlier settlement."""
        return self._counted[1]

    @cached_property
    def _counted(self) -> tuple[int, bool]:
        return asyncio.run_coroutine_threadsafe(self._count(), self._loop).result()

    async def _count(self) -> tuple[int, bool]:
        async with self._engine.connect() as held:
            return await lines_counted(await driver(held), self._settlement, self._region)

    def blocks(self, *, excluded: bool) -> Iterator[pl.DataFrame]:
        """Yield the lines in order of code. The next block is read while one is used."""
        coming = asyncio.run_coroutine_threadsafe(self._read("", excluded=excluded), self._loop)
        try:
            while (block := coming.result()).height:
                coming = asyncio.run_coroutine_threadsafe(self._read(block["uscc"][-1], excluded=excluded), self._loop)
                yield block.select("line", excluded=_parts(block))
        finally:
            coming.cancel()

    async def _read(self, after: str, *, excluded: bool) -> pl.DataFrame:
        async with self._engine.connect() as held:
            return await line_block(await driver(held), self._settlement, self._region, after, excluded=excluded)


def _parts(block: pl.DataFrame) -> pl.Series:
    """Return the uncounted use of each line in the shape of the contract."""
    told = block["told"].str.json_decode(EXCLUDED)
    counted = excluded_lists(block["parts"].str.json_decode(PARTS))
    both = pl.DataFrame({"told": told, "counted": counted})
    return both.select(pl.coalesce("told", "counted").fill_null([])).to_series()


async def report_of(
    engine: AsyncEngine, settlement: Mapping[str, Any], form: str, layout: str | None, region: str | None
) -> AsyncIterator[bytes]:
    """Return the bytes of a stored settlement's report as they are made, in a thread of their own.

    `settlement` is the contract's object; it may carry the checkpoint that is printed. Raises NotAReport at once.
    """
    check_asked(form, layout, region)
    lines = StoredLines(engine, settlement["id"], region)
    of_round = load_rounds()[settlement["round"]]
    return in_portions(report_blocks(form, layout, settlement, lines, of_round, region))


async def in_portions(blocks: Generator[bytes, None, None]) -> AsyncIterator[bytes]:
    """Yield what a generator yields in a thread; whoever stops listening ends it."""
    step: asyncio.Future[bytes | None] | None = None
    try:
        while True:
            step = asyncio.ensure_future(asyncio.to_thread(next, blocks, None))
            portion = await asyncio.shield(step)
            if portion is None:
                return
            yield portion
    finally:
        await asyncio.shield(_ended(blocks, step))


async def _ended(blocks: Generator[bytes, None, None], step: asyncio.Future[bytes | None] | None) -> None:
    """Wait for the step at hand, which cannot be broken off, and end the generator."""
    if step is not None:
        await asyncio.wait([step])
    await asyncio.to_thread(blocks.close)
