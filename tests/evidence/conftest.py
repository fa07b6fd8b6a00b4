"""A database with a journal, a locked settlement, payments and an audit log, for tampering with copies of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest_asyncio

from tests.support.api_client import good
from tests.support.postgres import Cluster, url_of
from tests.support.province import CITIES, code_of, locked, people_of, populate, use
from tests.support.serving import in_process
from tests.support.worlds import post


@dataclass(frozen=True)
class Original:
    """A database that nobody touches, and where copies of it are made."""

    cluster: Cluster
    name: str

    @property
    def url(self) -> str:
        return url_of(self.cluster.server, self.name)


@pytest_asyncio.fixture(scope="module")
async def original(cluster: Cluster) -> AsyncIterator[Original]:
    """Some two dozen batches, six lines, six payments, a log of them all."""
    async with cluster.database() as url:
        async with in_process(url) as door:
            platform = await populate(door)
            for hour in range(9, 19):
                await use(platform, {code_of(city, number): 100 * hour for city in CITIES for number in range(2)}, hour)
            people = await people_of(door)
            await locked(people)
            taken = good(await post(people.payer, "/payouts/claim", {"limit": 4, "worker": "w"}))["items"]
            for one in taken:
                said = {"fence": one["fence"], "bank_reference": f"B{one['id']}"}
                good(await post(people.payer, f"/payouts/{one['id']}/paid", said))
            for hour in range(9, 19):
                await use(platform, {code_of(CITIES[0], 0): 100}, hour)
        yield Original(cluster, url.rsplit("/", 1)[1])
