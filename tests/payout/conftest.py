"""Locked settlements to pay out, each in a database of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg
import pytest_asyncio

from tests.support.api_client import ApiClient
from tests.support.postgres import Cluster
from tests.support.province import People, locked, people_of, populate
from tests.support.serving import in_process

ENTITIES_A_CITY = 6


@dataclass(frozen=True)
class Paying:
    """A province with a locked settlement."""

    door: ApiClient
    people: People
    settlement: str
    owner: asyncpg.Connection


@pytest_asyncio.fixture
async def paying(cluster: Cluster) -> AsyncIterator[Paying]:
    """Eighteen instructions, ready."""
    async with cluster.database() as url, in_process(url) as door:
        await populate(door, ENTITIES_A_CITY)
        people = await people_of(door)
        made = await locked(people)
        owner = await asyncpg.connect(url)
        try:
            yield Paying(door, people, made["id"], owner)
        finally:
            await owner.close()
