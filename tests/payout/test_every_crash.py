"""Every boundary of the job, every way of the bank, one or two workers, both gateways: paid once, and not stuck.

The places are those that the code has: a life is lived again with the crash one boundary later, until it meets none.
The suite takes a seeded part of the places of each way; `make payout-crashes` takes all (SUANBU_CRASH_STRIDE=1).
"""

from __future__ import annotations

import contextlib
import os
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio

from tests.bank.behaviour import WAYS
from tests.payout.conftest import Paying
from tests.payout.crashing import GATEWAYS, Life
from tests.payout.files import instructions
from tests.payout.proof import keep
from tests.support.clock import clock_in_a_table
from tests.support.postgres import Cluster
from tests.support.province import locked, people_of, populate
from tests.support.serving import in_process

STRIDE = int(os.environ.get("SUANBU_CRASH_STRIDE", "48"))
SEED = 20261130
ENTITIES_A_CITY = 100 if STRIDE == 1 else 20


class Supply:
    """Payments that nobody has touched yet; another province when they are used up."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._provinces: list[AsyncIterator[Paying]] = []
        self._left: Iterator[int] = iter(())
        self._paying: Paying | None = None
        self.ahead = 0
        """By how many hours the province's clock is ahead."""

    async def next(self) -> tuple[Paying, int]:
        """A province, and the number of a payment in it."""
        number = next(self._left, None)
        if number is None:
            await self.close()
            province = _province(self._cluster)
            self._provinces.append(province)
            self._paying = await anext(province)
            self._left = iter([one["id"] for one in await instructions(self._paying)])
            number = next(self._left)
            self.ahead = 0
        assert self._paying is not None
        await _state(self._paying.owner, number, "ready")
        return self._paying, number

    async def close(self) -> None:
        """Let the province go."""
        while self._provinces:
            async for _ in self._provinces.pop():
                raise AssertionError("one province at a time")


async def _province(cluster: Cluster) -> AsyncIterator[Paying]:
    async with cluster.database() as url, _hurried(url), in_process(url) as door:
        await populate(door, ENTITIES_A_CITY)
        people = await people_of(door)
        made = await locked(people)
        owner = await asyncpg.connect(url)
        await owner.execute(f"alter database {url.rpartition('/')[2]} set lock_timeout = '300ms'")
        await clock_in_a_table(owner)
        await _state(owner, None, "failed")  # out of every job's way until its turn comes
        try:
            yield Paying(door, people, made["id"], owner)
        finally:
            await owner.close()


async def _state(owner: asyncpg.Connection, number: int | None, status: str) -> None:
    """Put an instruction, or all, into a state past all rules: before its life begins."""
    async with owner.transaction():
        await owner.execute("set local session_replication_role = replica")
        await owner.execute("update payout_instruction set status = $2 where id = coalesce($1, id)", number, status)


@contextlib.asynccontextmanager
async def _hurried(url: str) -> AsyncIterator[None]:
    """Commits that are not synced: it is the job that dies here, and never the database."""
    owner = await asyncpg.connect(url)
    await owner.execute(f"alter database {url.rpartition('/')[2]} set synchronous_commit = off")
    await owner.close()
    yield


@pytest_asyncio.fixture(scope="module")
async def supply(cluster: Cluster) -> AsyncIterator[Supply]:
    found = Supply(cluster)
    yield found
    await found.close()


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("two_workers", [False, True], ids=["one-worker", "two-workers"])
@pytest.mark.parametrize("gateway", GATEWAYS)
async def test_wherever_the_job_dies_a_payment_is_made_once(
    supply: Supply, tmp_path: Path, gateway: str, two_workers: bool
) -> None:
    chance = random.Random(f"{SEED}-{gateway}-{two_workers}")
    met: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    lives: Counter[str] = Counter()
    wrong: list[str] = []
    for way in WAYS:
        place = chance.randrange(STRIDE)
        found = True
        while found:
            paying, number = await supply.next()
            folder = tmp_path / f"{way}-{place}"
            life = Life(paying, number, gateway, way, place, two_workers, folder, hours=supply.ahead)
            try:
                await life.live()
            except AssertionError as error:  # every other place is tried too
                wrong.append(str(error))
            found, supply.ahead = bool(life.met), life.hours
            lives[way] += 1
            hit[way] += bool(life.mind.journal.hit.get(way))
            met[life.met] += found
            place += STRIDE
    print(f"{gateway}, {1 + two_workers} workers: {lives.total()} lives, hit {dict(hit)}, met at {dict(met)}")
    keep(
        f"crashes: {gateway}, {'two workers' if two_workers else 'one worker'}",
        every_boundary=STRIDE == 1, seed=SEED, lives=lives.total(), lives_by_way=lives, hit_by_way=hit,
        met_by_boundary={name: count for name, count in sorted(met.items()) if count}, wrong=wrong,
    )  # fmt: skip
    assert not wrong, f"{len(wrong)} lives: {wrong[:5]}"
    assert all(hit[way] for way in WAYS), f"a fault that never hit proves nothing: {hit}"
    if STRIDE == 1:
        assert {f"{name}: {side}" for name in ("lease",) for side in ("before the commit", "committed")} <= set(met)
        assert len([name for name in met if name]) >= 8
